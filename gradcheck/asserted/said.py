"""What is said of one array: data, and a message of at most fifteen lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, log2

from gradcheck.printable import clipped, printable, unheeded
from gradcheck.verdict import FAILURES, Outcome


@dataclass(frozen=True, repr=False)
class Explained:
    """What was found of one array. `value` stands at `place`, where `exact` must, within `allowance` (absolute); `ratio` is the
    test ratio there, the worst of all. `bits` are those that agree with the exact value there. `wrong` of `entries` are beyond,
    `unknown` were not judged at all, and `told` of `known` could have been told from zero. `cause` is what fits,
    if anything does. `hides` is how
    much of it may be wrong unseen, relative to all of it. Where not all entries were compared, `wrong` counts the lines of it that
    `counted` names.

        >>> import numpy as np, gradcheck
        >>> found = gradcheck.explained(np.zeros(2), gradcheck.ops.softmax(np.zeros(2)))
        >>> found.failed, found.place, found.value, found.exact, found.cause
        (True, (0,), 0.0, 0.5, 'it is all zeros')
    """

    quantity: str
    outcome: Outcome
    dtype: str
    op: str
    granted: str
    entries: int = 0
    wrong: int = 0
    unknown: int = 0
    told: int = 0
    known: int = 0
    place: tuple[int, ...] = ()
    value: float | None = None
    exact: float | None = None
    allowance: float | None = None
    ratio: float | None = None
    hides: float | None = None
    counted: str = ""
    cause: str = ""
    reason: str = ""
    advice: str = ""

    @property
    def agrees(self) -> bool:
        """Whether rounding explains all of it, and something could have been told."""
        return self.outcome is Outcome.AGREE

    @property
    def failed(self) -> bool:
        """Whether it is wrong."""
        return self.outcome in FAILURES

    @property
    def bits(self) -> float | None:
        """How many bits of the exact value the one at the place has; infinite where they are equal."""
        if self.value is None or not self.exact:
            return None
        off = abs(self.value - self.exact) / abs(self.exact)
        return inf if off == 0 else max(0.0, -log2(off)) if off < inf else 0.0

    def lines(self) -> Iterator[str]:
        yield self._first()
        if self.value is not None and not self.agrees:
            yield f"  place     {list(self.place)}"
            yield f"  value     {self.value:.9g}"
            yield f"  exact     {self.exact:.9g} ± {self.allowance:.2g} allowed to {self.granted}"
            yield f"  ratio     {_number(self.ratio)} times what rounding may do{self._bits()}"
        if self.cause:
            yield f"  cause     {self.cause}"
        if self.outcome is Outcome.INCONCLUSIVE and self.advice:
            yield f"  declare   {self.advice}"
        if self.unknown:
            yield f"  unknown   {self.unknown} of {self.entries} entries were not judged: nothing is known of them"
        if not self.agrees:
            yield f"  of        {self.op}"

    def _bits(self) -> str:
        return "" if self.bits is None else f"; {self.bits:.0f} bits are right"

    def _first(self) -> str:
        if self.reason and self.failed:
            return f"{self.quantity}: {self.reason}"
        if self.failed:
            beyond = (
                f"{self.wrong} or more {self.counted}" if self.counted else f"{self.wrong} of {self.entries} entries"
            )
            return f"{self.quantity} is not explained by rounding: {beyond} are off by more"
        if self.agrees:
            bound = "" if self.ratio is None else f", worst ratio {_number(self.ratio)}"
            share = "" if self.hides is None else f"; a share of {self.hides:.1e} could be wrong unseen"
            return f"{self.quantity} is explained by {self.dtype} rounding: {self.entries} entries{bound}, {self.granted}{share}"
        return f"{self.quantity} shows nothing: {self.reason} ({self.told} of {self.known} entries could be told from zero)"

    def __str__(self) -> str:
        return "\n".join(unheeded(printable(clipped(line, 400))) for line in self.lines())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self).splitlines()[0]}>"

    def __bool__(self) -> bool:
        return self.agrees


def first(value: float, place: tuple[int, ...], exact: float) -> str:
    """What is told first of a place: that there is no number at all."""
    return "" if isfinite(value) else f"{value} at {list(place)}, where the exact value is {exact:.6g}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
