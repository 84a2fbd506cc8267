"""What rounding may do to the softmax of a column: as `softmax`, with one bound for all of its classes: docs/audit-theory.md."""

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.bounds.error_model import ErrorModel
from gradcheck.bounds.roundings import elementary, lam, roundings, ulps, written
from gradcheck.bounds.shifted import merged, prescaled, rescaling
from gradcheck.enclosure import U64, Reals
from gradcheck.precision import Precision

# exp(-760) is below half the smallest subnormal of every precision: a probability further down than this is 0, or `eta`.
REACH = 760.0


@dataclass(frozen=True, eq=False)
class Columns:
    """Bounds for each sample (n,): errors of log A, of the implementation (`R`) and of this referee (`Q`), both in the logarithm.

    `log_A` is the absolute error of the implementation's log A; `distance` bounds |log A|; `lse` bounds |log-sum-exp|, and
    `lse_error` is that of the implementation. `alone` is `R` of logits that are what
    the implementation took them for: an error of these moves probability from class to class, and no sum.
    """

    R: Reals
    alone: Reals
    Q: Reals
    log_A: Reals
    distance: Reals
    lse: Reals
    lse_error: Reals


@dataclass(frozen=True, eq=False)
class Column:
    """What is known of the logits of each sample (n,): max - min, their log-sum-exp and the largest, in size, and their number."""

    reach: Reals
    lse: Reals
    most: Reals
    L: int

    def off(self, delta: Reals, p: Precision) -> tuple[Reals, Reals]:
        """What the softmax of logits that are off by `delta` is off by, in the logarithm, and their log-sum-exp."""
        reach, lse, L = self.reach, self.lse, self.L
        u, f, size = written(p), elementary(p), np.log(L)
        shifted = prescaled(delta, self.most, self.most, reach, u)
        added, online = summed(L, p)
        added += 4 * L * ulps(p) * p.eta
        normaliser = shifted + lam(f) + online + added
        log_sum = normaliser + f * (size + normaliser)
        # or merged from parts: bounds.softmax_error, with log L for the entropy
        parts = merged(shifted + added, lse, size, L, p)
        off = np.maximum(log_sum + u * (lse + shifted + log_sum), parts)
        second = shifted + off
        distance = reach + size
        third = second + (u + 2 * p.stored) * (distance + second)
        # or the softmax of a log softmax, whose normaliser cancels
        exponent = shifted + u * (distance + reach + shifted) + lam(f)
        powers = 2 * exponent + online + added
        return np.asarray(np.maximum(third + lam(f), powers) + roundings(p, 2, writings=3)), np.asarray(off)


def columns(
    reach: Reals, lse: Reals, L: int, *, arithmetic: ErrorModel, own: Precision, logits: tuple[Reals, Reals]
) -> Columns:
    """As `bounds.softmax_error`, with one bound for a column: `reach` (n,) is max Z - min Z, `own` what we compute in.

    `logits` are the errors of the implementation's logits and of ours; both 0 where they are in the dump. Of log A the loss asks
    however small A is; of A nothing is asked below `REACH`.
    """
    found = _columns(np.minimum(reach, REACH), lse, L, arithmetic=arithmetic, own=own, logits=logits)
    if not reach.max(initial=0.0) > REACH:
        return found
    far = _columns(reach, lse, L, arithmetic=arithmetic, own=own, logits=logits)
    return replace(found, log_A=far.log_A, distance=far.distance)


def _columns(
    reach: Reals, lse: Reals, L: int, *, arithmetic: ErrorModel, own: Precision, logits: tuple[Reals, Reals]
) -> Columns:
    theirs, ours = logits
    p = arithmetic.granted
    reach = reach + 2 * (theirs + ours)
    mine = ours + own.u * reach + lam(elementary(own))
    lse, distance = abs(lse) + theirs + mine, reach + np.log(L)
    most = lse + distance + theirs  # no logit, nor one that is prescaled, is larger
    if p.reads:
        theirs = theirs + p.reads * most + p.eta
    column = Column(reach, lse, most, L)
    alone, off = column.off(np.zeros(()), p)
    R, off = column.off(theirs, p) if np.any(theirs) else (alone, off)
    log_A = R + elementary(p) * (distance + R)
    Q = 2 * mine + 2 * (L + 16) * U64
    widen = 1 + 64 * U64
    return Columns(*(x * widen for x in (R, alone, Q, log_A, distance, lse, off)))


def summed(L: int, p: Precision) -> tuple[float, float]:
    """What additions and rescalings of a sum of L powers come to, as logarithms.

    In declared blocks a running sum is rescaled once a block at most, and once for each addition to it in a declared chain; but
    what holds in any order holds then, too.
    """
    once = rescaling(p)
    usual = roundings(replace(p, block=0, chain=0), 0, L - 1), rescaled(L, once)
    if not (p.block or p.chain):
        return usual
    times = -(-L // p.block) if p.block else p.chain
    return min(usual, (roundings(p, 0, L - 1), once * times), key=sum)


ONLINE = 64  # classes up to which each may be a block of its own


def rescaled(L: int, once: float) -> float:
    """What rescaling a running sum adds to its logarithm, where each of L classes may come with a new maximum.

    log (1/L) sum_r exp(r once): no more than the mean over A, which falls where r, how often a class is rescaled, grows. With more
    than `ONLINE` classes in blocks of 16 and more, fewer additions pay for it (docs/audit-theory.md).
    """
    return float(np.log(np.exp(np.arange(L) * once).mean())) if L <= ONLINE else 0.0
