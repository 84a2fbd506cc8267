"""Of gradients and Jacobian, given what rounding does to the softmax: docs/bounds.md, sections 5, 6 and 14."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck.bounds.folding import Folded
from gradcheck.bounds.losses import loss_error, penalty_error
from gradcheck.bounds.mapping import Mapped, between, mapped
from gradcheck.bounds.penalties import penalised
from gradcheck.bounds.roundings import relative
from gradcheck.bounds.softmax import SoftmaxError, enclosed, logits_error, softmax_error
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.precision import Precision
from gradcheck.problem import Problem


@dataclass(frozen=True, eq=False)
class Allowed:
    """The rounding errors (absolute) that correct code of one precision may show on one problem.

    `Z`, `A`, `D` (L, n); each gradient is computed when it is first asked for. `softmax` and `exact` are of the logits whose
    softmax the loss takes: of `mapped`, where these are not Z, in which case `A` is not to be asked for. `ours` as in
    `softmax_error`.
    """

    problem: Problem
    precision: Precision
    Z: Reals
    softmax: SoftmaxError
    exact: Enclosure
    ours: bool = False
    mapped: Mapped | None = None

    @cached_property
    def folded(self) -> Folded:
        """The labels as the loss has them."""
        return Folded(self.problem, self.precision)

    @property
    def A(self) -> Reals:
        """Of the probabilities, (L, n)."""
        return self.softmax.A

    @cached_property
    def _D(self) -> tuple[Reals, Reals]:
        return self._entries()

    def _entries(self) -> tuple[Reals, Reals]:
        """Of ∂ℒ/∂Z, and no less than itself, (L, n)."""
        return self._unsloped if self.mapped is None else _sloped(self._unsloped, self.mapped, self.folded)

    @cached_property
    def _unsloped(self) -> tuple[Reals, Reals]:
        """The same of the logits whose softmax the loss takes."""
        return _logits_gradient_error(self.folded, self.exact, self.softmax, ours=self.ours)

    @property
    def D(self) -> Reals:
        """Of the gradient with respect to Z, (L, n)."""
        return self._D[0]

    def summed(self, weight: Reals, times: int = 1) -> Reals:
        """Of sum_i D_i w_i for weights |w| of shape (n, k): (L, k). With every sample `times` over, at 1/times each."""
        return self._contracted(*self._D, weight, times)

    def _contracted(self, D: Reals, size: Reals, weight: Reals, times: int = 1) -> Reals:
        """Of a product of D, or of its transpose, with weights: `D` is what it is off by, `size` no less than itself."""
        n, precision, folded = times * len(weight), self.precision, self.folded
        pieces = precision.pieces - 1  # of which each is written down, in the precision that is kept
        # autocast writes down X, and the gradient before and after a division
        k = relative(precision, 3 + pieces, n - 1, writings=3 + pieces, readings=2)
        with np.errstate(over="ignore", invalid="ignore"):
            error, exact = D @ weight, size @ weight
            # the product with w underflows, and in code that scales X, w / N does, which meets A mass - Y
            underflow = (n + 2) * (1 + folded.at_least_one * (D + size).max()) / 2 * precision.eta
            # what D has, `times` over
            underflow += n * (times - 1) * weight.max(initial=0.0) * underflow_of_an_entry(folded)
            if precision.loses:
                # eta instead of eta / 2 for a product, as much for reading its factors, and eta for a sum
                underflow = 4 * underflow + times * weight.sum(axis=0) * precision.eta
            bound = (1 + k) * (error + underflow) + k * exact
            # the partial sums of code that divides by N last
            unscaled = times * folded.at_least_one * (1 + k) * (error + exact)
            if precision.loses:  # the factors themselves
                unscaled = unscaled + np.where(weight < precision.huge, 0, np.inf).sum(axis=0)
        return np.where(unscaled + bound < precision.huge, outward(bound, 2 * n + 16), np.inf)

    @cached_property
    def theta(self) -> Reals:
        """Of the gradient with respect to theta, (L, d)."""
        weight = abs(self.problem.reals[2]).T
        return self._penalised(self.summed(weight), weight, abs(self.problem.reals[0]), self.problem.law.l2)

    @cached_property
    def b(self) -> Reals:
        """Of the gradient with respect to b, (L, 1)."""
        weight, law = np.ones((self.problem.n, 1)), self.problem.law
        return self._penalised(self.summed(weight), weight, abs(self.problem.reals[1]), law.l2 * law.l2_bias)

    def _penalised(self, bound: Reals, weight: Reals, parameter: Reals, l2: float) -> Reals:
        """With the gradient of the penalty, a product, added."""
        if not l2:
            return bound
        return penalised(bound, self._D[1] @ weight, parameter, l2, self.precision, terms=self.problem.n)

    @cached_property
    def X(self) -> Reals:
        """Of the gradient with respect to the data, theta^T D, (d, n)."""
        D, size = self._D
        return self._contracted(D.T, size.T, abs(self.problem.reals[0])).T

    @cached_property
    def loss(self) -> Reals:
        """Of the loss, shape ()."""
        found = loss_error(self.folded, self.softmax, ours=self.ours)
        return penalty_error(found, self.folded, self.softmax) if self.problem.law.l2 else found


def exact_logits(problem: Problem, precision: Precision, magnitude: Reals) -> NDArray[np.bool_]:
    """Where theta X + b is exact in any order, (L, n): all are multiples of one power of two, and no more than 1/u of it."""
    theta, b, X, _ = problem.reals
    unit = np.minimum(_unit(b), (_unit(theta)[:, :, np.newaxis] * _unit(X)[np.newaxis]).min(axis=1))
    # an infinite unit is that of 0, which is a multiple of any
    return (magnitude <= unit / max(precision.u, precision.kept, precision.stored, precision.adds, precision.reads)) & (
        unit >= precision.eta
    )


def _unit(array: Reals) -> Reals:
    """The largest power of two that divides each entry; infinite for 0."""
    mantissa, exponent = np.frexp(array)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    return np.where(array == 0, np.inf, np.ldexp((whole & -whole).astype(np.float64), exponent - 53))


def operands(problem: Problem, precision: Precision) -> Reals | float:
    """The sum of |theta| and |X| over the features of each logit, (L, n), where any may be lost; infinite beyond the range."""
    if not precision.loses:
        return 0.0
    theta, X = (np.where(abs(a) < precision.huge, abs(a), np.inf) for a in (problem.reals[0], problem.reals[2]))
    return np.asarray(theta.sum(axis=1, keepdims=True) + X.sum(axis=0, keepdims=True))


def allowed(
    problem: Problem, precision: Precision, magnitude: Reals, Z: Enclosure, A: Enclosure, *, ours: bool = False
) -> Allowed:
    """The bounds for `precision`, given enclosures of the exact Z and A, and `magnitude` = |theta||X| + |b|.

    `problem` has no masked class: those are exact (see `referees.truth`).
    """
    delta = logits_error(magnitude, problem.d, precision, operands(problem, precision))
    return allowed_of(problem, precision, magnitude, Z, A, delta=delta, ours=ours)


def allowed_of(
    problem: Problem, precision: Precision, magnitude: Reals, Z: Enclosure, A: Enclosure, *, delta: Reals, ours: bool
) -> Allowed:
    """The same for logits that are off by `delta`."""
    if not problem.law.mapped:
        softmax = softmax_error(Z, delta, np.minimum(A.magnitude, 1.0), precision, ours=ours)
        return Allowed(problem, precision, delta, softmax, A, ours)
    carried = precision.eta * (1 + abs(problem.reals[2]).sum(axis=0))  # theta and b times the scale underflow
    bent = mapped(Z, delta, magnitude, carried, law=problem.law, precision=precision)
    A = enclosed(bent.Z)[0]
    softmax = softmax_error(bent.Z, bent.delta, np.minimum(A.magnitude, 1.0), precision, ours=ours)
    return Allowed(problem, precision, delta, softmax, A, ours, bent)


def underflow_of_an_entry(folded: Folded) -> float:
    """Of one entry of D, absolute: of products with the mass, of quotients by N, and of their sum over the classes."""
    p, own = folded.precision, folded.own or 0
    mass = float(folded.mass.max()) if p.loses else 0.0
    grown = 1 + folded.relative(5, own or None, writings=3)
    return grown * ((4 + own) * (1 + p.loses) + p.loses * mass) * p.eta * folded.below_one


def _logits_gradient_error(folded: Folded, A: Enclosure, softmax: SoftmaxError, *, ours: bool) -> tuple[Reals, Reals]:
    """Of D = (A (mass + 2 c lse) - Y)/N, and an upper bound of |D|: both absolute, (L, n)."""
    problem, precision, Y, N, mass = folded.problem, folded.precision, folded.Y, folded.N, folded.mass
    upper, error = np.minimum(A.magnitude, 1.0), softmax.A
    # A: product with the mass (itself a sum), subtraction, N as a float, 1 / N, product. Y: the same without the mass.
    k = folded.relative(5, folded.own, writings=3, readings=2)
    label = folded.relative(4, writings=3, readings=1)
    underflow = underflow_of_an_entry(folded)
    with np.errstate(invalid="ignore", over="ignore"):
        bound = (mass * (1 + k) * error + mass * k * upper + label * Y) / N + underflow
        if folded.by_sample and not ours and not problem.law.z_loss:  # or, at the label, minus the sum of the others
            rest = folded.relative(6, problem.L - 2, writings=4, readings=2)
            others = [np.where(Y > 0, 0, part).sum(axis=0) for part in (error, upper)]
            summed = mass * ((1 + rest) * others[0] + rest * np.minimum(others[1], 1)) / N + problem.L * underflow
            bound = np.where(Y > 0, np.maximum(bound, summed), bound)
        if not problem.law.plain:
            off = folded.error + k * folded.parts
            extra = off + off.sum(axis=0) * (upper + error)
            bound = bound + (1 + k) * extra / N
        size = abs(A.midpoint * mass - Y) + A.radius * mass + (problem.L + 8) * U64 * (A.midpoint * mass + Y)
        if problem.law.z_loss:
            bound, size = bound + _of_squares(folded, softmax, upper) / N, size + 2 * folded.z * softmax.lse * upper
            # before it is multiplied by A, and by a mask
            most = 2 * problem.law.z_loss * (softmax.lse + softmax.lse_error)
            bound = np.where(most < precision.huge, bound, np.inf)
    if precision.loses and not Y.max(initial=0.0) < precision.huge:
        bound = bound + np.inf
    size = outward(size / N, problem.L + 8)
    bound = np.where(np.isnan(bound), np.inf, bound)  # a mass of 0 times what may be NaN
    if not problem.law.plain:  # a divisor may be small, or come last
        known = folded.at_least_one * (bound + size) < precision.huge
        bound, size = np.where(known, bound, np.inf), np.where(np.isnan(size), np.inf, size)
    return outward(bound, problem.L + 16), size


def _of_squares(folded: Folded, softmax: SoftmaxError, upper: Reals) -> Reals:
    """What 2 c lse A is off by, times N: lse is off by an absolute error."""
    k = folded.relative(10, folded.own, writings=3, readings=2)
    lse, apart = softmax.lse, softmax.lse_error
    sized = (1 + k) * (lse + apart) * softmax.A + k * lse * upper + (1 + k) * apart * upper
    # products; and c, or c/N, which is multiplied by the rest
    lost = 2 * (1 + folded.at_least_one) + 6 * folded.at_least_one * (lse + apart) * (upper + softmax.A)
    return np.asarray(2 * folded.z * sized + (1 + k) * lost * folded.precision.eta)


def _sloped(found: tuple[Reals, Reals], by: Mapped, folded: Folded) -> tuple[Reals, Reals]:
    """Multiplied by the slope of the map of the logits."""
    (error, size), precision = found, folded.precision
    k, top = relative(precision, 2, writings=2, readings=1), by.slope.magnitude + by.slope_delta
    with np.errstate(invalid="ignore", over="ignore"):
        most, lost = between(folded.problem.law)
        # the factors of a map may take what they multiply out of the range: before N divides, where that comes last
        known = folded.at_least_one * most * (error + size) < precision.huge
        bound = (error * top + size * by.slope_delta) * (1 + k) + k * size * by.slope.magnitude
        bound, size = bound + 4 * lost * precision.eta, size * by.slope.magnitude
    bound = np.where(known & (folded.at_least_one * (bound + size) < precision.huge), bound, np.inf)
    return outward(bound), outward(np.where(np.isnan(size), np.inf, size))
