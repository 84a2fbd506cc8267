"""The oracle: the loss read with balls (python-flint's arb), at 128 bits and more, and differentiated by the tape. Rigorous.

Every operation returns a ball that contains the exact result (Johansson, "Arb: efficient arbitrary-precision
midpoint-radius interval arithmetic", IEEE Trans. Computers 66, 2017). Knows the text of the loss, and neither a closed form of a
gradient nor `gradcheck.model`.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2

import flint
import numpy as np

from gradcheck.enclosure import ETA64, U64, Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.readings.balls import Balls
from gradcheck.readings.differentiate import Derived
from gradcheck.readings.working import working
from gradcheck.referees.truth import Truth, magnitude, unmasked


def enclose(found: Balls) -> Enclosure:
    """As float64: the midpoint is rounded to nearest, and the radius widened by that rounding."""
    midpoint = found.values()
    radius = found.radii()
    radius += U64 * abs(midpoint)
    return Enclosure.representable(midpoint, outward(radius, 1) + ETA64)


def bits_for(size: Reals) -> int:
    """Enough bits that logits of this size are still known to 2**-100 absolutely: exp needs absolute accuracy."""
    return 128 + max(0, int(np.frexp(size.max(initial=1.0))[1]))


@dataclass(frozen=True, eq=False)
class Values:
    """See `truth.Values`. Each is computed once, when it is first asked for."""

    problem: Problem
    bits: int

    @cached_property
    def _derived(self) -> Derived:
        with working(self.bits):
            theta, b, X, Y = map(Balls.exact, self.problem.reals)
            return Derived(theta, b, X, Y, self.problem.law)

    @cached_property
    def Z(self) -> Enclosure:
        return enclose(self._derived.Z.array)

    @cached_property
    def _softmax(self) -> Balls:
        with working(self.bits):
            return self._derived.Z.array.softmax()

    @cached_property
    def A(self) -> Enclosure:
        return enclose(self._softmax)

    def _enclosed(self, name: str, shape: tuple[int, ...]) -> Enclosure:
        """The loss or a gradient; of a mean over nothing, nothing is known."""
        if not self.problem.divisor > 0:
            return Enclosure(np.zeros(shape), np.full(shape, np.inf))
        with working(self.bits):
            return enclose(self._derived.loss if name == "loss" else self._derived.gradient(name))

    @cached_property
    def loss(self) -> Enclosure:
        return self._enclosed("loss", ())

    @cached_property
    def D(self) -> Enclosure:
        return self._enclosed("Z", self.problem.Y.shape)

    @cached_property
    def theta(self) -> Enclosure:
        return self._enclosed("theta", self.problem.theta.shape)

    @cached_property
    def b(self) -> Enclosure:
        return self._enclosed("b", self.problem.b.shape)

    @cached_property
    def X(self) -> Enclosure:
        return self._enclosed("X", self.problem.X.shape)

    def jacobian(self, sample: int) -> Enclosure:
        """The softmax Jacobian of one sample, (L, L)."""
        with working(self.bits):
            return _jacobian(self._softmax[:, [sample]])


def truth(problem: Problem, more: int = 0) -> Truth:
    """The exact values of a problem, by balls of that many more bits than it takes."""
    reduced = unmasked(problem)
    size = magnitude(reduced)
    scaled = max(0, ceil(log2(reduced.law.scale)))
    return Truth(problem, Values(reduced, bits_for(size) + scaled + more), size)


def softmax(Z: Reals) -> Enclosure:
    """The softmax of given float64 logits (L, n), taken as exact."""
    with working(bits_for(abs(Z))):
        return enclose(Balls.exact(Z).softmax())


def softmax_jacobian(z: Reals) -> Enclosure:
    """d softmax_l / d z_k of one column (L,), shape (L, L): the quotient rule on exp(z_l) / s (eq. 5, 6, 22)."""
    with working(bits_for(abs(z))):
        return _jacobian(Balls.exact(z[:, np.newaxis]).softmax())


def _jacobian(a: Balls) -> Enclosure:
    """The same from the probabilities of the column, (L, 1)."""
    return enclose(a * (np.eye(a.shape[0], dtype=int) - a.T))


def logistic_gradient(problem: Problem) -> Enclosure:
    """The gradient of the logistic loss of two classes, the first with weights 0: (2, d).

    sum_i (sigma(w x_i + v) - y_i) x_i / N with sigma(z) = 1/(1 + exp(-z)), for the second class; minus that for the first.
    """
    theta, b, X, Y = problem.reals
    with working(bits_for(magnitude(problem))):
        weights, shift = [flint.arb(w) for w in theta[1].tolist()], flint.arb(float(b[1, 0]))
        gradient = [flint.arb(0)] * problem.d
        for x, y in zip(X.T.tolist(), Y[1].tolist(), strict=True):
            z = sum((w * entry for w, entry in zip(weights, x, strict=True)), shift)
            residual = 1 / (1 + (-z).exp()) - y
            gradient = [g + residual * entry for g, entry in zip(gradient, x, strict=True)]
        scaled = [g / problem.divisor for g in gradient]
    return enclose(Balls([-g for g in scaled] + scaled, (2, problem.d)))
