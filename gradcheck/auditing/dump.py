"""A dump: the arrays of one training step, validated. Knows shapes, and nothing of files or of how a dump is judged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.arithmetic import FIELDS, Arithmetic
from gradcheck.errors import Unusable
from gradcheck.foreign.watched import Watched
from gradcheck.law import CrossEntropy

NEEDED = ("theta", "b", "X", "Y")
JUDGED = ("Z", "A", "loss", "grad_theta", "grad_b", "grad_Z", "grad_X")
NAMES = (*NEEDED, *JUDGED)
BY_SAMPLE = ("X", "Y", "Z", "A", "grad_Z", "grad_X")
SETTINGS = {"samples": ("columns", "rows"), "reduction": ("mean", "sum")}

Arrays = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Dump:
    """theta (L, d), b (L,), X (d, n), Y (L, n) or labels (n,), and what is to be judged; every array only sliced, never whole.

    `precision` is the coarsest precision that theta, X or an array to be judged is stored in; `arithmetic` what a dump says of its
    rounding beside that.
    """

    arrays: Arrays
    reduction: str = "mean"
    source: str = ""
    watched: Watched | None = None
    arithmetic: Arithmetic = Arithmetic()  # noqa: RUF009 - immutable

    @property
    def L(self) -> int:
        """Number of classes."""
        return int(self.arrays["theta"].shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.arrays["theta"].shape[1])

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.arrays["X"].shape[1])

    @property
    def N(self) -> float:
        """What sums over samples are divided by."""
        return float(self.n) if self.reduction == "mean" else 1.0

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

    def samples(self, name: str, part: slice) -> Any:
        """The samples of an array that are `part`, as they are stored."""
        array = self.arrays[name]
        return np.asarray(array[part] if len(array.shape) == 1 else array[:, part])


@dataclass(frozen=True, eq=False)
class Parts:
    """Arrays that follow each other along `axis`, seen as one that can only be sliced."""

    stored: tuple[Any, ...]
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is seen."""
        shape = list(self.stored[0].shape)
        shape[self.axis] = sum(part.shape[self.axis] for part in self.stored)
        return tuple(shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return np.dtype(self.stored[0].dtype)

    def __getitem__(self, place: Any) -> Any:
        places = list(place if isinstance(place, tuple) else (place,))
        places += [slice(None)] * (len(self.shape) - len(places))
        wanted, start, found = places[self.axis], 0, []
        low, high, _ = wanted.indices(self.shape[self.axis])
        for part in self.stored:
            end = start + part.shape[self.axis]
            if low < end and start < high:
                places[self.axis] = slice(max(low, start) - start, min(high, end) - start)
                whole = start <= low and high <= end
                # a copy of each of several, so that no more than one file is mapped
                found.append(np.asarray(part[tuple(places)]) if whole else np.array(part[tuple(places)]))
            start = end
        return found[0] if len(found) == 1 else np.concatenate(found, axis=self.axis)


@dataclass(frozen=True, eq=False)
class Transposed:
    """An array that is stored the other way round, and can only be sliced."""

    stored: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is seen."""
        return tuple(reversed(self.stored.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return np.dtype(self.stored.dtype)

    def __getitem__(self, place: Any) -> Any:
        rows, cols = place if isinstance(place, tuple) else (place, slice(None))
        return np.asarray(self.stored[cols, rows]).T


# ---- from arrays ----


def of(
    given: Arrays,
    *,
    samples: str = "columns",
    reduction: str = "mean",
    source: str = "arrays",
    watched: Watched | None = None,
    **declared: Any,
) -> Dump:
    """A dump of arrays in memory, or mapped; `declared` are fields of `Arithmetic`. `Unusable` says what does not fit."""
    for name, value in (("samples", samples), ("reduction", reduction)):
        if value not in SETTINGS[name]:
            raise Unusable(f"{source}: {name} is {value!r}; expected {' or '.join(SETTINGS[name])}")
    missing = [name for name in NEEDED if name not in given]
    if missing:
        raise Unusable(
            f"{source}: {', '.join(missing)} missing; expected theta, b, X, Y and any of {', '.join(JUDGED)}"
        )
    seen = {name: _seen(name, given[name], samples, source) for name in NAMES if name in given}
    unknown = sorted(set(declared) - set(FIELDS))
    if unknown:
        raise Unusable(f"{source}: {', '.join(unknown)}: not known; expected any of {', '.join((*SETTINGS, *FIELDS))}")
    found = Dump(seen, reduction, source, watched, Arithmetic(**declared))
    _validate(found)
    return found


def reduction_of(law: CrossEntropy, source: str = "arrays") -> str:
    """The one option of a loss that a dump is judged with; `Unusable` where another is declared."""
    others = set(law.said) - {"reduction"}
    if others or law.reduction not in SETTINGS["reduction"]:
        named = ", ".join(sorted(others)) or f"reduction={law.reduction}"
        raise Unusable(f"{source}: the loss has {named}, which an audit cannot judge yet; expected a mean or a sum")
    return law.reduction


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
    if samples == "rows" and name in BY_SAMPLE and len(array.shape) == 2:
        return array.T if isinstance(array, np.ndarray) else Transposed(array)
    return array


def _validate(dump: Dump) -> None:
    theta, X = dump.arrays["theta"], dump.arrays["X"]
    for name, array in (("theta", theta), ("X", X)):
        if len(array.shape) != 2 or 0 in array.shape:
            raise Unusable(
                f"{dump.source}: {name} has shape {tuple(array.shape)}; expected two dimensions, neither of them 0"
            )
    if dump.L < 2:
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
    }
    for name, shape in shapes.items():
        array = dump.arrays.get(name)
        if array is not None and tuple(array.shape) != shape:
            raise Unusable(
                f"{dump.source}: {name} is seen with shape {tuple(array.shape)}; expected {shape}, since theta is {(L, d)} and "
                f"X has {n} samples; --samples rows is for arrays with a sample in each row"
            )
    loss = dump.arrays.get("loss")
    if loss is not None and math.prod(loss.shape) != 1:
        raise Unusable(f"{dump.source}: loss has shape {tuple(loss.shape)}; expected one number")
    kind = np.dtype(dump.arrays["Y"].dtype).kind
    if dump.index != (kind in "iu"):
        raise Unusable(
            f"{dump.source}: Y has shape {Y} and dtype {dump.arrays['Y'].dtype}; expected whole numbers (n,) or weights (L, n)"
        )
