"""What the options of a loss make of its labels, and what rounding may do to that: docs/bounds.md, section 14.

Y' is a sum of products of numbers that are not negative, so that its roundings are relative, but for 1 - smoothing, whose
own error is relative to smoothing. N is a count, or a sum of weights.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gradcheck.bounds.roundings import relative, roundings, together
from gradcheck.enclosure import Reals
from gradcheck.law.options import LABELLED, WEIGHTS, CrossEntropy
from gradcheck.law.text import kept, labels, squared, weights_of
from gradcheck.precision import Precision
from gradcheck.problem import Problem

WEIGHED, SMOOTHED, ADDED = 3, 5, 3  # further operations on each label: weights; smoothing; a z-loss


def operations(law: CrossEntropy) -> int:
    """Further operations on each label."""
    return WEIGHED * bool(law.class_weight) + SMOOTHED * bool(law.smoothing) + ADDED * bool(law.z_loss)


def sums(law: CrossEntropy, p: Precision, L: int, *, one_class: bool) -> float:
    """What the weight of a label, and its mass, come to, as a logarithm; `one_class`: whether each is one before it is smoothed.

    Either may be a sum over the classes: of one term, or of several where a distribution is weighed.
    """
    if not law.class_weight:
        return 0.0
    several = law.smoothing_weight == "label" and not one_class
    return roundings(p, 0, (L - 1) * several) + roundings(p, 0, 0)


def divided(p: Precision, terms: int, mass: float, N: float, *, among: int | None = None) -> float:
    """What a divisor N, a sum of so many weights of labels of a mass, comes to, as a logarithm; `among` as in `depth`."""
    lost = p.eta * (mass + terms) / N  # weights, and their products, that underflow
    return roundings(p, 2, terms - 1, among=among) + float(lost)


def unsmoothed_error(law: CrossEntropy, p: Precision) -> float:
    """What a label is off by because 1 - smoothing is, relative to the label as it was."""
    return 2 * law.smoothing * relative(p, SMOOTHED, writings=1, readings=1)


def parted(law: CrossEntropy, L: int) -> float:
    """What the parts of a label are more than the label, relative to it as it was: smoothed over the others by more than over all,
    code that smooths over all takes a part away again.
    """
    beyond = law.smoothing * L / (L - 1) - 1 if law.smoothing_over == "others" and L > 1 else 0.0
    return 2 * max(beyond, 0.0)


@dataclass(frozen=True, eq=False)
class Folded:
    """The labels Y' (L, n) and the divisor N of one problem, and the roundings of code in one precision that forms them."""

    problem: Problem
    precision: Precision

    @property
    def Y(self) -> Reals:
        """Y', (L, n), evaluated in float64: its own roundings are of those that are counted."""
        return self.problem.labels

    @cached_property
    def N(self) -> float:
        """What the sum is divided by; NaN where nothing counts, that is unsure, or N, 1/N or a weight/N may leave the range."""
        N, law = self.problem.divisor, self.problem.law
        if law.plain:
            return N
        if self.unsure:
            return np.nan
        most = max(1.0, self.mass.max(initial=0.0), *law.class_weight)
        huge = self.precision.huge
        return N if 2 * most / huge < N < huge else np.nan

    @property
    def unsure(self) -> bool:
        """Whether a sample counts whose labels are all read as 0 where they are read in a smaller range, and then it does not."""
        law, most = self.problem.law, self.problem.reals[3].max(axis=0)
        decided = law.ignore is not None or law.counted == LABELLED
        return decided and bool(((most > 0) & (most < self.precision.eta)).any())

    @cached_property
    def at_least_one(self) -> float:
        """N where that is more than 1: code may divide first or last."""
        return max(self.N, 1.0)

    @cached_property
    def below_one(self) -> float:
        """1/N where that is more than 1: what an absolute error is multiplied by."""
        return max(1 / self.N, 1.0)

    @cached_property
    def mass(self) -> Reals:
        """Of each sample, (1, n)."""
        return np.asarray(self.Y.sum(axis=0, keepdims=True))

    @cached_property
    def by_sample(self) -> bool:
        """Whether the label of each sample that counts is one class, of whatever mass."""
        return self.problem.one_class and not self.problem.law.smoothing

    @property
    def own(self) -> int | None:
        """Additions of the sum of a column of Y', and its product with A: none for a label that is one class."""
        return None if self.by_sample else self.problem.L

    @cached_property
    def _more(self) -> tuple[int, float]:
        """Operations on each label, and what sums over the classes and the divisor come to, as a logarithm."""
        law, p = self.problem.law, self.precision
        if law.plain:
            return 0, 0.0
        more, one_class = operations(law), self.problem.label_index is not None
        summed = sums(law, p, self.problem.L, one_class=one_class)
        if law.counted != WEIGHTS or not self.problem.divisor > 0:
            return more, summed
        Y = self.problem.reals[3]
        return more, summed + divided(p, Y.size, float(Y.sum()), self.problem.divisor, among=Y.size)

    def relative(
        self,
        operations: float,
        additions: float | None = None,
        writings: float = 0,
        readings: float = 0,
        among: float | None = None,
    ) -> float:
        """As `roundings.relative`, with what forms Y' and N."""
        more, divisor = self._more
        if not (more or divisor):
            return relative(self.precision, operations, additions, writings, readings, among)
        return together(roundings(self.precision, operations + more, additions, writings, readings, among) + divisor)

    @cached_property
    def error(self) -> Reals:
        """What Y' may be off by besides, absolute, (L, n): 1 - smoothing, underflow, and anything where a weight overflows."""
        law, p = self.problem.law, self.precision
        if law.plain or not (law.smoothing or law.class_weight):
            return np.zeros((1, 1))
        hard = np.asarray(labels(self.problem.reals[3], replace(law, smoothing=0.0) if law.smoothing else law))
        found = unsmoothed_error(law, p) * hard
        most = max(law.class_weight, default=0.0)
        finite = self.Y.max(initial=0.0) < p.huge and most < p.huge and p.huge > self.N
        lost = 4 * p.eta * (1 + self.problem.reals[3])  # of a weight that underflows, as often as it is taken
        return found + lost if finite else np.full(hard.shape, np.inf)

    @cached_property
    def parts(self) -> Reals:
        """What the parts of Y' are more than Y', (L, n): see `parted`."""
        law, Y = self.problem.law, self.problem.reals[3]
        more = parted(law, len(Y))
        return more * np.asarray(labels(Y, replace(law, smoothing=0.0))) if more else np.zeros((1, 1))

    @cached_property
    def unsmoothed(self) -> Reals:
        """What the terms are multiplied by in code that adds them up over all classes first and smooths then, (L, n)."""
        law, Y = self.problem.law, self.problem.reals[3]
        return np.asarray(kept(Y, law) * (weights_of(law, Y) if law.class_weight else np.ones((len(Y), 1))))

    @cached_property
    def z(self) -> Reals:
        """What lse^2 of each sample is multiplied by, (1, n)."""
        law = self.problem.law
        return np.asarray(law.z_loss * squared(self.problem.reals[3], law))
