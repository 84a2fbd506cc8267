"""Float64 arithmetic as a referee: its result, plus or minus the rounding bound taken at u = 2**-53. Rigorous.

Sharp for float32, float16 and bfloat16, where its radius is negligible; for float64 code it is as wide as the bound it
is added to, and serves where balls would be slow. Knows the definition of the loss and the derivative of log-sum-exp,
and nothing of `gradcheck.model`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.law import text
from gradcheck.law.functions import log_softmax, log_sum_exp
from gradcheck.precision import FLOAT64
from gradcheck.problem import Problem
from gradcheck.referees.truth import Truth, magnitude, unmasked


@dataclass(frozen=True, eq=False)
class Values:
    """See `truth.Values`. Gradients are computed when they are first asked for."""

    problem: Problem
    magnitude: Reals

    @cached_property
    def Z(self) -> Enclosure:
        theta, b, X, _ = self.problem.reals
        with np.errstate(over="ignore", invalid="ignore"):
            Z = theta @ X + b
        return Enclosure.representable(Z, bounds.logits_error(self.magnitude, self.problem.d, FLOAT64))

    @cached_property
    def _softmax(self) -> tuple[Enclosure, bounds.SoftmaxError]:
        return bounds.enclosed(self.Z)

    @property
    def A(self) -> Enclosure:
        return self._softmax[0]

    @cached_property
    def _bounds(self) -> bounds.Allowed:
        p = self.problem
        if p.law.mapped:
            return bounds.allowed_of(p, FLOAT64, self.magnitude, self.Z, self.A, delta=self.Z.radius, ours=True)
        return bounds.Allowed(p, FLOAT64, self.Z.radius, self._softmax[1], self.A, ours=True)

    @cached_property
    def loss(self) -> Enclosure:
        p = self.problem
        if p.law.plain:
            found = _mean(_sample_losses(log_softmax(self.Z.midpoint), p.reals[3]), p.n)
        else:
            with np.errstate(all="ignore"):
                found = np.asarray(float(text.loss_of(self.Z.midpoint, *p.reals[:2], p.reals[3], p.law)))
        return Enclosure.representable(found, self._bounds.loss)

    @cached_property
    def D(self) -> Enclosure:
        p = self.problem
        with np.errstate(all="ignore"):
            return Enclosure.representable(_residual(p, self.Z.midpoint, self._bounds) / p.divisor, self._bounds.D)

    @cached_property
    def theta(self) -> Enclosure:
        theta, _, X, _ = self.problem.reals
        return Enclosure(self.D.midpoint @ X.T + self.problem.law.l2 * theta, self._bounds.theta)

    @cached_property
    def b(self) -> Enclosure:
        b, law = self.problem.reals[1], self.problem.law
        found = self.D.midpoint.sum(axis=1, keepdims=True)
        return Enclosure(found + law.l2 * b if law.l2_bias else found, self._bounds.b)

    @cached_property
    def X(self) -> Enclosure:
        return Enclosure(self.problem.reals[0].T @ self.D.midpoint, self._bounds.X)


def _residual(p: Problem, Z: Reals, known: bounds.Allowed) -> Reals:
    """N dL/dZ: A mass - Y, with what is added and with the slope of a map; the derivative of log-sum-exp is the softmax."""
    A, Y = known.exact.midpoint, p.labels
    coefficient = Y.sum(axis=0, keepdims=True)
    if p.law.z_loss:
        Z = known.mapped.Z.midpoint if known.mapped else Z
        coefficient = coefficient + 2 * known.folded.z * log_sum_exp(Z)
    found = A * coefficient - Y
    return found if known.mapped is None else found * known.mapped.slope.midpoint


def _sample_losses(log_A: Reals, Y: Reals) -> Reals:
    return np.where(Y > 0, -Y * log_A, 0.0).sum(axis=-2)


def _mean(per_sample: Reals, N: float) -> Reals:
    return np.asarray(per_sample.sum(axis=-1) / N)


def sample_losses(Z: Reals, Y: Reals) -> Reals:
    """What each sample adds to the sum of eq. 2, of stacks of logits (..., L, n): (..., n). Without their radii."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _sample_losses(log_softmax(Z), Y)


def losses(theta: Reals, b: Reals, X: Reals, Y: Reals, N: float | None = None) -> Reals:
    """Eq. 2 of stacks of theta (..., L, d), b (..., L, 1) or X (..., d, n): (...), divided by N. Without their radii."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _mean(sample_losses(theta @ X + b, Y), N or X.shape[-1])


def loss(problem: Problem) -> float:
    """Eq. 2 in float64, without its radius: what difference quotients are taken of."""
    return float(losses(*problem.reals[:3], problem.labels, problem.divisor))


def truth(problem: Problem) -> Truth:
    """The exact values of a problem, in float64 with proven radii."""
    reduced = unmasked(problem)
    size = magnitude(reduced)
    return Truth(problem, Values(reduced, size), size)


def softmax(Z: Reals) -> Enclosure:
    """The softmax of given float64 logits (L, n), taken as exact."""
    return bounds.enclosed(Enclosure(Z, np.zeros_like(Z)))[0]


def softmax_jacobian(z: Reals) -> Enclosure:
    """d softmax_l / d z_k of one column (L,), shape (L, L)."""
    A = softmax(z[:, np.newaxis]).take(slice(None), 0)
    a = A.midpoint
    J = np.diag(a) - np.multiply.outer(a, a)
    return Enclosure(J, bounds.jacobian_error(A, A.radius, FLOAT64))
