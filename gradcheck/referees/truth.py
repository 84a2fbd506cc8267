"""What a referee of values offers: enclosures of every quantity of one problem, and the bounds that go with them.

A class masked by b = -inf has Z = -inf, A = 0 and a gradient of 0, all exact; it is taken out here, so that neither
the referees nor the bounds meet an infinity.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Protocol

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law.options import PLAIN
from gradcheck.precision import FLOAT64, Precision
from gradcheck.problem import Problem

WHOLE = ("loss", "X")  # quantities that have no row for each class
CAREFUL = 2**18  # products of which it is asked whether they are exact


class Values(Protocol):
    """Enclosures of the exact values of a problem without masked classes."""

    @property
    def Z(self) -> Enclosure: ...
    @property
    def A(self) -> Enclosure: ...
    @property
    def loss(self) -> Enclosure: ...
    @property
    def D(self) -> Enclosure: ...
    @property
    def theta(self) -> Enclosure: ...
    @property
    def b(self) -> Enclosure: ...
    @property
    def X(self) -> Enclosure: ...


def magnitude(problem: Problem) -> Reals:
    """`|theta||X| + |b|`, (L, n): what the rounding error of the logits is relative to."""
    theta, b, X, _ = problem.reals
    with np.errstate(over="ignore"):
        return abs(theta) @ abs(X) + abs(b)


def unmasked(problem: Problem) -> Problem:
    """The problem without its masked classes, or itself."""
    keep = ~problem.masked
    if keep.all():
        return problem
    found = problem.with_arrays(problem.theta[keep], problem.b[keep], problem.X, problem.Y[keep])
    return found if problem.law.plain else found.with_law(problem.law.without(keep.tolist()))


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact values of one problem, and what rounding may add in its precision; masked classes put back.

    `grants` is the precision of the rounding, where that is not the problem's own.
    """

    problem: Problem
    values: Values
    magnitude: Reals
    grants: Precision | None = None

    def enclosure(self, quantity: str) -> Enclosure:
        """Of `Z`, `A`, `D` (L, n), `theta` (L, d), `b` (L, 1), `X` (d, n) or `loss` ()."""
        found: Enclosure = getattr(self.values, quantity)
        if quantity in WHOLE or not self.problem.masked.any():
            return found
        fill = -np.inf if quantity == "Z" else 0.0
        return Enclosure(self._embed(found.midpoint, fill), self._embed(found.radius, 0.0))

    def allowed(self, quantity: str) -> Reals:
        """The rounding bound (absolute) of the same quantity."""
        known = self._unmapped if quantity == "A" and self.problem.law.mapped else self._bounds
        found: Reals = self._returned(quantity, getattr(known, quantity))
        return found if quantity in WHOLE else self._spread(found)

    def _returned(self, quantity: str, bound: Reals) -> Reals:
        """And the writing down of the result, where that is coarser than what it is computed in."""
        if not self.granted.returned:
            return bound
        return bounds.returned(bound, getattr(self.values, quantity).magnitude, self.granted)

    @cached_property
    def _bounds(self) -> bounds.Allowed:
        return self.bounds_in(self.granted)

    def careful(self, quantity: str) -> Reals:
        """What the most careful code may be off by: logits that are exact are known to be, and none of a log-sum-exp is lost."""
        found: Reals = self._returned(quantity, getattr(self._careful, quantity))
        return found if quantity in WHOLE else self._spread(found)

    @cached_property
    def _careful(self) -> bounds.Allowed:
        reduced, Z, A = unmasked(self.problem), self.values.Z, self.values.A
        delta = self._bounds.Z
        if reduced.L * reduced.d * reduced.n <= CAREFUL:
            delta = np.where(bounds.exact_logits(reduced, self.granted, self.magnitude), 0.0, delta)
        return bounds.allowed_of(reduced, self.granted, self.magnitude, Z, A, delta=delta, ours=True)

    def upstream(self, quantity: str, c: Reals, size: Reals, operations: int = 1) -> Reals:
        """What rounding may add to the gradients of sum_i c_i loss_i: `theta`, `b`, `D` or `X`, which is no larger than `size`.

        c is one number, (1,), or one for each sample, (n,).
        """
        known = self._bounds
        own = {f.name: getattr(known, f.name) for f in fields(bounds.Allowed)}
        found: Reals = getattr(bounds.Upstream(**own, upstream=c, operations=operations), quantity)
        found = found if quantity in WHOLE else self._spread(found)
        for _ in range(operations + 1 if self.granted.returned else 0):  # c may be multiplied with what is written down
            found = bounds.returned(found, size, self.granted)
        return found

    def label_gradient(self) -> Reals:
        """What rounding may add to -log A/N, of a label of which the loss is a multiple, (L, n)."""
        found, p, N = self._bounds.softmax, self.granted, self.problem.divisor
        k = bounds.relative(p, 5, writings=3, readings=2)
        size = 2 * found.lse + found.distance  # of code that subtracts a logit from a log-sum-exp, each over N
        bound = ((1 + k) * found.log_A + k * size) / N + 4 * (1 + size) * p.eta
        bound = np.where(bound + size * max(1.0, 1 / N) < p.huge, bound, np.inf)
        return self._spread(bounds.returned(bound, size / N, p) if p.returned else outward(bound, 16))

    @cached_property
    def _unmapped(self) -> bounds.Allowed:
        """Of the softmax of Z itself, where the loss is not of that."""
        reduced = unmasked(self.problem).with_law(PLAIN)
        return bounds.allowed(reduced, self.granted, self.magnitude, self.values.Z, self.values.A)

    @property
    def granted(self) -> Precision:
        """The precision whose rounding errors are allowed."""
        return self.grants or self.problem.precision

    def bounds_in(self, precision: Precision) -> bounds.Allowed:
        """The bounds of all quantities in any precision, without the masked classes."""
        reduced = unmasked(self.problem)
        return bounds.allowed(reduced, precision, self.magnitude, self.values.Z, self.values.A)

    def _spread(self, bound: Reals) -> Reals:
        """With the masked classes, which are exact unless what they are divided by may overflow."""
        if not self.problem.masked.any():
            return bound
        fill = np.where(np.isinf(bound).any(axis=0), np.inf, 0.0)
        return self._embed(bound, fill)

    def _embed(self, rows: Reals, fill: float | Reals) -> Reals:
        whole = np.empty((self.problem.L, rows.shape[1]))
        whole[:] = fill
        whole[~self.problem.masked] = rows
        return whole

    @cached_property
    def nearby_loss_error(self) -> float:
        """The rounding error (absolute) of the loss in this precision wherever each logit changes by at most 1."""
        return self._nearby(self.granted)

    @cached_property
    def nearby_float64_error(self) -> float:
        """The same of our own float64 arithmetic, whose formulas are known: what central differences are taken of."""
        return self._nearby(FLOAT64, ours=True)

    def _nearby(self, precision: Precision, *, ours: bool = False) -> float:
        reduced = unmasked(self.problem)
        near, one = self.values.Z.inflate(1.0), np.ones_like(self.magnitude)
        A = np.minimum(self.values.A.magnitude * 7.4, 1.0)  # e^2 at most, where each logit changes by 1
        # parameters that move, move by less
        read = bounds.operands(reduced, precision) + 2 * reduced.d
        delta = bounds.logits_error(self.magnitude + one, reduced.d, precision, read)
        softmax = bounds.softmax_error(near, delta, A, precision, ours=ours)
        found = bounds.loss_error(bounds.Folded(reduced, precision), softmax)
        if precision.returned:  # a loss that is nearby is larger by no more than twice the mass of a sample
            mass = reduced.labels.sum() / reduced.divisor
            found = bounds.returned(found, self.values.loss.magnitude + 2 * mass, precision)
        return float(found)

    @cached_property
    def nearby_sample_errors(self) -> Reals:
        """Of the loss of each sample (n,), of logits that are taken as exact and lie within 1 of these, in float64."""
        reduced, Z = unmasked(self.problem), self.values.Z
        exact = np.zeros_like(Z.midpoint)
        softmax = bounds.softmax_error(Enclosure(Z.midpoint, exact + 1), exact, exact + 1, FLOAT64, ours=True)
        return bounds.sample_loss_errors(bounds.Folded(reduced, FLOAT64), softmax)

    def allowed_twice(self, quantity: str) -> Reals:
        """The bound of `theta`, `b` or `loss` where every sample stands twice."""
        if quantity == "loss":
            bound = self._bounds
            return self._returned("loss", bounds.loss_error(bound.folded, bound.softmax, times=2))
        X = abs(self.problem.reals[2]).T if quantity == "theta" else np.ones((self.problem.n, 1))
        found = self._returned(quantity, self._bounds.summed(X, times=2))
        return self._spread(found)
