"""Freivalds' referee: a full-size gradient judged through matrix-vector products, for less than it cost.

    G v = (A diag(1ᵀY) − Y)(Xᵀ v)/N        for random v: O(Ld + Ln + nd) a probe, where G itself costs O(Ldn)
    Hᵀ v = (A diag(1ᵀY) − Y)ᵀ(θ v)/N       for H = ∂ℒ/∂X, likewise

Knows the definition of the softmax and the derivative of log-sum-exp, and nothing of `gradcheck.model`. What correct code
may be off by is carried through the same products; the derivations are in docs/audit.md. Rigorous: correct code of the
stated error model is never rejected. What probes may miss is a matter of chance, and stated (`certified`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.bounds import (
    ELEMENTARY_ULPS,
    ErrorModel,
    elementary,
    lam,
    merged,
    prescaled,
    rescaling,
    roundings,
    written,
)
from gradcheck.enclosure import U64, Reals
from gradcheck.precision import Precision

Array = NDArray[np.generic]

MISS = 2.0**-40  # the chance that what is certified in one audit is not true
STATEMENTS = 6  # of one audit: an entry and a norm, of each row of three quantities
# exp(-760) is below half the smallest subnormal of every precision: a probability further down than this is 0, or `eta`.
REACH = 760.0
CACHED = 2**17  # entries that are worked on at once


# ---- probes ----


def probes(d: int, count: int, seed: int) -> Reals:
    """V (d, count), uniform on [-1, 1].

    Uniform rather than signs: a row of two equal faults is missed by every second vector of signs, however large they are.
    """
    return np.random.default_rng([seed, d]).uniform(-1, 1, (d, count))


def certified(most: float, rows: int, count: int) -> tuple[float, float]:
    """Bounds of the largest entry and of the 2-norm of each of `rows` rows, of which `count` probes showed no more than `most`.

    True for all of them, whatever they are, but for a chance below `MISS` over the draw.
    """
    # P(|F v| <= t for all k probes) <= (t / |F_j|)^k, and (sqrt(2) t / |F|)^k: docs/audit.md
    # and twice that, for the grids that v is rounded to
    factor = float((2 * STATEMENTS * rows / MISS) ** (1 / count))
    return factor * most, float(np.sqrt(2)) * factor * most


# ---- what rounding may do to one column ----


@dataclass(frozen=True, eq=False)
class Columns:
    """Bounds for each sample (n,): errors of log A, of the implementation (`R`) and of this referee (`Q`), both in the logarithm.

    `log_A` is the absolute error of the implementation's log A; `distance` bounds |log A|. `alone` is `R` of logits that are what
    the implementation took them for: an error of these moves probability from class to class, and no sum.
    """

    R: Reals
    alone: Reals
    Q: Reals
    log_A: Reals
    distance: Reals


@dataclass(frozen=True, eq=False)
class Column:
    """What is known of the logits of each sample (n,): max - min, their log-sum-exp and the largest, in size, and their number."""

    reach: Reals
    lse: Reals
    most: Reals
    L: int

    def off(self, delta: Reals, p: Precision) -> Reals:
        """What the softmax of logits that are off by `delta` is off by, in the logarithm."""
        reach, lse, L = self.reach, self.lse, self.L
        u, f, size = written(p), elementary(p), np.log(L)
        shifted = prescaled(delta, self.most, self.most, reach, u)
        added = roundings(p, 0, L - 1) + 4 * L * ELEMENTARY_ULPS[p.name] * p.eta
        online = rescaled(L, rescaling(p))
        normaliser = shifted + lam(f) + online + added
        log_sum = normaliser + f * (size + normaliser)
        # or merged from parts: bounds.softmax_error, with log L for the entropy
        parts = merged(shifted + added, lse, size, L, p)
        second = shifted + np.maximum(log_sum + u * (lse + shifted + log_sum), parts)
        distance = reach + size
        third = second + (u + 2 * p.stored) * (distance + second)
        # or the softmax of a log softmax, whose normaliser cancels
        exponent = shifted + u * (distance + reach + shifted) + lam(f)
        powers = 2 * exponent + online + added
        return np.asarray(np.maximum(third + lam(f), powers) + roundings(p, 2, writings=3))


def columns(
    reach: Reals, lse: Reals, L: int, *, arithmetic: ErrorModel, own: Precision, logits: tuple[Reals, Reals]
) -> Columns:
    """As `bounds.softmax_error`, with one bound for a column: `reach` (n,) is max Z - min Z, `own` what we compute in.

    `logits` are the errors of the implementation's logits and of ours; both 0 where they are in the dump.
    """
    theirs, ours = logits
    p = arithmetic.granted
    reach = np.minimum(reach, REACH) + 2 * (theirs + ours)
    mine = ours + own.u * reach + lam(elementary(own))
    lse, distance = abs(lse) + theirs + mine, reach + np.log(L)
    most = lse + distance + theirs  # no logit, nor one that is prescaled, is larger
    if p.reads:
        theirs = theirs + p.reads * most + p.eta
    column = Column(reach, lse, most, L)
    alone = column.off(np.zeros(()), p)
    R = column.off(theirs, p) if np.any(theirs) else alone
    log_A = R + elementary(p) * (distance + R)
    Q = 2 * mine + 2 * (L + 16) * U64
    widen = 1 + 64 * U64
    return Columns(R * widen, alone * widen, Q * widen, log_A * widen, distance * widen)


ONLINE = 64  # classes up to which each may be a block of its own


def rescaled(L: int, once: float) -> float:
    """What rescaling a running sum adds to its logarithm, where each of L classes may come with a new maximum.

    log (1/L) sum_r exp(r once): no more than the mean over A, which falls where r, how often a class is rescaled, grows. With more
    than `ONLINE` classes in blocks of 16 and more, fewer additions pay for it (docs/audit.md).
    """
    return float(np.log(np.exp(np.arange(L) * once).mean())) if L <= ONLINE else 0.0


@dataclass(frozen=True, eq=False)
class Weights:
    """What the error of a sum over samples is made of, or over classes. For sample i and |w_i|, or |w_l|, summed:

    `A` (n,) on the referee's A w; `Y` on Y w; `others` (n,) on (1 - A) w at a label of mass 1, where D may be minus the sum of the
    others; `label` on (|A - Y| - A) w at a label, which is known for index labels only; `flat` on w alone; `size` (n,) on A w
    for the terms themselves. `extra` is absolute, and comes once.
    """

    A: Reals
    Y: float
    others: Reals
    label: float
    flat: Reals
    size: Reals
    extra: float


def weights(
    found: Columns,
    mass: Reals,
    *,
    N: float,
    n: int,
    L: int,
    arithmetic: ErrorModel,
    own: Precision,
    index: bool,
    classes: bool = False,
) -> Weights:
    """The bound of `bounds.Allowed.summed`, taken apart, or of `bounds.Allowed.X` where the sum is over `classes`.

    `mass` (n,) is 1ᵀY, `N` what the sum is divided by.
    """
    masses = 0 if index else L
    D = arithmetic.differences(masses)
    terms, total = (L, arithmetic.data(L)) if classes else (n, arithmetic.gradient(n))
    ulps = ELEMENTARY_ULPS[arithmetic.granted.name]
    with np.errstate(over="ignore"):
        grown, sure = np.expm1(np.minimum(found.R, 700.0)), np.exp(np.minimum(found.Q, 700.0))
        A = mass / N * (((1 + total) * ((1 + D) * grown + D) + total) * sure + sure - 1)
        # what underflows with us is known absolutely, up to Q; and what it is with them may be R more
        below = ((ulps + 2) * arithmetic.eta * (1 + grown) + 8 * own.eta) * sure
        flat = (1 + total) * (1 + D) * (mass * below / N + (4 + masses) * arithmetic.eta)
        largest = float((mass * (1 + grown)).max(initial=1.0))
    extra = (1 + total) * (terms + 2) * (1 + 4 * n * largest / N) * arithmetic.eta
    others = (1 + total) * (arithmetic.others(L, found.alone) + L * (ulps + 2) * arithmetic.eta) / N
    return Weights(A, ((1 + total) * D + total) / N, others, total / N, flat, mass * sure / N, extra)


def rest(A: Reals, Q: Reals) -> Reals:
    """No less than 1 - A, where our A is off by Q in the logarithm."""
    return np.asarray(np.clip(1 - A, 0, 1) + A * np.expm1(np.minimum(Q, 700.0)) + 4 * U64)


# ---- one block of samples ----


def powers(Z: Array, out: Array) -> tuple[Array, Reals, Reals, Reals]:
    """exp(Z - m) (L, n) into `out`, in its precision; the maxima m, the sums s and max Z - min Z, each (n,)."""
    L, n = Z.shape
    m, s, reach = np.empty(n), np.empty(n), np.empty(n)
    # some samples at a time where they lie together, so that what is read once stays in the cache
    each = max(1, CACHED // L) if Z.strides[0] < Z.strides[1] else n
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for at in range(0, n, each):
            part = slice(at, at + each)
            z, p = Z[:, part], out[:, part]
            highest = z.max(axis=0).astype(out.dtype)
            m[part] = highest
            reach[part] = m[part] - z.min(axis=0).astype(np.float64)
            np.subtract(z, highest, out=p)
            np.exp(p, out=p)
            s[part] = p.sum(axis=0, dtype=np.float64)
    return out, m, s, reach
