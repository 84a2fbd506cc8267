"""What an implementation computed on one problem, entry by entry beside what it must be: for those who look at a failure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks import Check, Trial
from gradcheck.checks.reading import Broken, Skip
from gradcheck.enclosure import Reals, outward
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.verdict import Comparison, Witness

MOST = 4096  # entries of an array that anybody looks at


@dataclass(frozen=True, eq=False)
class Picture:
    """One quantity: what was `computed`, the `exact` value, and the `limit` of the error, absolute; three arrays of one shape."""

    quantity: str
    computed: Reals
    exact: Reals
    limit: Reals

    @property
    def off(self) -> NDArray[np.bool_]:
        """Which entries are further off than the limit."""
        with np.errstate(invalid="ignore"):
            return ~(abs(self.computed - self.exact) <= self.limit)

    @property
    def ratio(self) -> Reals:
        """Computed divided by exact; NaN where the exact value is 0."""
        with np.errstate(all="ignore"):
            return np.where(self.exact == 0, np.nan, self.computed / self.exact)

    @property
    def test_ratio(self) -> Reals:
        """The error divided by its limit; 0 where there is no error, and infinite where something is wrong and no limit finite."""
        with np.errstate(all="ignore"):
            ratio = abs(self.computed - self.exact) / self.limit
        return np.where(np.isnan(ratio), np.where(self.off, np.inf, 0.0), ratio)

    @property
    def worst(self) -> Witness:
        """The entry that is furthest off."""
        place = tuple(int(k) for k in np.unravel_index(int(np.argmax(self.test_ratio)), self.exact.shape))
        computed, exact, limit = (float(array[place]) for array in (self.computed, self.exact, self.limit))
        return Witness(self.quantity, place, computed, exact, limit)


@dataclass(frozen=True, eq=False)
class Larger:
    """A problem on which a pattern shows better than on the smallest, and what was compared on it."""

    problem: Problem
    pictures: tuple[Picture, ...]

    @property
    def wrong(self) -> tuple[Picture, ...]:
        """Those that are wrong on it."""
        return tuple(picture for picture in self.pictures if picture.off.any())


ENTRIES = 24  # of theta, about as many as show a pattern and can be read


def telling(failing: Iterable[Problem], smallest: Problem) -> Problem | None:
    """Of problems that failed, one with about as many entries as can be read; none where the smallest has as many."""
    more = [
        problem for problem in failing if min(problem.L, problem.d) > 1 and problem.theta.size > smallest.theta.size
    ]
    return min(more, key=lambda problem: abs(problem.theta.size - ENTRIES), default=None)


def taken(implementation: Implementation, check: Check, problem: Problem) -> tuple[Picture, ...]:
    """What this check compares on this problem, whichever of it is wrong; nothing where it has no numbers to compare."""
    trial = Trial(implementation, problem)
    try:
        with np.errstate(all="ignore"):
            found = [item for item in check.function(trial) if isinstance(item, Comparison)]
            return tuple(_picture(item) for item in found if item.referee.midpoint.size <= MOST)
    except (Skip, Broken):
        return ()


def _picture(found: Comparison) -> Picture:
    exact = found.referee.midpoint
    limit = outward(found.referee.radius + found.allowed)
    return Picture(found.quantity, *(np.broadcast_to(array, exact.shape) for array in (found.computed, exact, limit)))
