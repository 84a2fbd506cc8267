"""Rounding bounds: how far correct code of unit roundoff u may be from the exact value.

Decides nothing about which referee knows the exact value; takes enclosures of Z and A from any of them.
The derivations, step by step, are in docs/bounds.md. The error model:

1. fl(x op y) = (x op y)(1 + e), |e| <= u, for + - * /, plus an absolute eta where a product or quotient underflows
   gradually (Higham 2002, section 2.2 and problem 2.19). A fused multiply-add only does better.
2. exp and log are within `ELEMENTARY_ULPS` units in the last place.
3. Sums are taken in any order (Higham 2002, section 4.2), softmax subtracts the column's maximum, divides by the sum or
   multiplies by its reciprocal, and the log-probabilities are formed as (z - m) - log s, z - (m + log s), or log of the
   softmax where that does not underflow (Blanchard, Higham & Higham 2021).
4. Where an implementation declares to compute in a coarser precision, or to flush subnormals to zero (`Precision.reads`), each
   operand is off by u of itself and by eta when it is read, and a sum underflows as a product does. What else may be declared of
   its arithmetic becomes roundings in `roundings`.
5. Where a partial sum may overflow the bound is infinite: inf and NaN are then correct results, too.

A factor (1 + e)^(+-k) lies in exp(+-k lam(u)), lam(u) = -log(1 - u): errors of factors add up as logarithms, without
dropping a second order term, and stay valid where they are larger than 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.precision import Precision
from gradcheck.problem import Problem

# NumPy's own accuracy tests allow exp 3 and log 4 ulp in float32 and float64 (umath-validation-set-exp.csv and -log.csv,
# column ulperrortol) and 1 ulp in float16 (test_validate_fp16_transcendentals); bfloat16 code evaluates in float32 and rounds.
ELEMENTARY_ULPS = {"float64": 4, "float32": 4, "tf32": 4, "float16": 1, "bfloat16": 1}


def gamma(m: float, u: float) -> float:
    """`m u / (1 - m u)`, the relative error of `m` roundings (Higham 2002, section 3.1); infinite where `m u >= 1`."""
    return m * u / (1 - m * u) if m * u < 1 else np.inf


def lam(u: float) -> float:
    """`-log(1 - u)`: |log(1 + e)| for every |e| <= u."""
    return float(-np.log1p(-u)) if u < 1 else np.inf


def spread(k: float, u: float) -> float:
    """`exp(k lam(u)) - 1`: the relative error of `k` roundings, valid for every k (about k u where that is small).

    The exponent is rounded up, since exp would magnify its own error; above 700 there is nothing left to bound.
    """
    return float(np.expm1(min(k * lam(u) * (1 + 16 * U64), 700.0)))


def roundings(p: Precision, operations: float, additions: float = 0, writings: float = 0) -> float:
    """The logarithm of what so many roundings come to: of operations, of additions within one sum, of writing arrays down.

    The one place where what is declared of an arithmetic (docs/bounds.md, section 12) becomes roundings.
    """
    found = operations * lam(p.u) + writings * lam(p.kept)
    if not additions or not p.adds:
        return found + additions * lam(p.u)
    # a finer sum is written down in the end, and the terms of a coarser one are rounded before
    return found + additions * lam(p.adds) + lam(max(p.u, p.adds))


def relative(p: Precision, operations: float, additions: float = 0, writings: float = 0) -> float:
    """`exp(roundings) - 1`: their relative error. As `spread`, which it is where nothing is declared."""
    return float(np.expm1(min(roundings(p, operations, additions, writings) * (1 + 16 * U64), 700.0)))


def elementary(precision: Precision) -> float:
    """The relative error of exp and log: one ulp is at most 2 u (Higham 2002, section 2.1)."""
    return 2 * ELEMENTARY_ULPS[precision.name] * precision.u


@dataclass(frozen=True, eq=False)
class SoftmaxError:
    """What rounding does to one softmax. Each is (L, n).

    `log_A` bounds the absolute error of log A, `A` the absolute error of A, and `relative` the error of A in the
    logarithm, which holds wherever A does not underflow. `distance` bounds |log A|, `lse` (1, n) |log-sum-exp|.
    """

    log_A: Reals
    A: Reals
    relative: Reals
    distance: Reals
    lse: Reals


def logits_error(magnitude: Reals, d: int, precision: Precision, operands: Reals | float = 0.0) -> Reals:
    """`gamma_{d+1} (|theta||X| + |b|) + d eta`, absolute, where `magnitude` is (|theta||X| + |b|), shape (L, n).

    `operands` is the sum of |theta| and |X| that each logit is made of: what reading them may cost is relative to that.
    Infinite where a partial sum may overflow.
    """
    reads = precision.reads
    # autocast writes theta, X and Z down
    k = relative(precision, 1 + 2 * reads, d, writings=3)
    underflows = d + 1 + reads * (d + 1 + operands)  # of products; of sums, and of operands that are read
    bound = k * magnitude + (1 + k) * underflows * precision.eta
    return np.where(magnitude + bound < precision.huge, outward(bound, d + 8), np.inf)


def softmax_error(Z: Enclosure, delta: Reals, A: Reals, precision: Precision) -> SoftmaxError:
    """What rounding does to the softmax of logits that are themselves computed with an error of at most `delta`.

    `Z` encloses the exact logits (L, n); `A` is an upper bound of the exact probabilities, for which 1 will do.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if precision.reads:
            delta = outward(delta + precision.u * (abs(Z.midpoint) + Z.radius + delta) + precision.eta, 4)
        return _softmax_error(Z, delta, A, precision)


def _softmax_error(Z: Enclosure, delta: Reals, A: Reals, precision: Precision) -> SoftmaxError:
    u, L, eta, f = precision.u, Z.midpoint.shape[0], precision.eta, elementary(precision)
    m = Z.midpoint.max(axis=0, keepdims=True)
    # rho: how far computed and exact logits are from the midpoint, and what float64 loses below in evaluating this
    rho = (Z.radius + delta).max(axis=0, keepdims=True) + (L + 16) * U64 * (1 + abs(m))
    below = m - Z.midpoint
    log_s = np.log(np.exp(-below).sum(axis=0, keepdims=True))
    size_log_s = np.minimum(log_s + 2 * rho, np.log(L) + 2 * U64)
    lse = abs(m + log_s) + rho
    distance = below + log_s + 2 * rho

    shifted = delta + u * (below + 2 * rho)  # z - m, as computed
    term = outward(shifted + lam(f))  # log of exp(z - m); made safe here, since expm1 would magnify its own rounding
    normaliser = (
        _log_mean_shift(A, term) + roundings(precision, 0, L - 1) + 4 * L * ELEMENTARY_ULPS[precision.name] * eta
    )
    first = shifted + normaliser + f * (size_log_s + normaliser)  # (z - m) - log s before its last rounding
    second = first + u * (lse + first)  # or z - (m + log s)
    third = second + (u + precision.kept) * (distance + second)
    # exp of that; covers exp(z - m) / s and exp(z - m) (1 / s), of which every other term is already here
    whole = outward(third + lam(f) + roundings(precision, 2, writings=2), L + 40)
    log_A = whole + f * (distance + whole)  # or log of the softmax
    # computed probabilities are at most this, and exact ones at most 1; they are anything where logits may overflow
    ceiling = np.where(rho < np.inf, 1 + f + relative(precision, 1, L - 1, writings=1), np.inf)
    grown = A * np.expm1(np.minimum(whole, 700.0)) + (ELEMENTARY_ULPS[precision.name] + 1) * eta
    A_error = np.minimum(np.where(whole > 700.0, np.inf, grown), ceiling)
    return SoftmaxError(*(outward(x, L + 40) for x in (log_A, A_error, whole, distance, lse)))


def _log_mean_shift(A: Reals, term: Reals) -> Reals:
    """How far log sum_k A_k exp(t_k) may lie from 0 where |t_k| <= term: at most max term, and log(1 + sum A expm1 t)."""
    worst = term.max(axis=0, keepdims=True)
    mean = np.log1p((A * np.expm1(np.minimum(term, 700.0))).sum(axis=0, keepdims=True))
    return np.where(worst > 700.0, worst, np.minimum(worst, mean))


@dataclass(frozen=True, eq=False)
class Allowed:
    """The rounding errors (absolute) that correct code of one precision may show on one problem.

    `Z`, `A`, `D` (L, n); each gradient is computed when it is first asked for.
    """

    problem: Problem
    precision: Precision
    Z: Reals
    softmax: SoftmaxError
    exact: Enclosure

    @property
    def A(self) -> Reals:
        """Of the probabilities, (L, n)."""
        return self.softmax.A

    @cached_property
    def _D(self) -> tuple[Reals, Reals]:
        return _logits_gradient_error(self.problem, self.precision, self.exact, self.softmax.A)

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
        again = (0, pieces) if precision.kept else (pieces, 0)
        # autocast writes X and the gradient down
        k = relative(precision, 3 + 2 * precision.reads + again[0], n - 1, writings=2 + again[1])
        D, size = self._D
        with np.errstate(over="ignore", invalid="ignore"):
            error, exact = D @ weight, size @ weight
            # the product with w underflows, and in code that scales X, w / n does, which meets A mass - Y
            underflow = (n + 2) * (1 + self.problem.n * (D + size).max()) / 2 * precision.eta
            underflow += n * (times - 1) * weight.max(initial=0.0) * self._D_underflow  # what D has, `times` over
            if (
                precision.reads
            ):  # eta instead of eta / 2 for a product, as much for reading its factors, and eta for a sum
                underflow = 4 * underflow + times * weight.sum(axis=0) * precision.eta
            bound = (1 + k) * (error + underflow) + k * exact
            unscaled = n * (1 + k) * (error + exact)  # the partial sums of code that divides by n last
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
        return loss_error(self.problem, self.precision, self.softmax)


def loss_error(problem: Problem, precision: Precision, softmax: SoftmaxError, times: int = 1) -> Reals:
    """Of the loss, absolute, shape (), given what rounding does to its softmax; with every sample `times` over."""
    Y = problem.reals[3]
    terms = times * int(np.count_nonzero(Y))
    # lse and Z of each label may be added up apart, in any order
    k = relative(precision, 5 + 2 * precision.reads, max(2 * terms - 1, 0), writings=2)
    used = Y > 0
    with np.errstate(over="ignore", invalid="ignore"):
        per_entry, size = _label_errors(softmax, k, problem.label_index is not None, precision)
        labels, distance = Y[used], softmax.distance[used]
        total = (labels * per_entry[used]).sum()
        most = times * (total + (labels * size[used]).sum())
        # products underflow, or Y / n does in code that weighs each term
        underflow = (1 + k) * (terms + 2 + times * distance.sum()) * precision.eta
        underflow += precision.reads * (1 + k) * (terms + times * (labels.sum() + distance.sum())) * precision.eta
    return outward(total / problem.n + underflow if most < precision.huge else np.inf, terms + 24)


def _label_errors(softmax: SoftmaxError, k: float, one_hot: bool, precision: Precision) -> tuple[Reals, Reals]:
    """For each label, per unit of its mass: what its term of the loss may be off by, and how large its parts are."""
    apart = 2 * softmax.lse + softmax.distance
    per_entry = (1 + k) * softmax.log_A + k * apart
    if one_hot:
        return per_entry, softmax.distance
    # also mass * lse - sum Y Z per sample, with a product and a sum of its own
    own = relative(precision, 4, len(softmax.log_A) - 1)
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


def operands(problem: Problem) -> Reals:
    """The sum of |theta| and |X| over the features of each logit, (L, n)."""
    theta, _, X, _ = problem.reals
    return np.asarray(abs(theta).sum(axis=1, keepdims=True) + abs(X).sum(axis=0, keepdims=True))


def allowed(problem: Problem, precision: Precision, magnitude: Reals, Z: Enclosure, A: Enclosure) -> Allowed:
    """The bounds for `precision`, given enclosures of the exact Z and A, and `magnitude` = |theta||X| + |b|.

    `problem` has no masked class: those are exact (see `referees.truth`).
    """
    delta = logits_error(magnitude, problem.d, precision, operands(problem) if precision.reads else 0.0)
    return Allowed(problem, precision, delta, softmax_error(Z, delta, np.minimum(A.magnitude, 1.0), precision), A)


def _mass_roundings(problem: Problem) -> int:
    """Of the sum of a column of Y and its product with A; both are exact for one-hot labels."""
    return 0 if problem.label_index is not None else problem.L


def _logits_gradient_underflow(problem: Problem, precision: Precision) -> float:
    """Of one entry of D, absolute: of products with the mass, of quotients by n, and of their sum over the classes."""
    own, reads = _mass_roundings(problem), precision.reads
    mass = float(problem.reals[3].sum(axis=0).max()) if reads else 0.0
    return (1 + relative(precision, 5, own, writings=2)) * ((4 + own) * (1 + reads) + reads * mass) * precision.eta


def _logits_gradient_error(problem: Problem, precision: Precision, A: Enclosure, error: Reals) -> tuple[Reals, Reals]:
    """Of D = (A mass - Y)/n, and an upper bound of |D|: both absolute, (L, n)."""
    upper = np.minimum(A.magnitude, 1.0)
    Y, n = problem.reals[3], problem.n
    mass = Y.sum(axis=0, keepdims=True)
    # A: product with the mass (itself a sum), subtraction, n as a float, 1 / n, product. Y: the same without the mass.
    k = relative(precision, 5 + 2 * precision.reads, _mass_roundings(problem), writings=2)
    label = relative(precision, 4 + precision.reads, writings=2)
    underflow = _logits_gradient_underflow(problem, precision)
    with np.errstate(invalid="ignore"):
        bound = (mass * (1 + k) * error + mass * k * upper + label * Y) / n + underflow
    size = (abs(A.midpoint * mass - Y) + A.radius * mass + (problem.L + 8) * U64 * (A.midpoint * mass + Y)) / n
    bound = np.where(np.isnan(bound), np.inf, bound)  # a mass of 0 times what may be NaN
    return outward(bound, problem.L + 16), outward(size, problem.L + 8)


def jacobian_error(A: Enclosure, delta: Reals, precision: Precision) -> Reals:
    """Of diag(a) - a a^T, absolute, (L, L), for probabilities (L,) in A with a rounding error of at most `delta`.

    Off the diagonal one product and a sign; on it a (1 - a) or a - a a, the slope of which is 1 - 2 a.
    """
    a = np.minimum(A.magnitude, 1.0)
    k, top = relative(precision, 3, writings=2), a + delta
    off = np.multiply.outer(a, delta) + np.multiply.outer(delta, top) + k * np.multiply.outer(top, top) + precision.eta
    slope = abs(1 - 2 * A.midpoint) + 2 * A.radius + 4 * U64
    diagonal = (slope + delta) * delta + k * (top + top * top) + 2 * precision.eta
    off[np.diag_indices_from(off)] = diagonal
    return outward(off, 16)
