"""How the test ratios of one check spread: counted on a log axis, and by the regimes of the problems. Small, and cheap to keep."""

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES
from gradcheck.verdict import Verdict

PER_DECADE = 2
LOWEST, HIGHEST = -6 * PER_DECADE, 20 * PER_DECADE  # cells; what lies beyond is counted in the last


def cell(ratio: float) -> int:
    """The cell of a test ratio: k for 10^(k/2) < ratio <= 10^((k+1)/2), so that those below 0 hold what agrees, 1 included."""
    if not ratio > 0:
        return HIGHEST if math.isnan(ratio) else LOWEST
    if ratio == math.inf:
        return HIGHEST
    return min(max(math.ceil(PER_DECADE * math.log10(ratio)) - 1, LOWEST), HIGHEST)


@lru_cache(maxsize=64)
def regimes_of(problem: Problem) -> tuple[str, ...]:
    """The regimes that a problem is in; every check asks them of the same problem."""
    return tuple(name for name, regime in REGIMES.items() if regime.holds(problem))


@dataclass(slots=True)
class Region:
    """One check on the problems of one regime: how many were compared, how many failed, the largest share of the bound."""

    compared: int = 0
    failed: int = 0
    slack: float = 0.0

    def add(self, other: "Region") -> None:
        """And other problems of it."""
        self.compared += other.compared
        self.failed += other.failed
        self.slack = max(self.slack, other.slack)

    def bits(self, u: float) -> float | None:
        """Effective bits, as of a tally; None where no rounding was seen."""
        return -math.log2(self.slack * u) if self.slack else None


@dataclass
class Spread:
    """`ratios` counts problems by cell, `regimes` holds what was compared in each of them."""

    ratios: Counter[int] = field(default_factory=Counter)
    together: dict[tuple[str, ...], Region] = field(default_factory=dict)  # by all the regimes that a problem is in

    def add(self, problem: Problem, verdict: Verdict) -> None:
        """One verdict; one that compared nothing is not counted."""
        if verdict.ratio is None or verdict.slack is None:
            return
        self.ratios[cell(verdict.ratio)] += 1
        names = regimes_of(problem)
        region = self.together.get(names)
        if region is None:
            region = self.together[names] = Region()
        region.add(Region(1, verdict.failed, verdict.slack))

    @property
    def regimes(self) -> dict[str, Region]:
        """Of each regime by itself."""
        found: dict[str, Region] = {}
        for names, region in self.together.items():
            for name in names:
                found.setdefault(name, Region()).add(region)
        return found
