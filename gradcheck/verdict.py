"""Verdicts: what a check says of an implementation on one problem. Data only; reports write the text."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.printable import LONGEST, clipped


class Outcome(StrEnum):
    """The five things that a check can say. Only `agree` counts as agreement.

    >>> from gradcheck import Outcome
    >>> [str(outcome) for outcome in Outcome]
    ['agree', 'disagree', 'inconclusive', 'skipped', 'errored']
    """

    AGREE = "agree"
    DISAGREE = "disagree"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    ERRORED = "errored"


# Of several, the one that a summary must show: a disagreement is never hidden behind an agreement.
SEVERITY = (Outcome.DISAGREE, Outcome.ERRORED, Outcome.AGREE, Outcome.INCONCLUSIVE, Outcome.SKIPPED)
FAILURES = frozenset({Outcome.DISAGREE, Outcome.ERRORED})
CONVINCING = 100.0  # times what rounding explains: nobody looks for the fault in the bound
# Why nothing is said where the limit is as wide as what it is compared with.
WIDE = "rounding alone can explain most of it, zero included"


def seen(limit: Reals, size: Reals) -> float:
    """The relative error of a quantity as a whole that these limits would have shown: their sum over that of the sizes.

    Of what is limited at all; from 1 on, nothing could have been seen.
    """
    known = np.isfinite(limit)
    total = float(np.where(known, size, 0).sum())
    return float(np.where(known, limit, 0).sum()) / total if total > 0 else np.inf


def told(limit: Reals, size: Reals) -> tuple[int, int]:
    """How many entries could be told from zero, of how many that are limited at all and not zero."""
    known = np.isfinite(limit) & (size > 0)
    return int((known & (limit < size)).sum()), int(known.sum())


def telling(some: int, known: int) -> bool:
    """Whether what was told suffices to agree: at least half of what could be."""
    return some > 0 and 2 * some >= known


@dataclass(frozen=True)
class Witness:
    """The entry at which a comparison is worst."""

    quantity: str
    place: tuple[int, ...]
    computed: float
    midpoint: float
    radius: float

    @property
    def ratio(self) -> float:
        """The test ratio of this entry."""
        return float(Enclosure(np.float64(self.midpoint), np.float64(self.radius)).test_ratio(self.computed))  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What one check says on one problem.

    `ratio` is the worst test ratio (dimensionless), `slack` the worst share of the implementation's own rounding
    bound that it used (so its effective bits are -log2(slack * u)); None where nothing was compared. `final` marks what
    cost the target its process, and is not tried again to find a smaller problem. `lost` counts the bits that an agreement lost
    beside the most careful code, at the entry `witness`, whose radius is the careful limit.

        >>> import gradcheck, numpy as np
        >>> p = gradcheck.Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.array([[1.0], [0.0]]))
        >>> verdict = gradcheck.judge_gradient(p, b=np.array([[-0.5], [0.25]]))["b"]
        >>> print(verdict.outcome, verdict.witness.place)
        disagree (1, 0)
    """

    outcome: Outcome
    reason: str = ""
    ratio: float | None = None
    slack: float | None = None
    witness: Witness | None = None
    final: bool = False
    lost: float = 0.0

    def __post_init__(self) -> None:
        if len(self.reason) > 2 * LONGEST:  # in the words of a target, or of a process, which may be of any length
            object.__setattr__(self, "reason", clipped(self.reason, 2 * LONGEST))

    @property
    def failed(self) -> bool:
        """Whether it disagrees or errored."""
        return self.outcome in FAILURES

    def report(self) -> str:
        """What was found, and of a failure whether float precision can be blamed."""
        from gradcheck.reports import told

        return "\n".join(told.verdict(self))

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.report().splitlines()[0]}>"

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from gradcheck.reports import told

        return told.block(self.report(), self.outcome)

    @property
    def convincing(self) -> bool:
        """Whether a failure is beyond dispute: no matter of numbers, or far outside of what rounding explains."""
        return self.failed and (self.ratio is None or not self.ratio < CONVINCING)


@dataclass(frozen=True)
class Comparison:
    """One computed array, what a referee knows of it, and the rounding error that correct code may add.

    `referee` is the enclosure of the exact quantity, `allowed` the implementation's rounding bound (absolute). Where the
    truth is 0 by cancellation, `scale` is the size of what cancels; the comparison is inconclusive where the enclosure of
    most entries is as wide as that, and otherwise where it is as wide as the truth itself. `careful`, if it is asked for,
    is what the most careful code may be off by (docs/bounds.md, section 11).
    """

    quantity: str
    computed: Reals
    referee: Enclosure
    allowed: Reals
    scale: Reals | None = None
    careful: Callable[[], Reals] | None = None

    def verdict(self) -> Verdict:
        """Agree iff every test ratio is at most 1, and at least half of the entries could have been told from zero."""
        midpoint, radius = self.referee.midpoint, self.referee.radius
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = abs(self.computed - midpoint)
            limit = outward(radius + self.allowed)
            ratios = error / limit
            excess = error - outward(radius)
            used = excess / self.allowed
        ratio, slack = float(ratios.max()), float(used.max())
        if not (ratio < np.inf and slack < np.inf):  # NaN somewhere, or a bound of zero or infinity
            ratios = Enclosure(midpoint, limit).test_ratio(self.computed)
            used = np.where(np.isnan(used), np.where(ratios > 1, np.inf, 0.0), used)
            ratio, slack = float(ratios.max()), float(used.max())
        slack = max(slack, 0.0)
        if ratio > 1:
            return Verdict(Outcome.DISAGREE, "", ratio, slack, self._witness(ratios, limit))
        size = abs(midpoint) if self.scale is None else self.scale
        seen = np.count_nonzero(limit < size)  # mostly all of them, and nothing more is to be counted
        if 2 * seen >= limit.size or telling(*told(limit, size)):
            return self._noted(Verdict(Outcome.AGREE, "", ratio, slack), excess)
        return Verdict(Outcome.INCONCLUSIVE, WIDE, ratio, slack)

    def _noted(self, verdict: Verdict, error: Reals) -> Verdict:
        """With what was lost beside careful code, if anything was."""
        if self.careful is None or not (error > 0).any():
            return verdict
        limit = outward(self.referee.radius + self.careful())
        with np.errstate(invalid="ignore", divide="ignore"):
            times = np.where(error > 0, error / limit, 0.0)
        lost = float(np.fmax.reduce(times, axis=None))
        if not lost > 1:
            return verdict
        return replace(verdict, lost=float(np.log2(lost)), witness=self._witness(np.nan_to_num(times), limit))

    def _witness(self, ratios: Reals, limit: Reals) -> Witness:
        """The entry with the worst ratio."""
        worst = np.unravel_index(ratios.argmax(), ratios.shape)
        computed = float(np.broadcast_to(self.computed, ratios.shape)[worst])
        place = tuple(int(i) for i in worst)
        return Witness(self.quantity, place, computed, float(self.referee.midpoint[worst]), float(limit[worst]))


def combine(verdicts: list[Verdict]) -> Verdict:
    """One verdict for the comparisons of one check: the most severe, and of those the one with the worst ratio."""
    if len(verdicts) == 1:
        return verdicts[0]
    leading = min(verdicts, key=lambda v: (SEVERITY.index(v.outcome), -(v.ratio or 0.0)))
    slacks = [v.slack for v in verdicts if v.slack is not None]
    lost = max(v.lost for v in verdicts) if leading.outcome is Outcome.AGREE else 0.0
    return Verdict(
        leading.outcome, leading.reason, leading.ratio, max(slacks, default=None), leading.witness, lost=lost
    )
