"""The truth of a cross-entropy of logits that are given: exact as they stand, whatever they were made of.

As `float64` and `ball` know it, with Z = Z I in the place of Z = theta X + b; granted is what rounding may do from there on.
"""

from dataclasses import dataclass

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law import CrossEntropy
from gradcheck.precision import FLOAT64, Precision
from gradcheck.problem import Problem
from gradcheck.referees import BALL_ENTRIES, ball, float64
from gradcheck.referees.truth import Truth


@dataclass(frozen=True, eq=False)
class Values(float64.Values):
    """See `truth.Values`; of Z alone."""

    given: Reals

    @property
    def Z(self) -> Enclosure:
        return Enclosure(self.given, np.zeros_like(self.given))


@dataclass(frozen=True, eq=False)
class Given(Truth):
    """What `Truth` offers of `loss` () and `D` (L, n)."""

    def bounds_in(self, precision: Precision) -> bounds.Allowed:
        Z = self.values.Z
        delta = np.zeros_like(Z.midpoint)
        if precision.stored:  # they may be written down once more
            delta = outward(precision.stored * abs(Z.midpoint) + precision.eta)
        return bounds.allowed_of(self.problem, precision, self.magnitude, Z, self.values.A, delta=delta, ours=False)


def finite(Z: Reals) -> tuple[Reals, np.ndarray]:
    """Logits (L, n) with those at -inf so far below the largest of their column that nothing of them is left; and of which
    columns (n,) anything is known at all.
    """
    masked = np.isneginf(Z)
    most = Z.max(axis=0)
    known = np.isfinite(most) & (np.isfinite(Z) | masked).all(axis=0)
    if known.all() and not masked.any():
        return Z, known
    most = np.where(known, most, 0.0)
    return np.where(known, np.where(masked, most - bounds.BELOW, Z), 0.0), known


def truth(Z: Reals, Y: Reals, law: CrossEntropy, granted: Precision) -> Given:
    """Of finite logits Z (L, n) and labels Y (L, n), both float64."""
    (L, n), one = Z.shape, np.zeros((1, Z.shape[1]))
    problem = Problem(np.zeros((L, 1)), np.zeros((L, 1)), one, Y).with_law(law)
    if granted.u <= FLOAT64.u and Z.size <= BALL_ENTRIES:
        posed = Problem(Z, np.zeros((L, 1)), np.eye(n), Y).with_law(law)
        known = ball.truth(posed).values
        return Given(problem, _With(known, Z), abs(Z), granted)
    return Given(problem, Values(problem, abs(Z), Z), abs(Z), granted)


class _With:
    """The values of a ball's truth, with logits that are exact."""

    def __init__(self, values: object, Z: Reals) -> None:
        self.values, self.Z = values, Enclosure(Z, np.zeros_like(Z))

    def __getattr__(self, name: str) -> Enclosure:
        found: Enclosure = getattr(self.values, name)
        return found
