"""What a referee of values offers: enclosures of every quantity of one problem, and the bounds that go with them.

A class masked by b = -inf has Z = -inf, A = 0 and a gradient of 0, all exact; it is taken out here, so that neither
the referees nor the bounds meet an infinity.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.precision import Precision
from gradcheck.problem import Problem


class Values(Protocol):
    """Enclosures of the exact values of a problem without masked classes."""

    Z: Enclosure
    A: Enclosure
    loss: Enclosure
    D: Enclosure
    theta: Enclosure
    b: Enclosure


def magnitude(problem: Problem) -> Reals:
    """`|theta||X| + |b|`, (L, n): what the rounding error of the logits is relative to."""
    theta, b, X, _ = problem.reals
    with np.errstate(over="ignore"):
        return abs(theta) @ abs(X) + abs(b)


def unmasked(problem: Problem) -> Problem:
    """The problem without its masked classes, or itself.."""
    keep = ~problem.masked
    if keep.all():
        return problem
    return problem.with_arrays(problem.theta[keep], problem.b[keep], problem.X, problem.Y[keep])


@dataclass(frozen=True, eq=False)
class Logits:
    """Only Z and A: enough for every bound."""

    Z: Enclosure
    A: Enclosure


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact values of one problem, and what rounding may add in its precision; masked classes put back."""

    problem: Problem
    values: Values | Logits
    magnitude: Reals

    def restated(self, problem: Problem, times: int = 1) -> "Truth":
        """The bounds of another statement of the same logits: each sample `times` over, or theta and X widened."""

        def repeated(enclosure: Enclosure) -> Enclosure:
            return Enclosure(np.tile(enclosure.midpoint, times), np.tile(enclosure.radius, times))

        logits = Logits(repeated(self.values.Z), repeated(self.values.A))
        return Truth(problem, logits, np.tile(self.magnitude, times))

    def enclosure(self, quantity: str) -> Enclosure:
        """Of `Z`, `A`, `D` (L, n), `theta` (L, d), `b` (L, 1) or `loss` ()."""
        found: Enclosure = getattr(self.values, quantity)
        if quantity == "loss" or not self.problem.masked.any():
            return found
        fill = -np.inf if quantity == "Z" else 0.0
        return Enclosure(self._embed(found.midpoint, fill), self._embed(found.radius, 0.0))

    def allowed(self, quantity: str) -> Reals:
        """The rounding bound (absolute) of the same quantity."""
        found: Reals = getattr(self._bounds, quantity)
        return found if quantity == "loss" or not self.problem.masked.any() else self._embed(found, 0.0)

    @cached_property
    def _bounds(self) -> bounds.Allowed:
        return self.bounds_in(self.problem.precision)

    def bounds_in(self, precision: Precision) -> bounds.Allowed:
        """The bounds of all quantities in any precision, without the masked classes."""
        reduced = unmasked(self.problem)
        return bounds.allowed(reduced, precision, self.magnitude, self.values.Z, self.values.A)

    def _embed(self, rows: Reals, fill: float) -> Reals:
        whole = np.full((self.problem.L, rows.shape[1]), fill)
        whole[~self.problem.masked] = rows
        return whole

    def loss_noise(self, reach: Reals) -> float:
        """The rounding error (absolute) of a loss in this precision, wherever Z changes by at most `reach` (L, n)."""
        if not reach.any():
            return float(self.allowed("loss"))
        reduced, precision = unmasked(self.problem), self.problem.precision
        kept = reach[~self.problem.masked]
        Z = self.values.Z.inflate(kept)
        A = Enclosure(np.ones_like(kept), np.zeros_like(kept))
        return float(bounds.allowed(reduced, precision, self.magnitude + kept, Z, A).loss)
