"""Of gradients, loss and Jacobian, given what rounding does to the softmax: docs/bounds.md, sections 5 and 6."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck.bounds.roundings import relative
from gradcheck.bounds.softmax import SoftmaxError, logits_error, softmax_error
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.precision import Precision
from gradcheck.problem import Problem


@dataclass(frozen=True, eq=False)
class Allowed:
    """The rounding errors (absolute) that correct code of one precision may show on one problem.

    `Z`, `A`, `D` (L, n); each gradient is computed when it is first asked for. `ours` as in `softmax_error`.
    """

    problem: Problem
    precision: Precision
    Z: Reals
    softmax: SoftmaxError
    exact: Enclosure
    ours: bool = False

    @property
    def A(self) -> Reals:
        """Of the probabilities, (L, n)."""
        return self.softmax.A

    @cached_property
    def _D(self) -> tuple[Reals, Reals]:
        return _logits_gradient_error(self.problem, self.precision, self.exact, self.softmax.A, ours=self.ours)

    @property
    def _D_underflow(self) -> float:
        return _logits_gradient_underflow(self.problem, self.precision)

    @property
    def D(self) -> Reals:
        """Of the gradient with respect to Z, (L, n)."""
        return self._D[0]

    def summed(self, weight: Reals, times: int = 1) -> Reals:
        """Of sum_i D_i w_i for weights |w| of shape (n, k): (L, k). With every sample `times` over, at 1/times each."""
        n, precision = times * self.problem.n, self.precision
        pieces = precision.pieces - 1  # of which each is written down, in the precision that is kept
        # autocast writes down X, and the gradient before and after a division
        k = relative(precision, 3 + pieces, n - 1, writings=3 + pieces, readings=2)
        D, size = self._D
        with np.errstate(over="ignore", invalid="ignore"):
            error, exact = D @ weight, size @ weight
            # the product with w underflows, and in code that scales X, w / n does, which meets A mass - Y
            underflow = (n + 2) * (1 + self.problem.n * (D + size).max()) / 2 * precision.eta
            underflow += n * (times - 1) * weight.max(initial=0.0) * self._D_underflow  # what D has, `times` over
            if (
                precision.loses
            ):  # eta instead of eta / 2 for a product, as much for reading its factors, and eta for a sum
                underflow = 4 * underflow + times * weight.sum(axis=0) * precision.eta
            bound = (1 + k) * (error + underflow) + k * exact
            unscaled = n * (1 + k) * (error + exact)  # the partial sums of code that divides by n last
            if precision.loses:  # the factors themselves
                unscaled = unscaled + np.where(weight < precision.huge, 0, np.inf).sum(axis=0)
        return np.where(unscaled + bound < precision.huge, outward(bound, 2 * n + 16), np.inf)

    @cached_property
    def theta(self) -> Reals:
        """Of the gradient with respect to theta, (L, d)."""
        return self.summed(abs(self.problem.reals[2]).T)

    @cached_property
    def b(self) -> Reals:
        """Of the gradient with respect to b, (L, 1)."""
        return self.summed(np.ones((self.problem.n, 1)))

    @cached_property
    def loss(self) -> Reals:
        """Of the loss, shape ()."""
        return loss_error(self.problem, self.precision, self.softmax, ours=self.ours)


def loss_error(
    problem: Problem, precision: Precision, softmax: SoftmaxError, times: int = 1, *, ours: bool = False
) -> Reals:
    """Of the loss, absolute, shape (), given what rounding does to its softmax; with every sample `times` over.

    `ours` is for code that is known to add up Y log A, where others may add up log-sum-exps and logits apart.
    """
    Y = problem.reals[3]
    terms = times * int(np.count_nonzero(Y))
    # lse and Z of each label may be added up apart, in any order
    k = relative(precision, 5, max(2 * terms - 1, 0), writings=3, readings=2)
    used = Y > 0
    with np.errstate(over="ignore", invalid="ignore"):
        if ours:
            per_entry, size = (1 + k) * softmax.log_A + k * softmax.distance, softmax.distance
        else:
            per_entry, size = _label_errors(softmax, k, problem.label_index is not None, precision)
        labels, distance = Y[used], softmax.distance[used]
        total = (labels * per_entry[used]).sum()
        most = times * (total + (labels * size[used]).sum())
        # products underflow, or Y / n does in code that weighs each term
        underflow = (1 + k) * (terms + 2 + times * distance.sum()) * precision.eta
        if precision.loses:
            underflow += (1 + k) * (terms + times * (labels.sum() + distance.sum())) * precision.eta
    return outward(total / problem.n + underflow if most < precision.huge else np.inf, terms + 24)


def _label_errors(softmax: SoftmaxError, k: float, one_hot: bool, precision: Precision) -> tuple[Reals, Reals]:
    """For each label, per unit of its mass: what its term of the loss may be off by, and how large its parts are."""
    apart = 2 * softmax.lse + softmax.distance
    per_entry = (1 + k) * softmax.log_A + k * apart
    if one_hot:
        return per_entry, softmax.distance
    # also mass * lse - sum Y Z per sample, with a product and a sum of its own
    own = relative(precision, 4, len(softmax.log_A) - 1, writings=2)
    return per_entry + (1 + k) * own * (apart + softmax.log_A), apart


def sample_loss_errors(Y: Reals, precision: Precision, softmax: SoftmaxError) -> Reals:
    """Of the loss of each sample, absolute, (n,): the terms of `loss_error` for one sample at a time."""
    L, used = len(Y), Y > 0
    k = relative(precision, 5, 2 * L - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        per_entry, _ = _label_errors(softmax, k, False, precision)
        total = np.where(used, Y * per_entry, 0).sum(axis=0)
        underflow = (1 + k) * (L + 2 + np.where(used, softmax.distance, 0).sum(axis=0)) * precision.eta
    return outward(total + underflow, L + 24)


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
    softmax = softmax_error(Z, delta, np.minimum(A.magnitude, 1.0), precision, ours=ours)
    return Allowed(problem, precision, delta, softmax, A, ours)


def _mass_roundings(problem: Problem) -> int:
    """Of the sum of a column of Y and its product with A; both are exact for one-hot labels."""
    return 0 if problem.label_index is not None else problem.L


def _logits_gradient_underflow(problem: Problem, precision: Precision) -> float:
    """Of one entry of D, absolute: of products with the mass, of quotients by n, and of their sum over the classes."""
    own, loses = _mass_roundings(problem), precision.loses
    mass = float(problem.reals[3].sum(axis=0).max()) if loses else 0.0
    return (
        (1 + relative(precision, 5, own or None, writings=3)) * ((4 + own) * (1 + loses) + loses * mass) * precision.eta
    )


def _logits_gradient_error(
    problem: Problem, precision: Precision, A: Enclosure, error: Reals, *, ours: bool
) -> tuple[Reals, Reals]:
    """Of D = (A mass - Y)/n, and an upper bound of |D|: both absolute, (L, n)."""
    upper = np.minimum(A.magnitude, 1.0)
    Y, n = problem.reals[3], problem.n
    mass = Y.sum(axis=0, keepdims=True)
    # A: product with the mass (itself a sum), subtraction, n as a float, 1 / n, product. Y: the same without the mass.
    k = relative(precision, 5, _mass_roundings(problem) or None, writings=3, readings=2)
    label = relative(precision, 4, writings=3, readings=1)
    underflow = _logits_gradient_underflow(problem, precision)
    with np.errstate(invalid="ignore"):
        bound = (mass * (1 + k) * error + mass * k * upper + label * Y) / n + underflow
        if problem.label_index is not None and not ours:  # or, at the label, minus the sum of the others
            rest = relative(precision, 6, problem.L - 2, writings=4, readings=2)
            others = [np.where(Y > 0, 0, part).sum(axis=0) for part in (error, upper)]
            summed = ((1 + rest) * others[0] + rest * np.minimum(others[1], 1)) / n + problem.L * underflow
            bound = np.where(Y > 0, np.maximum(bound, summed), bound)
    if precision.loses and not Y.max(initial=0.0) < precision.huge:
        bound = bound + np.inf
    size = (abs(A.midpoint * mass - Y) + A.radius * mass + (problem.L + 8) * U64 * (A.midpoint * mass + Y)) / n
    bound = np.where(np.isnan(bound), np.inf, bound)  # a mass of 0 times what may be NaN
    return outward(bound, problem.L + 16), outward(size, problem.L + 8)


def jacobian_error(A: Enclosure, delta: Reals, precision: Precision) -> Reals:
    """Of diag(a) - a a^T, absolute, (L, L), for probabilities (L,) in A with a rounding error of at most `delta`.

    Off the diagonal one product and a sign; on it a (1 - a) or a - a a, the slope of which is 1 - 2 a, or minus the sum of the
    others in its row.
    """
    a = np.minimum(A.magnitude, 1.0)
    k, top = relative(precision, 3, writings=2), a + delta
    off = np.multiply.outer(a, delta) + np.multiply.outer(delta, top) + k * np.multiply.outer(top, top) + precision.eta
    slope = abs(1 - 2 * A.midpoint) + 2 * A.radius + 4 * U64
    diagonal = (slope + delta) * delta + k * (top + top * top) + 2 * precision.eta
    on = np.eye(len(a), dtype=bool)
    size = np.where(on, 0, np.multiply.outer(top, top))
    rest = np.where(on, 0, off).sum(axis=1) + relative(precision, 4, len(a) - 2, writings=3) * size.sum(axis=1)
    off[on] = np.maximum(diagonal, rest)  # or minus the sum of the others
    return outward(np.where(np.isnan(off), np.inf, off), 16)  # a probability of 0 times what may be anything
