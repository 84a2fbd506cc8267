"""Of logits and their softmax: docs/bounds.md, sections 2 to 4."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradcheck.bounds.roundings import elementary, lam, relative, roundings, ulps, written
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.law.functions import softmax
from gradcheck.precision import FLOAT64, Precision


@dataclass(frozen=True, eq=False)
class SoftmaxError:
    """What rounding does to one softmax. Each is (L, n).

    `log_A` bounds the absolute error of log A, `A` the absolute error of A, and `relative` the error of A in the
    logarithm, which holds wherever A does not underflow. `distance` bounds |log A|, `lse` (1, n) |log-sum-exp|, and
    `lse_error` (1, n) what that is off by.
    """

    log_A: Reals
    A: Reals
    relative: Reals
    distance: Reals
    lse: Reals
    lse_error: Reals


def logits_error(magnitude: Reals, d: int, precision: Precision, operands: Reals | float = 0.0) -> Reals:
    """`gamma_{d+1} (|theta||X| + |b|) + d eta`, absolute, where `magnitude` is (|theta||X| + |b|), shape (L, n).

    `operands` is the sum of |theta| and |X| that each logit is made of: what reading them may cost is relative to that.
    Infinite where a partial sum may overflow.
    """
    # theta, X and Z, where these are written down
    k = relative(precision, 1, d, writings=3, readings=2)
    k += (1 + k) * precision.kept  # theta X, a sum, before b is added; products, and Z, are counted
    underflows = d + 1 + precision.loses * (d + 1 + operands)  # of products; of sums, and of operands that are read
    bound = k * magnitude + (1 + k) * underflows * precision.eta
    return np.where(magnitude + bound < precision.huge, outward(bound, d + 8), np.inf)


def softmax_error(Z: Enclosure, delta: Reals, A: Reals, precision: Precision, *, ours: bool = False) -> SoftmaxError:
    """What rounding does to the softmax of logits that are themselves computed with an error of at most `delta`.

    `Z` encloses the exact logits (L, n); `A` is an upper bound of the exact probabilities, for which 1 will do. `ours` is for code
    that is known to compute exp(z - m) / s and (z - m) - log s, offline; any other is granted every form of section 3.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _Shifted(Z, delta, precision, ours).errors(A)


# Of a log-sum-exp in parts, per unit of the entropy of A: exp and log1p of each merge are off by f of themselves (section 3.6).
MERGE = 1 + 1 / (2 * math.log(2))


class _Counted(NamedTuple):
    """What is the same for all columns of L classes: unit roundoff, of exp and log and the logarithm of that; roundings of a
    sum over classes, of two operations, of a sum as a relative error; and of a rescaling.
    """

    u: float
    f: float
    log_f: float
    sums: float
    twice: float
    total: float
    rescaling: float


@lru_cache(maxsize=1024)
def _counted(p: Precision, L: int) -> _Counted:
    f = elementary(p)
    sums = roundings(p, 0, L - 1) + 4 * L * ulps(p) * p.eta
    twice, total = roundings(p, 2, writings=3), relative(p, 1, L - 1, writings=1)
    return _Counted(written(p), f, lam(f), sums, twice, total, rescaling(p))


class _Shifted:
    """Logits, and what is known of z - m as it is computed: all that does not depend on A. Each is (L, n), or (1, n)."""

    def __init__(self, Z: Enclosure, delta: Reals, precision: Precision, ours: bool) -> None:
        if precision.reads:
            delta = outward(delta + precision.reads * (abs(Z.midpoint) + Z.radius + delta) + precision.eta, 4)
            # what cannot be read is infinite, and infinite logits have no softmax
            delta = np.where(abs(Z.midpoint) + Z.radius + delta < precision.huge, delta, np.inf)
        self.precision, self.ours = precision, ours
        self.L = Z.midpoint.shape[0]
        self.counted = counted = _counted(precision, self.L)
        u = counted.u
        m = np.maximum.reduce(Z.midpoint, axis=0, keepdims=True)
        # rho: how far computed and exact logits are from the midpoint, and what float64 loses below in evaluating this
        rho = np.maximum.reduce(Z.radius + delta, axis=0, keepdims=True) + (self.L + 16) * U64 * (1 + abs(m))
        below = m - Z.midpoint
        log_s = np.log(np.add.reduce(np.exp(-below), axis=0, keepdims=True))
        self.size_log_s = np.minimum(log_s + 2 * rho, math.log(self.L) + 2 * U64)
        self.rho, self.lse = rho, abs(m + log_s) + rho
        self.below = below = below + 2 * rho
        self.distance = below + log_s
        self.sums = counted.sums
        # z - m as computed, or the same of prescaled logits
        if ours:
            self.shifted = delta + u * below
            # log of exp(z - m); safe here, since expm1 would magnify its rounding
            self.term = outward(self.shifted + counted.log_f)
            return
        size = abs(Z.midpoint) + Z.radius + delta
        most = np.maximum.reduce(size, axis=0, keepdims=True)
        self.shifted = prescaled(delta, size, most, below, u)
        # the softmax of a log softmax subtracts twice more; online, a term is rescaled, by an exp and a product, whenever a
        # larger maximum is met
        self.again = self.shifted + u * (self.distance + below + self.shifted) + counted.log_f
        self.term = outward(self.again + _rescalings(Z.midpoint, rho, precision.chain) * counted.rescaling)

    def relative(self, normaliser: Reals) -> tuple[Reals, Reals]:
        """Of A, in the logarithm, and of the log-sum-exp, where log s is off by `normaliser`: of code that is ours."""
        u, f = self.counted.u, self.counted.f
        log_sum = normaliser + f * (self.size_log_s + normaliser)  # m + log s, before its last rounding
        powers = self._third(self.shifted + log_sum) + self.counted.log_f
        return self._whole(powers), log_sum + u * (self.lse + log_sum)

    def _third(self, second: Reals) -> Reals:
        """exp of the third; covers exp(z - m) / s and exp(z - m) (1 / s), of which every other term is already there."""
        found: Reals = second + (self.counted.u + 2 * self.precision.stored) * (self.distance + second)
        return found

    def _whole(self, powers: Reals) -> Reals:
        return outward(powers + self.counted.twice, self.L + 60)

    def _of_any(self, A: Reals, normaliser: Reals) -> tuple[Reals, Reals]:
        """The same of any code."""
        p, u, f = self.precision, self.counted.u, self.counted.f
        log_sum = normaliser + f * (self.size_log_s + normaliser)
        lse_error = log_sum + u * (self.lse + self.shifted + log_sum)  # m + log s, rounded
        if self.L > 2 or p.merged > 1:  # two classes have no parts that are merged
            entropy = self.size_log_s + np.add.reduce(A * self.below, axis=0, keepdims=True)
            parts = _log_mean_shift(A, outward(self.shifted)) + self.sums
            lse_error = np.maximum(lse_error, merged(parts, self.lse, np.minimum(entropy, math.log(self.L)), self.L, p))
        powers = np.maximum(self._third(self.shifted + lse_error) + self.counted.log_f, self.again + normaliser)
        return self._whole(powers), lse_error

    def unknown(self) -> Reals:
        """The relative error of our own softmax, of which nothing is known: A is at most 1."""
        return outward(self.relative(np.maximum.reduce(self.term, axis=0, keepdims=True) + self.sums)[0], self.L + 60)

    def errors(self, A: Reals) -> SoftmaxError:
        """All of them, of probabilities of at most A."""
        L, f, eta = self.L, self.counted.f, self.precision.eta
        normaliser = _log_mean_shift(A, self.term) + self.sums
        whole, lse_error = self.relative(normaliser) if self.ours else self._of_any(A, normaliser)
        log_A = whole + f * (self.distance + whole)  # or log of the softmax
        # computed probabilities are at most this, and exact ones at most 1; they are anything where logits may overflow
        ceiling = np.where(self.rho < np.inf, 1 + f + self.counted.total, np.inf)
        grown = A * np.expm1(np.minimum(whole, 700.0)) + (ulps(self.precision) + 1) * eta
        A_error = np.minimum(np.where(whole > 700.0, np.inf, grown), ceiling)
        lse_error = np.maximum.reduce(lse_error, axis=0, keepdims=True)
        found = (log_A, A_error, whole, self.distance, self.lse, lse_error)
        return SoftmaxError(*(outward(x, L + 60) for x in found))


def enclosed(Z: Enclosure) -> tuple[Enclosure, SoftmaxError]:
    """The softmax of enclosed logits (L, n) in float64, and what rounding did to it: first with no knowledge of A, then with
    the upper bound that this gives."""
    A = softmax(Z.midpoint)
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = _Shifted(Z, Z.radius, FLOAT64, ours=True)
        first = shifted.unknown()
        upper = outward((A + 8 * FLOAT64.eta) * np.exp(np.minimum(first, 700.0)), 16)
        found = shifted.errors(np.where(first > 700.0, 1.0, np.minimum(upper, 1.0)))
    return Enclosure(A, found.A), found


def rescaling(p: Precision) -> float:
    """What a running sum is off by, in its logarithm, each time that it is rescaled: by an exp and a product.

    These belong to the sum, and are not written down.
    """
    within = replace(p, kept=0.0) if p.kept else p
    return lam(elementary(within)) + lam(written(within))


SHORT = 1024  # additions: what is gained by sorting is less than sorting costs


def _rescalings(Z: Reals, rho: Reals, chain: int) -> Reals | int:
    """How often a term may be rescaled, (L, n): with each larger maximum, and no oftener than it is added to."""
    if chain and chain < SHORT:
        return chain
    found = _larger(Z, rho)
    return np.minimum(found, chain) if chain else found


def _larger(Z: Reals, rho: Reals) -> Reals:
    """How many classes of the column come first in order of size, (L, n): each may bring a new maximum.

    Where errors of rho may change the order, what changes places differs by no more than exp(5 rho): section 3.8.
    """
    found = np.argsort(-Z, axis=0, kind="stable").argsort(axis=0)  # the place of each
    changed = 5 * rho
    if changed.max() < 1:  # nearly always, and that much less to work out
        return np.asarray(found * np.exp(changed))
    return np.where(changed < 1, found * np.exp(np.minimum(changed, 1.0)), len(Z) - 1)


def levels(L: int, merged: float) -> float:
    """How often a log-sum-exp of L classes is rounded: in a tree, or as often as is declared."""
    return max((L - 1).bit_length(), min(merged, L - 1))


def merged(parts: Reals, lse: Reals, entropy: Reals | float, L: int, precision: Precision) -> Reals:
    """The error of a log-sum-exp, of its shape, merged from those of parts, which are off by `parts`: section 3.6."""
    u = written(precision)
    found = parts + (MERGE * elementary(precision) + u) * entropy
    grown = math.expm1(levels(L, precision.merged) * math.log1p(u))
    return np.asarray(found + grown * (lse + entropy + found))


def prescaled(delta: Reals, size: Reals, most: Reals, below: Reals, u: float) -> Reals:
    """The error of the exponent of exp2 of logits that were multiplied by log2 e before the maximum is subtracted: section 3.7.

    The logits are off by `delta`, and no larger than `size`, none of the column than `most`; `below` bounds m - z.
    """
    return np.asarray(delta + u * size + 1.5 * u * (below + 2 * u * (size + most)))


def _log_mean_shift(A: Reals, term: Reals) -> Reals:
    """How far log sum_k A_k exp(t_k) may lie from 0 where |t_k| <= term: at most max term, and log(1 + sum A expm1 t)."""
    worst = np.maximum.reduce(term, axis=0, keepdims=True)
    mean = np.log1p(np.add.reduce(A * np.expm1(np.minimum(term, 700.0)), axis=0, keepdims=True))
    return np.where(worst > 700.0, worst, np.minimum(worst, mean))
