"""Of logits and their softmax: docs/bounds.md, sections 2 to 4."""

import math
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.bounds.roundings import ELEMENTARY_ULPS, elementary, lam, relative, roundings, written
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
        if precision.reads:
            delta = outward(delta + precision.reads * (abs(Z.midpoint) + Z.radius + delta) + precision.eta, 4)
            # what cannot be read is infinite, and infinite logits have no softmax
            delta = np.where(abs(Z.midpoint) + Z.radius + delta < precision.huge, delta, np.inf)
        return _softmax_error(Z, delta, A, precision, ours)


# Of a log-sum-exp in parts, per unit of the entropy of A: exp and log1p of each merge are off by f of themselves (section 3.6).
MERGE = 1 + 1 / (2 * np.log(2))


def _softmax_error(Z: Enclosure, delta: Reals, A: Reals, precision: Precision, ours: bool) -> SoftmaxError:
    u, L, eta, f = written(precision), Z.midpoint.shape[0], precision.eta, elementary(precision)
    ulps = ELEMENTARY_ULPS[precision.name]
    m = Z.midpoint.max(axis=0, keepdims=True)
    # rho: how far computed and exact logits are from the midpoint, and what float64 loses below in evaluating this
    rho = (Z.radius + delta).max(axis=0, keepdims=True) + (L + 16) * U64 * (1 + abs(m))
    below = m - Z.midpoint
    log_s = np.log(np.exp(-below).sum(axis=0, keepdims=True))
    size_log_s = np.minimum(log_s + 2 * rho, math.log(L) + 2 * U64)
    lse = abs(m + log_s) + rho
    below = below + 2 * rho
    distance = below + log_s

    # z - m as computed, or the same of prescaled logits
    if ours:
        shifted = delta + u * below
    else:
        size = abs(Z.midpoint) + Z.radius + delta
        shifted = prescaled(delta, size, size.max(axis=0, keepdims=True), below, u)
    sums = roundings(precision, 0, L - 1) + 4 * L * ulps * eta
    if ours:
        term = outward(shifted + lam(f))  # log of exp(z - m); safe here, since expm1 would magnify its own rounding
    else:
        # the softmax of a log softmax subtracts twice more; online, a term is rescaled, by an exp and a product, whenever a
        # larger maximum is met
        again = shifted + u * (distance + below + shifted) + lam(f)
        term = outward(again + _larger(Z.midpoint, rho) * rescaling(precision))
    normaliser = _log_mean_shift(A, term) + sums
    log_sum = normaliser + f * (size_log_s + normaliser)  # m + log s, before its last rounding
    if ours:
        lse_error, second = log_sum + u * (lse + log_sum), shifted + log_sum
    else:
        lse_error = log_sum + u * (lse + shifted + log_sum)  # m + log s, rounded
        if L > 2 or precision.merged > 1:  # two classes have no parts that are merged
            entropy = size_log_s + (A * below).sum(axis=0, keepdims=True)
            parts = _log_mean_shift(A, outward(shifted)) + sums
            lse_error = np.maximum(lse_error, merged(parts, lse, np.minimum(entropy, math.log(L)), L, precision))
        second = shifted + lse_error
    # exp of the third; covers exp(z - m) / s and exp(z - m) (1 / s), of which every other term is already there
    third = second + (u + 2 * precision.stored) * (distance + second)
    powers = third + lam(f) if ours else np.maximum(third + lam(f), again + normaliser)
    whole = outward(powers + roundings(precision, 2, writings=3), L + 60)
    log_A = whole + f * (distance + whole)  # or log of the softmax
    # computed probabilities are at most this, and exact ones at most 1; they are anything where logits may overflow
    ceiling = np.where(rho < np.inf, 1 + f + relative(precision, 1, L - 1, writings=1), np.inf)
    grown = A * np.expm1(np.minimum(whole, 700.0)) + (ulps + 1) * eta
    A_error = np.minimum(np.where(whole > 700.0, np.inf, grown), ceiling)
    return SoftmaxError(
        *(outward(x, L + 60) for x in (log_A, A_error, whole, distance, lse, lse_error.max(axis=0, keepdims=True)))
    )


def enclosed(Z: Enclosure) -> tuple[Enclosure, SoftmaxError]:
    """The softmax of enclosed logits (L, n) in float64, and what rounding did to it: first with no knowledge of A, then with
    the upper bound that this gives."""
    A = softmax(Z.midpoint)
    first = softmax_error(Z, Z.radius, np.ones_like(A), FLOAT64, ours=True)
    with np.errstate(over="ignore"):
        upper = outward((A + 8 * FLOAT64.eta) * np.exp(np.minimum(first.relative, 700.0)), 16)
    known = np.where(first.relative > 700.0, 1.0, np.minimum(upper, 1.0))
    found = softmax_error(Z, Z.radius, known, FLOAT64, ours=True)
    return Enclosure(A, found.A), found


def rescaling(p: Precision) -> float:
    """What a running sum is off by, in its logarithm, each time that it is rescaled: by an exp and a product.

    These belong to the sum, and are not written down.
    """
    within = replace(p, kept=0.0) if p.kept else p
    return lam(elementary(within)) + lam(written(within))


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
    worst = term.max(axis=0, keepdims=True)
    mean = np.log1p((A * np.expm1(np.minimum(term, 700.0))).sum(axis=0, keepdims=True))
    return np.where(worst > 700.0, worst, np.minimum(worst, mean))
