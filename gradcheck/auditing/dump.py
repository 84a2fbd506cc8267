"""A dump: the arrays of one training step, validated. Knows shapes, and nothing of files or of how a dump is judged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.arithmetic import FIELDS, Arithmetic
from gradcheck.auditing import flags
from gradcheck.auditing.matrices import Placed
from gradcheck.auditing.met import Met
from gradcheck.auditing.rows import HELD, cuts, real
from gradcheck.auditing.sliced import Transposed
from gradcheck.auditing.stated import factor_of, shared_of
from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.foreign.watched import Watched
from gradcheck.law import CrossEntropy, text
from gradcheck.law.options import FIELDS as LAW
from gradcheck.law.options import LABELLED, PLAIN, WEIGHTS
from gradcheck.law.options import SAMPLES as SAMPLES_COUNTED

NEEDED = ("theta", "b", "X", "Y")
JUDGED = ("Z", "A", "loss", "grad_theta", "grad_b", "grad_Z", "grad_X")
GIVEN = ("upstream", "lse")  # that may be there, and nobody misses
NAMES = (*NEEDED, *JUDGED, *GIVEN)
BY_SAMPLE = ("X", "Y", "Z", "A", "grad_Z", "grad_X", "upstream", "lse")
SAMPLES = ("columns", "rows")
KNOWN = ("samples", "factor", "ranks", "reduced", "flags", "shared", *LAW, *FIELDS)  # what may be said of a dump

Arrays = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Dump(Met):
    """theta (L, d), b (L,), X (d, n), Y (L, n) or labels (n,), and what is to be judged; every array only sliced, never whole.

    `precision` is the coarsest precision that theta, X or an array to be judged is stored in; `law` is the loss that was computed,
    and `arithmetic` what a dump says of its rounding beside that. `divided` is N where that is known already. Every gradient is
    that of `factor` times the loss. `classes` counts those of each rank that has its own, `parts` the samples likewise. `doubt`
    is why products of these arrays cannot be judged. `shared` names gradients that are of this use of a parameter alone.
    """

    arrays: Arrays
    law: CrossEntropy = PLAIN
    source: str = ""
    watched: Watched | None = None
    arithmetic: Arithmetic = Arithmetic()  # noqa: RUF009 - immutable
    divided: float | None = None
    factor: float = 1.0
    classes: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    doubt: str = ""
    shared: tuple[str, ...] = ()

    @property
    def L(self) -> int:
        """Number of classes."""
        return int(self.arrays["theta"].shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.arrays["theta"].shape[1])

    @property
    def N(self) -> float:
        """What sums over samples are divided by; NaN where nothing counts."""
        return self.totals[0] if self.divided is None else self.divided

    @cached_property
    def totals(self) -> tuple[float, float]:
        """N, and the mass of the labels that it is made of: read once, and only where it is not a count that is known."""
        law = self.law
        if law.counted not in (LABELLED, WEIGHTS):
            return float(self.n if law.counted == SAMPLES_COUNTED else law.counted), float(self.n)
        parts = (self.samples("Y", part) for part in cuts(self.n, self.n if self.index else max(1, HELD // self.L)))
        N, mass = np.sum([(self._divisor(Y), len(Y) if self.index else real(Y).sum()) for Y in parts], axis=0).tolist()
        return N or math.nan, mass

    def _divisor(self, Y: Any) -> float:
        """What some samples add to N: as `law.text.normaliser`, which is a sum over samples here."""
        if self.index and self.law.counted == WEIGHTS:  # those of a class at once
            known = np.asarray(Y)[self.counted(Y) > 0]
            Y = np.bincount(known[(known >= 0) & (known < self.L)], minlength=self.L)[:, np.newaxis]
        elif self.index:
            Y = self.counted(Y)[np.newaxis]
        return float(text.normaliser(np.asarray(Y).astype(np.float64), self.law))

    def counted(self, Y: Any) -> Reals:
        """Of labels that are class indices, 1 for each that is not ignored."""
        ignored = self.law.ignore
        return np.ones(len(Y)) if ignored is None else (np.asarray(Y) != ignored).astype(np.float64)

    @cached_property
    def weights(self) -> Reals | None:
        """(L,) of the classes, where they have any."""
        return np.asarray(self.law.class_weight) if self.law.class_weight else None

    @property
    def share(self) -> float:
        """What a label is multiplied by in D: 1/N, and the slope of a scale of the logits; but for what is upstream."""
        return self.law.scale / self.N

    def shares(self, part: slice) -> Reals:
        """(nb,): that of each sample, with what is upstream."""
        return self.share * self.meets(part)

    @property
    def index(self) -> bool:
        """Whether labels are class indices."""
        return len(self.arrays["Y"].shape) == 1

    @cached_property
    def precision(self) -> precision.Precision:
        """The precision under test."""
        shown = [a for name, a in self.arrays.items() if name in (*JUDGED, "theta", "X") and name != "loss"]
        return max((precision.of(np.dtype(a.dtype)) for a in shown), key=lambda p: p.u)

    def require_unchanged(self) -> None:
        """`Unusable` where a file of the dump is not what it was when it was opened."""
        if self.watched is not None:
            self.watched.require_unchanged()


def of(
    given: Arrays,
    *,
    samples: str = "columns",
    source: str = "arrays",
    watched: Watched | None = None,
    classes: tuple[int, ...] = (),
    parts: tuple[int, ...] = (),
    part: bool = False,
    **declared: Any,
) -> Dump:
    """A dump of arrays in memory, or mapped; `declared` are fields of `CrossEntropy` and of `Arithmetic`. `Unusable` says what does
    not fit. With `part` they are those of one rank, whose classes are some of all.
    """
    if samples not in SAMPLES:
        raise Unusable(f"{source}: samples is {samples!r}; expected {' or '.join(SAMPLES)}")
    missing = [name for name in NEEDED if name not in given]
    if missing:
        raise Unusable(
            f"{source}: {', '.join(missing)} missing; expected theta, b (None where there is none), X, Y and any of "
            f"{', '.join(JUDGED)}"
        )
    seen = {name: _seen(name, given[name], samples, source) for name in NAMES if name in given}
    unknown = sorted(set(declared) - set(KNOWN))
    if unknown:
        raise Unusable(f"{source}: {', '.join(unknown)}: not known; expected any of {', '.join(KNOWN)}")
    law, arithmetic = ({k: declared[k] for k in names if k in declared} for names in (LAW, FIELDS))
    factor = factor_of(declared.get("factor", 1.0), source)
    shared = shared_of(declared.get("shared", ()), source)
    rounding = Arithmetic(**arithmetic)
    found = Dump(seen, CrossEntropy(**law), source, watched, rounding, None, factor, classes, parts, shared=shared)
    _validate(found, part=part)
    return _told(found, flags.known(declared["flags"], source)) if declared.get("flags") else found


def _told(found: Dump, said: flags.Flags) -> Dump:
    """With what follows from flags of its products."""
    stored = [precision.named(found.arithmetic.stored)] if found.arithmetic.stored else []
    kind = max((found.precision, *stored), key=lambda one: one.u).name
    declared = found.arithmetic
    return replace(found, arithmetic=flags.granted(said, kind, declared), doubt=flags.doubt(said, kind, declared))


def _seen(name: str, array: Any, samples: str, source: str) -> Any:
    array = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
    try:
        kind = np.dtype(array.dtype)
    except TypeError:
        raise Unusable(
            f"{source}: {name} has dtype {array.dtype}, which NumPy does not know; expected an array that NumPy can slice"
        ) from None
    integral = name == "Y" and kind.kind in "iu"
    if not integral and kind.name not in precision.NAMES:
        raise Unusable(f"{source}: {name} has dtype {kind.name}; expected one of {', '.join(precision.NAMES)}")
    if name in ("b", "grad_b"):
        return np.asarray(array).reshape(-1)
    if name == "lse":
        return np.atleast_2d(np.asarray(array[:]))
    if samples == "rows" and name in BY_SAMPLE and len(array.shape) == 2:
        return array.T if isinstance(array, np.ndarray | Placed) else Transposed(array)
    return array


def _validate(dump: Dump, *, part: bool) -> None:
    theta, X = dump.arrays["theta"], dump.arrays["X"]
    for name, array in (("theta", theta), ("X", X)):
        if len(array.shape) != 2 or 0 in array.shape:
            raise Unusable(
                f"{dump.source}: {name} has shape {tuple(array.shape)}; expected two dimensions, neither of them 0"
            )
    if dump.L < 2 and not part:
        raise Unusable(f"{dump.source}: theta has {dump.L} row; expected a row for each of at least two classes")
    L, d, n = dump.L, dump.d, dump.n
    Y = (n,) if dump.index else (L, n)
    shapes = {
        "b": (L,),
        "X": (d, n),
        "Y": Y,
        "Z": (L, n),
        "A": (L, n),
        "grad_theta": (L, d),
        "grad_b": (L,),
        "grad_Z": (L, n),
        "grad_X": (d, n),
        "upstream": (n,),
        "lse": (len(dump.classes) or 1, n),
    }
    for name, shape in shapes.items():
        array = dump.arrays.get(name)
        if array is not None and tuple(array.shape) != shape:
            raise Unusable(
                f"{dump.source}: {name} is seen with shape {tuple(array.shape)}; expected {shape}, since theta is {(L, d)} and "
                f"X has {n} samples; --samples rows (samples='rows' in Python) is for a sample in each row"
            )
    loss = dump.arrays.get("loss")
    if loss is not None and math.prod(loss.shape) not in (1, len(dump.classes) or 1):
        raise Unusable(f"{dump.source}: loss has shape {tuple(loss.shape)}; expected one number")
    kind = np.dtype(dump.arrays["Y"].dtype).kind
    if dump.index != (kind in "iu"):
        raise Unusable(
            f"{dump.source}: Y has shape {Y} and dtype {dump.arrays['Y'].dtype}; expected whole numbers (n,) or weights (L, n)"
        )
    _validate_law(dump)


def _validate_law(dump: Dump) -> None:
    law = dump.law
    if law.reduction == "none":
        raise Unusable(
            f"{dump.source}: reduction=none; expected a loss that is one number, a mean or a sum, in an audit"
        )
    if len(law.class_weight) not in (0, dump.L):
        raise Unusable(
            f"{dump.source}: class_weight has {len(law.class_weight)} weights; expected {dump.L}, one for each class"
        )
