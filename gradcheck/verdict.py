"""Verdicts: what a check says of an implementation on one problem. Data only; reports write the text."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gradcheck.enclosure import Enclosure, Reals, outward


class Outcome(StrEnum):
    """The five things that a check can say. Only `agree` counts as agreement."""

    AGREE = "agree"
    DISAGREE = "disagree"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    ERRORED = "errored"


# Of several, the one that a summary must show: a disagreement is never hidden behind an agreement.
SEVERITY = (Outcome.DISAGREE, Outcome.ERRORED, Outcome.AGREE, Outcome.INCONCLUSIVE, Outcome.SKIPPED)
FAILURES = frozenset({Outcome.DISAGREE, Outcome.ERRORED})


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


@dataclass(frozen=True)
class Verdict:
    """What one check says on one problem.

    `ratio` is the worst test ratio (dimensionless), `slack` the worst share of the implementation's own rounding
    bound that it used (so its effective bits are -log2(slack * u)); None where nothing was compared.
    """

    outcome: Outcome
    reason: str = ""
    ratio: float | None = None
    slack: float | None = None
    witness: Witness | None = None

    @property
    def failed(self) -> bool:
        """Whether it disagrees or errored."""
        return self.outcome in FAILURES


@dataclass(frozen=True)
class Comparison:
    """One computed array, what a referee knows of it, and the rounding error that correct code may add.

    `referee` is the enclosure of the exact quantity, `allowed` the implementation's rounding bound (absolute).
    `exact` says that the truth is an exact number, so that an enclosure around 0 is not vacuous.
    """

    quantity: str
    computed: Reals
    referee: Enclosure
    allowed: Reals
    exact: bool = False

    def verdict(self) -> Verdict:
        """Agree iff every test ratio is at most 1, and some entry could have been told from zero."""
        allowed = np.broadcast_to(self.allowed, self.referee.midpoint.shape)
        whole = self.referee.inflate(allowed)
        ratios = whole.test_ratio(self.computed)
        worst = np.unravel_index(int(ratios.argmax()), ratios.shape)
        ratio = float(ratios[worst])
        witness = Witness(
            self.quantity,
            tuple(int(i) for i in worst),
            float(self.computed[worst]),
            float(whole.midpoint[worst]),
            float(whole.radius[worst]),
        )
        outcome, reason = Outcome.AGREE, ""
        if ratio > 1:
            outcome = Outcome.DISAGREE
        elif not self.exact and whole.vacuous.all() or np.isinf(whole.radius).all():
            outcome, reason = Outcome.INCONCLUSIVE, "rounding alone can explain every value, zero included"
        return Verdict(outcome, reason, ratio, self._slack(allowed), witness)

    def _slack(self, allowed: Reals) -> float:
        """max (error - referee's radius) / allowed: what of the implementation's own bound was certainly used."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = abs(np.asarray(self.computed, dtype=np.float64) - self.referee.midpoint)
            used = np.maximum(error - outward(self.referee.radius), 0) / allowed
        return float(np.nan_to_num(used, nan=0.0, posinf=np.inf).max(initial=0.0))


def combine(verdicts: list[Verdict]) -> Verdict:
    """One verdict for the comparisons of one check: the most severe, and of those the one with the worst ratio."""
    leading = min(verdicts, key=lambda v: (SEVERITY.index(v.outcome), -(v.ratio or 0.0)))
    slacks = [v.slack for v in verdicts if v.slack is not None]
    return Verdict(leading.outcome, leading.reason, leading.ratio, max(slacks, default=None), leading.witness)
