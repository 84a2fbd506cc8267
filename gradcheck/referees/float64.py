"""Float64 arithmetic as a referee: its result, plus or minus the rounding bound taken at u = 2**-53. Rigorous.

Sharp for float32, float16 and bfloat16, where its radius is negligible; for float64 code it is as wide as the bound it
is added to, and serves where balls would be slow. Knows the definition of the loss and the derivative of log-sum-exp,
and nothing of `gradcheck.model`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.precision import FLOAT64
from gradcheck.problem import Problem
from gradcheck.referees.truth import Truth, magnitude, unmasked


def _shares(Z: Reals) -> tuple[Reals, Reals]:
    """softmax and log softmax of the columns of Z, shifted by their maxima. Z may be a stack, (..., L, n)."""
    shifted = Z - Z.max(axis=-2, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=-2, keepdims=True)
    return powers / total, shifted - np.log(total)


def _probabilities(Z: Enclosure, delta: Reals, A: Reals) -> bounds.SoftmaxError:
    """What rounding did to A: first with no knowledge of A, then with the upper bound that this gives."""
    first = bounds.softmax_error(Z, delta, np.ones_like(A), FLOAT64, ours=True)
    with np.errstate(over="ignore"):
        upper = outward((A + 8 * FLOAT64.eta) * np.exp(np.minimum(first.relative, 700.0)), 16)
    known = np.where(first.relative > 700.0, 1.0, np.minimum(upper, 1.0))
    return bounds.softmax_error(Z, delta, known, FLOAT64, ours=True)


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
    def _softmax(self) -> tuple[Reals, Reals, bounds.SoftmaxError]:
        A, log_A = _shares(self.Z.midpoint)
        return A, log_A, _probabilities(self.Z, self.Z.radius, A)

    @cached_property
    def A(self) -> Enclosure:
        A, _, error = self._softmax
        return Enclosure(A, error.A)

    @cached_property
    def _bounds(self) -> bounds.Allowed:
        return bounds.Allowed(self.problem, FLOAT64, self.Z.radius, self._softmax[2], self.A, ours=True)

    @cached_property
    def loss(self) -> Enclosure:
        return Enclosure(_mean(_sample_losses(self._softmax[1], self.problem.reals[3])), self._bounds.loss)

    @cached_property
    def D(self) -> Enclosure:
        Y = self.problem.reals[3]
        D = (self.A.midpoint * Y.sum(axis=0, keepdims=True) - Y) / self.problem.n
        return Enclosure(D, self._bounds.D)

    @cached_property
    def theta(self) -> Enclosure:
        return Enclosure(self.D.midpoint @ self.problem.reals[2].T, self._bounds.theta)

    @cached_property
    def b(self) -> Enclosure:
        return Enclosure(self.D.midpoint.sum(axis=1, keepdims=True), self._bounds.b)


def _sample_losses(log_A: Reals, Y: Reals) -> Reals:
    return np.where(Y > 0, -Y * log_A, 0.0).sum(axis=-2)


def _mean(per_sample: Reals) -> Reals:
    return np.asarray(per_sample.sum(axis=-1) / per_sample.shape[-1])


def sample_losses(Z: Reals, Y: Reals) -> Reals:
    """What each sample adds to the sum of eq. 2, of stacks of logits (..., L, n): (..., n). Without their radii."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _sample_losses(_shares(Z)[1], Y)


def losses(theta: Reals, b: Reals, X: Reals, Y: Reals) -> Reals:
    """Eq. 2 of stacks of theta (..., L, d) or b (..., L, 1): (...). Without their radii."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _mean(sample_losses(theta @ X + b, Y))


def loss(problem: Problem) -> float:
    """Eq. 2 in float64, without its radius: what difference quotients are taken of."""
    return float(losses(*problem.reals))


def truth(problem: Problem) -> Truth:
    """The exact values of a problem, in float64 with proven radii."""
    reduced = unmasked(problem)
    size = magnitude(reduced)
    return Truth(problem, Values(reduced, size), size)


def softmax(Z: Reals) -> Enclosure:
    """The softmax of given float64 logits (L, n), taken as exact."""
    exact = np.zeros_like(Z)
    A = _shares(Z)[0]
    return Enclosure(A, _probabilities(Enclosure(Z, exact), exact, A).A)


def softmax_jacobian(z: Reals) -> Enclosure:
    """d softmax_l / d z_k of one column (L,), shape (L, L)."""
    A = softmax(z[:, np.newaxis]).take(slice(None), 0)
    a = A.midpoint
    J = np.diag(a) - np.multiply.outer(a, a)
    return Enclosure(J, bounds.jacobian_error(A, A.radius, FLOAT64))
