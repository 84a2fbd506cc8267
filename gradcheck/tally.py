"""The tally of one check over many problems: what it said, how close it came, and where."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from gradcheck import traits
from gradcheck.checks import Check
from gradcheck.diagnosis import keep
from gradcheck.problem import Problem
from gradcheck.spread import Spread
from gradcheck.verdict import FAILURES, SEVERITY, Outcome, Verdict

FEW = 10  # problems that are enough to speak of
KINDS = 100  # reasons of one check that are told apart
OTHERS = "for a reason other than those told"


def rank(found: tuple[Problem, Verdict]) -> tuple[bool, int, bool]:
    """Of two failures the one with the lower rank is told: one that convinces, then a small one, then one in C order."""
    problem, verdict = found
    return not verdict.convincing, problem.entries, problem.memory != "C"


@dataclass
class Tally:
    """What one check said over many problems.

    `ratio` is the worst test ratio, `slack` the largest share of the rounding bound used, `shares` where it is above 1,
    `reasons` counts why a problem was not judged, and those beyond `KINDS` as one. `first` is the first problem that failed and
    its verdict; `smallest` the one to begin with in search of a smaller one: it fails in the same way, beyond dispute where any
    does.
    `expected` is the reason why this check is known to fail, if it is, and `shown` whether a check that is expected to fail
    for the same reason did. `failing` keeps the first problems that failed, for a diagnosis. `lost` is the problem on which most
    bits were lost beside careful code, and its verdict; `careful` makes that a failure. `spread` holds what a page draws.
    """

    check: Check
    expected: str = ""
    shown: bool = False
    counts: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    ratio: float | None = None
    slack: float | None = None
    first: tuple[Problem, Verdict] | None = None
    smallest: tuple[Problem, Verdict] | None = None
    failing: list[Problem] = field(default_factory=list)
    shares: traits.Confinement = field(default_factory=traits.Confinement)
    lost: tuple[Problem, Verdict] | None = None
    careful: bool = False
    spread: Spread = field(default_factory=Spread)

    def add(self, problem: Problem, verdict: Verdict) -> None:
        """Count one verdict."""
        self.counts[verdict.outcome] += 1
        if verdict.outcome in (Outcome.SKIPPED, Outcome.INCONCLUSIVE):
            known = verdict.reason in self.reasons or len(self.reasons) < KINDS
            self.reasons[verdict.reason if known else OTHERS] += 1
        if verdict.ratio is not None:
            self.ratio = max(self.ratio or 0.0, verdict.ratio)
        if verdict.slack is not None:
            self.slack = max(self.slack or 0.0, verdict.slack)
            self.shares.add(traits.of(problem), verdict.slack)
        self.spread.add(problem, verdict)
        if verdict.lost and (self.lost is None or verdict.lost > self.lost[1].lost):
            self.lost = problem, verdict
        if verdict.failed:
            self._failing(problem, verdict)

    def _failing(self, problem: Problem, verdict: Verdict) -> None:
        if self.first is None:
            self.first = problem, verdict
        if verdict.outcome is self.first[1].outcome:
            self.smallest = min(self.smallest or self.first, (problem, verdict), key=rank)
        if not verdict.final:
            keep(self.failing, problem)

    @property
    def outcome(self) -> Outcome:
        """The most severe thing said; skipped where nothing was."""
        return next((outcome for outcome in SEVERITY if self.counts[outcome]), Outcome.SKIPPED)

    @property
    def stale(self) -> bool:
        """Whether it was expected to fail and could, but agreed, as did every other check with the same reason."""
        return bool(self.expected) and self.outcome is Outcome.AGREE and not self.shown

    def unforeseen(self, verdict: Verdict) -> bool:
        """Whether this verdict is a failure that no expectation covers."""
        errored = verdict.outcome is Outcome.ERRORED and not self.expected.startswith("errored")
        return verdict.failed and (errored or not self.expected)

    @property
    def failed(self) -> bool:
        """Whether it makes a run fail: it disagrees or errored without being expected to, or the other way round.

        An expectation is of a disagreement; of errors only where its reason begins with "errored".
        """
        unforeseen = bool(self.counts[Outcome.ERRORED]) and not self.expected.startswith("errored")
        careless = self.careful and self.lost is not None
        return self.stale or unforeseen or (not self.expected and (careless or self.outcome in FAILURES))

    @property
    def judged(self) -> int:
        """On how many problems it agreed, disagreed or errored."""
        return sum(self.counts[outcome] for outcome in (Outcome.AGREE, *FAILURES))

    @property
    def reason(self) -> str:
        """Why problems were not judged: the most frequent reason."""
        return self.reasons.most_common(1)[0][0] if self.reasons else ""

    def bits(self, u: float) -> float | None:
        """Effective bits, -log2 of the smallest unit roundoff under which every problem would still pass.

        The bounds are proportional to u to first order, so this is -log2(slack u). None where no rounding was seen.
        """
        return float(-np.log2(self.slack * u)) if self.slack else None

    def worst_regime(self, u: float) -> tuple[float, str] | None:
        """Where a trait of the problems tells those that cost bits from the others: the bits of the others, and that trait.

        `(53.2, "the largest |logit| is 1e+06 or more")` says that there are 53 bits except there, where `bits` are left. None
        where all bits of the precision are there, or no trait tells.
        """
        found = self.shares.found() if self.shares.good >= FEW else None
        if found is None:
            return None
        where, rest = found
        return float(-np.log2(rest * u)) if rest else np.inf, where
