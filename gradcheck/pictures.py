"""What an implementation computed on one problem, entry by entry beside what it must be: for those who look at a failure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks import Check, Trial
from gradcheck.checks.reading import Broken, Skip
from gradcheck.enclosure import Enclosure, Reals, outward
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

    @cached_property
    def off(self) -> NDArray[np.bool_]:
        """Which entries are further off than the limit."""
        return np.asarray(self.test_ratio > 1)

    @property
    def ratio(self) -> Reals:
        """Computed divided by exact; NaN where the exact value is 0."""
        with np.errstate(all="ignore"):
            return np.where(self.exact == 0, np.nan, self.computed / self.exact)

    @cached_property
    def test_ratio(self) -> Reals:
        """As a verdict has it: the error divided by its limit; 0 where the limit is infinite, whatever was computed."""
        return Enclosure(self.exact, self.limit).test_ratio(self.computed)

    @cached_property
    def matrix(self) -> "Picture":
        """The same with two axes: a number is one row of one column."""
        return Picture(self.quantity, *(np.atleast_2d(array) for array in (self.computed, self.exact, self.limit)))

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
