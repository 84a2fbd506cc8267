"""Logits after the maximum of their column is subtracted, and what a softmax of them is off by: docs/bounds.md, section 3.

What hangs on the midpoints alone is worked out once for whoever asks for two softmaxes of them.
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradcheck.bounds.roundings import elementary, lam, relative, roundings, ulps, written
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.precision import Precision

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


class Columns(NamedTuple):
    """Of midpoints (L, n): their maximum m, m - z, log s, and |m + log s|; and what float64 loses in evaluating these."""

    top: Reals
    below: Reals
    log_s: Reals
    size: Reals
    own: Reals


def columns(midpoint: Reals) -> Columns:
    """What is shifted, whatever the logits are off by."""
    m = np.maximum.reduce(midpoint, axis=0, keepdims=True)
    below = m - midpoint
    log_s = np.log(np.add.reduce(np.exp(-below), axis=0, keepdims=True))
    return Columns(m, below, log_s, abs(m + log_s), np.asarray((len(midpoint) + 16) * U64 * (1 + abs(m))))


class Shifted:
    """Logits, and what is known of z - m as it is computed: all that does not depend on A. Each is (L, n), or (1, n)."""

    def __init__(
        self, Z: Enclosure, delta: Reals, precision: Precision, *, ours: bool, known: Columns | None = None
    ) -> None:
        if precision.reads:
            delta = outward(delta + precision.reads * (abs(Z.midpoint) + Z.radius + delta) + precision.eta, 4)
            # what cannot be read is infinite, and infinite logits have no softmax
            delta = np.where(abs(Z.midpoint) + Z.radius + delta < precision.huge, delta, np.inf)
        self.precision, self.ours = precision, ours
        self.L = Z.midpoint.shape[0]
        self.counted = counted = _counted(precision, self.L)
        u = counted.u
        _, below, log_s, size_of_lse, own = known or columns(Z.midpoint)
        # rho: how far computed and exact logits are from the midpoint, and what float64 loses below in evaluating this
        self.rho = rho = np.maximum.reduce(Z.radius + delta, axis=0, keepdims=True) + own
        twice = 2 * rho
        self.size_log_s = np.minimum(log_s + twice, math.log(self.L) + 2 * U64)
        self.lse = size_of_lse + rho
        self.below = below = below + twice
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

    def _log_sum(self, normaliser: Reals) -> Reals:
        """m + log s, before its last rounding, where log s is off by `normaliser`."""
        found: Reals = normaliser + self.counted.f * (self.size_log_s + normaliser)
        return found

    def _of_ours(self, log_sum: Reals) -> Reals:
        """What A is off by, in the logarithm: of code that is ours."""
        return self._whole(self._third(self.shifted + log_sum) + self.counted.log_f)

    def _third(self, second: Reals) -> Reals:
        """exp of the third; covers exp(z - m) / s and exp(z - m) (1 / s), of which every other term is already there."""
        found: Reals = second + (self.counted.u + 2 * self.precision.stored) * (self.distance + second)
        return found

    def _whole(self, powers: Reals) -> Reals:
        return outward(powers + self.counted.twice, self.L + 60)

    def _of_any(self, A: Reals, normaliser: Reals) -> tuple[Reals, Reals]:
        """What A, and the log-sum-exp, is off by: of any code."""
        p, u = self.precision, self.counted.u
        log_sum = self._log_sum(normaliser)
        lse_error = log_sum + u * (self.lse + self.shifted + log_sum)  # m + log s, rounded
        if self.L > 2 or p.merged > 1:  # two classes have no parts that are merged
            entropy = self.size_log_s + np.add.reduce(A * self.below, axis=0, keepdims=True)
            parts = _log_mean_shift(A, outward(self.shifted)) + self.sums
            lse_error = np.maximum(lse_error, merged(parts, self.lse, np.minimum(entropy, math.log(self.L)), self.L, p))
        powers = np.maximum(self._third(self.shifted + lse_error) + self.counted.log_f, self.again + normaliser)
        return self._whole(powers), lse_error

    def unknown(self) -> Reals:
        """The relative error of our own softmax, of which nothing is known: A is at most 1."""
        log_sum = self._log_sum(np.maximum.reduce(self.term, axis=0, keepdims=True) + self.sums)
        return outward(self._of_ours(log_sum), self.L + 60)

    def errors(self, A: Reals) -> tuple[Reals, Reals, Reals, Reals]:
        """What log A, A and the log-sum-exp are off by, of probabilities of at most A, and A in the logarithm.

        The first three are to be made safe against what is left of their own evaluation.
        """
        normaliser = _log_mean_shift(A, self.term) + self.sums
        if self.ours:
            log_sum = self._log_sum(normaliser)
            whole, lse_error = self._of_ours(log_sum), log_sum + self.counted.u * (self.lse + log_sum)
        else:
            whole, lse_error = self._of_any(A, normaliser)
        log_A = whole + self.counted.f * (self.distance + whole)  # or log of the softmax
        return log_A, self._of_A(A, whole), np.maximum.reduce(lse_error, axis=0, keepdims=True), whole

    def _of_A(self, A: Reals, whole: Reals) -> Reals:
        """Computed probabilities are at most `most`, and exact ones at most 1; they are anything where logits may overflow."""
        most, lost = 1 + self.counted.f + self.counted.total, (ulps(self.precision) + 1) * self.precision.eta
        if moderate(whole):  # so that no logit may overflow
            return np.minimum(A * np.expm1(whole) + lost, most)
        grown = A * np.expm1(np.minimum(whole, LARGEST_EXPONENT)) + lost
        ceiling = np.where(self.rho < np.inf, most, np.inf)
        return np.minimum(np.where(whole > LARGEST_EXPONENT, np.inf, grown), ceiling)


LARGEST_EXPONENT = 700.0  # of which exp does not overflow


def moderate(exponents: Reals) -> bool:
    """Whether none is so large that exp may overflow: nearly always, and that much less to work out. Never with NaN."""
    return bool(np.maximum.reduce(exponents, axis=None) <= LARGEST_EXPONENT)


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
    if np.maximum.reduce(changed, axis=None) < 1:  # nearly always, and that much less to work out
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
    if moderate(worst):
        return np.minimum(worst, np.log1p(np.add.reduce(A * np.expm1(term), axis=0, keepdims=True)))
    mean = np.log1p(np.add.reduce(A * np.expm1(np.minimum(term, LARGEST_EXPONENT)), axis=0, keepdims=True))
    return np.where(worst > LARGEST_EXPONENT, worst, np.minimum(worst, mean))
