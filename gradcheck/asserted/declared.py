"""What a test declares of the arithmetic of the code it judges, as what that is granted."""

from dataclasses import dataclass, replace
from typing import Any

from gradcheck import arithmetic, precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.errors import Unusable, require_kind
from gradcheck.ops.description import Grants, Op
from gradcheck.precision import Precision

WORDS = ("inner", "accumulate", "stored", "sums")
SUMS = "float32"  # what sums of 16-bit arrays are taken in, where nothing is declared


@dataclass(frozen=True)
class Declared:
    """`inner`, `accumulate`, `stored`, `sums` and `deterministic` as `Arithmetic` has them, or `arithmetic` in their place; the
    others as `explained` has them. Empty, or 0, where nothing is said.
    """

    inner: str = ""
    accumulate: str = ""
    stored: str = ""
    sums: str = ""
    elementary: float = 0.0
    filtered: float = 0.0
    deterministic: bool = True
    arithmetic: Arithmetic | None = None

    def __post_init__(self) -> None:
        for name in ("elementary", "filtered"):
            value: Any = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2.0**53:
                raise Unusable(f"{name}={value!r:.60} is not known; expected a number of 0 or more")
        if self.arithmetic is not None:
            require_kind("arithmetic", self.arithmetic, Arithmetic)
        beside = [name for name in WORDS if getattr(self, name)]
        if self.arithmetic is not None and (beside or self.deterministic is not True):
            raise Unusable(f"arithmetic= says all of it; {(*beside, 'deterministic')[0]}= is given beside it")
        if self.filtered >= 1:
            raise Unusable(f"filtered={self.filtered!r} is not known; expected a probability, such as 2**-12")

    def grants(self, op: Op, array: Precision) -> Grants:
        """For a result in that precision."""
        coarse = precision.named(op.stored) if op.stored else array
        given = self.said
        if replace(given, sums="", deterministic=True) == Arithmetic() and array.u > precision.named(SUMS).u:
            given = replace(given, accumulate=SUMS)
        if not (given.stored or given.inner) and coarse.u > array.u:
            given = replace(given, stored=coarse.name)  # as autocast does
        once = given.inner in precision.NAMES and precision.named(given.inner).u < array.u
        # what computes in a finer precision has the range of that inside, too: as for its arrays, written down at the end
        granted = arithmetic.granted(given.inner if once else array.name, replace(given, inner="") if once else given)
        return Grants(replace(granted, ulps=float(self.elementary)), array, once, self.filtered)

    @property
    def any_order(self) -> "Declared":
        """The same without a depth of sums."""
        given = self.arithmetic and replace(self.arithmetic, sums="")
        return replace(self, sums="", arithmetic=given)

    @property
    def said(self) -> Arithmetic:
        """All of it that `Arithmetic` has."""
        words = {name: getattr(self, name) for name in WORDS}
        return self.arithmetic or Arithmetic(
            **{**words, "stored": _stored(self.stored)}, deterministic=self.deterministic
        )


def _stored(name: str) -> str:
    return "" if name == "float64" else name
