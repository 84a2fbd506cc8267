"""The oracle: the model in ball arithmetic (python-flint's arb), at 128 bits and more. Rigorous.

Every operation returns a ball that contains the exact result (Johansson, "Arb: efficient arbitrary-precision
midpoint-radius interval arithmetic", IEEE Trans. Computers 66, 2017). Knows the definition of the loss and the
derivative of log-sum-exp, and nothing of `gradcheck.model`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint
import numpy as np

from gradcheck.enclosure import ETA64, U64, Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.referees.truth import Truth, magnitude, unmasked

Ball = Any  # flint.arb; python-flint is untyped


def enclose(balls: list[Ball], shape: tuple[int, ...]) -> Enclosure:
    """Balls as float64: the midpoint is rounded to nearest, and the radius widened by that rounding."""
    midpoint = np.array([float(ball.mid()) for ball in balls]).reshape(shape)
    radius = np.array([float(ball.rad()) for ball in balls]).reshape(shape)
    return Enclosure.representable(midpoint, outward(radius + U64 * abs(midpoint), 1) + ETA64)


def bits_for(size: Reals) -> int:
    """Enough bits that logits of this size are still known to 2**-100 absolutely: exp needs absolute accuracy."""
    return 128 + max(0, int(np.frexp(size.max(initial=1.0))[1]))


def softmax_column(z: list[Ball]) -> tuple[list[Ball], Ball]:
    """The softmax of one column and its log-sum-exp: eq. 1."""
    top = max(z, key=lambda ball: float(ball.mid()))
    powers = [(entry - top).exp() for entry in z]
    total = sum(powers[1:], powers[0])
    return [power / total for power in powers], top + total.log()


@dataclass(frozen=True, eq=False)
class Values:
    """See `truth.Values`. Each is computed once, when it is first asked for."""

    problem: Problem
    bits: int

    @cached_property
    def _numbers(self) -> tuple[Any, list[list[Ball]], list[list[Ball]], list[Ball]]:
        """X as a matrix, then per sample: logits and probabilities; and the log-sum-exps."""
        p = self.problem
        theta, b, X, _ = p.reals
        with flint.ctx.workprec(self.bits):
            data = flint.arb_mat(p.d, p.n, X.ravel().tolist())
            rows = (flint.arb_mat(p.L, p.d, theta.ravel().tolist()) * data).tolist()
            shifts = [flint.arb(shift) for shift in b.ravel().tolist()]
            columns = [[rows[k][i] + shifts[k] for k in range(p.L)] for i in range(p.n)]
            solved = [softmax_column(column) for column in columns]
        return data, columns, [a for a, _ in solved], [lse for _, lse in solved]

    def _transposed(self, columns: list[list[Ball]]) -> Enclosure:
        p = self.problem
        return enclose([columns[i][k] for k in range(p.L) for i in range(p.n)], (p.L, p.n))

    @cached_property
    def Z(self) -> Enclosure:
        return self._transposed(self._numbers[1])

    @cached_property
    def A(self) -> Enclosure:
        return self._transposed(self._numbers[2])

    @cached_property
    def loss(self) -> Enclosure:
        """Eq. 2, as -(1/n) sum_i sum_l Y_li (Z_li - log-sum-exp of column i)."""
        _, columns, _, lses = self._numbers
        labels = self.problem.reals[3].T.tolist()
        with flint.ctx.workprec(self.bits):
            total = flint.arb(0)
            for y, z, lse in zip(labels, columns, lses, strict=True):
                for mass, entry in zip(y, z, strict=True):
                    if mass:
                        total += (lse - entry) * mass
            return enclose([total / self.problem.n], ())

    @cached_property
    def _D(self) -> list[list[Ball]]:
        """Per sample: the derivative of sum_l Y_l (lse - z_l) / n, in which d lse / d z = softmax."""
        labels, n = self.problem.reals[3].T.tolist(), self.problem.n
        with flint.ctx.workprec(self.bits):
            masses = [sum(map(flint.arb, y), flint.arb(0)) for y in labels]
            return [
                [(a * mass - y_k) / n for a, y_k in zip(column, y, strict=True)]
                for column, y, mass in zip(self._numbers[2], labels, masses, strict=True)
            ]

    @cached_property
    def D(self) -> Enclosure:
        return self._transposed(self._D)

    @cached_property
    def theta(self) -> Enclosure:
        p = self.problem
        with flint.ctx.workprec(self.bits):
            transposed = self._numbers[0] * flint.arb_mat(self._D)  # (d, n) (n, L)
            rows = transposed.transpose()
        return enclose(rows.entries(), (p.L, p.d))

    @cached_property
    def X(self) -> Enclosure:
        p = self.problem
        with flint.ctx.workprec(self.bits):
            found = flint.arb_mat(self._D) * flint.arb_mat(p.L, p.d, p.reals[0].ravel().tolist())
            rows = found.transpose()
        return enclose(rows.entries(), (p.d, p.n))

    @cached_property
    def b(self) -> Enclosure:
        p = self.problem
        with flint.ctx.workprec(self.bits):
            sums = [sum((column[k] for column in self._D), flint.arb(0)) for k in range(p.L)]
        return enclose(sums, (p.L, 1))

    def jacobian(self, sample: int) -> Enclosure:
        """The softmax Jacobian of one sample, (L, L)."""
        with flint.ctx.workprec(self.bits):
            return _jacobian(self._numbers[2][sample])


def truth(problem: Problem, more: int = 0) -> Truth:
    """The exact values of a problem, by balls of that many more bits than it takes."""
    reduced = unmasked(problem)
    size = magnitude(reduced)
    return Truth(problem, Values(reduced, bits_for(size) + more), size)


def softmax(Z: Reals) -> Enclosure:
    """The softmax of given float64 logits (L, n), taken as exact."""
    L, n = Z.shape
    with flint.ctx.workprec(bits_for(abs(Z))):
        columns = [softmax_column([flint.arb(entry) for entry in column])[0] for column in Z.T.tolist()]
    return enclose([columns[i][k] for k in range(L) for i in range(n)], (L, n))


def softmax_jacobian(z: Reals) -> Enclosure:
    """d softmax_l / d z_k of one column (L,), shape (L, L): the quotient rule on exp(z_l) / s (eq. 5, 6, 22)."""
    with flint.ctx.workprec(bits_for(abs(z))):
        a, _ = softmax_column([flint.arb(entry) for entry in z.tolist()])
        return _jacobian(a)


def _jacobian(a: list[Ball]) -> Enclosure:
    """The same from the probabilities of the column."""
    L = len(a)
    return enclose([a[l] * ((1 if l == k else 0) - a[k]) for l in range(L) for k in range(L)], (L, L))


def logistic_gradient(problem: Problem) -> Enclosure:
    """The gradient of the logistic loss of two classes, the first with weights 0: (2, d).

    sum_i (sigma(w x_i + v) - y_i) x_i / n with sigma(z) = 1/(1 + exp(-z)), for the second class; minus that for the first.
    """
    theta, b, X, Y = problem.reals
    with flint.ctx.workprec(bits_for(magnitude(problem))):
        weights, shift = [flint.arb(w) for w in theta[1].tolist()], flint.arb(float(b[1, 0]))
        gradient = [flint.arb(0)] * problem.d
        for x, y in zip(X.T.tolist(), Y[1].tolist(), strict=True):
            z = sum((w * entry for w, entry in zip(weights, x, strict=True)), shift)
            residual = 1 / (1 + (-z).exp()) - y
            gradient = [g + residual * entry for g, entry in zip(gradient, x, strict=True)]
        scaled = [g / problem.n for g in gradient]
    return enclose([-g for g in scaled] + scaled, (2, problem.d))
