"""Freivalds' referee: a full-size gradient judged through matrix-vector products, for less than it cost.

    G v = (A diag(1ᵀY) − Y)(Xᵀ v)/N        for random v: O(Ld + Ln + nd) a probe, where G itself costs O(Ldn)

Knows the definition of the softmax and the derivative of log-sum-exp, and nothing of `gradcheck.model`. What correct code
may be off by is carried through the same products; the derivations are in docs/audit.md. Rigorous: correct code of the
stated error model is never rejected. What a probe may miss is a matter of chance, and stated (`visible`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.bounds import ELEMENTARY_ULPS, elementary, lam, spread
from gradcheck.enclosure import U64, Reals
from gradcheck.precision import Precision

Array = NDArray[np.generic]

MISS = 2.0**-40  # the chance of missing a fault that is called visible
# exp(-760) is below half the smallest subnormal of every precision: a probability further down than this is 0, or `eta`.
REACH = 760.0


@dataclass(frozen=True)
class Arithmetic:
    """The error model: every operation rounds as `sums` does, and every array between two steps is rounded to `stored`."""

    sums: Precision
    stored: Precision

    @property
    def u(self) -> float:
        """Unit roundoff of an operation."""
        return self.sums.u

    @property
    def kept(self) -> float:
        """Unit roundoff of writing an array down; 0 where that is the rounding of its last operation."""
        return self.stored.u if self.stored.u > self.sums.u else 0.0

    @property
    def eta(self) -> float:
        """Absolute, of one underflow."""
        return max(self.sums.eta, self.stored.eta)

    @property
    def huge(self) -> float:
        """The largest finite number."""
        return min(self.sums.huge, self.stored.huge)

    def relative(self, roundings: float, writings: int) -> float:
        """The relative error of so many operations and so many writings of their result."""
        operations, written = spread(roundings, self.u), spread(writings, self.kept)
        return operations + written + operations * written


# ---- probes ----


@dataclass(frozen=True, eq=False)
class Probes:
    """`V` (d, K), |V| <= 1; `mask` (d, M) tells which entries of V are not zero in the columns p with `group[p]` of it."""

    V: Reals
    mask: Reals
    group: NDArray[np.intp]
    dense: int

    @property
    def norm_factor(self) -> float:
        """A fault of row norm (2-norm) above this times the row's limit is missed with a chance below `MISS`."""
        return float(np.sqrt(2) * self.entry_factor)

    @property
    def entry_factor(self) -> float:
        """The same for a fault of one entry."""
        return float(2 * MISS ** (-1 / self.dense))


def probes(d: int, count: int, width: int, seed: int) -> Probes:
    """`count` vectors, uniform on [-1, 1], and, for width > 0, one vector of signs for each `width` columns.

    Uniform rather than signs: a row of two equal faults is missed by every second vector of signs, however large they are.
    Signs on few columns see one entry whatever is drawn, beside a limit that sums over these columns only.
    """
    draw = np.random.default_rng([seed, d])
    V = [draw.uniform(-1, 1, (d, count))]
    mask = [np.ones((d, 1))]
    groups = -(-d // width) if width else 0
    if groups:
        narrow = np.zeros((d, groups))
        narrow[np.arange(d), np.arange(d) // width] = 1
        V.append(narrow * draw.choice([-1.0, 1.0], (d, 1)))
        mask.append(narrow)
    group = np.concatenate([np.zeros(count, np.intp), 1 + np.arange(groups)])
    return Probes(np.hstack(V), np.hstack(mask), group, count)


# ---- what rounding may do to one column ----


@dataclass(frozen=True, eq=False)
class Columns:
    """Bounds for each sample (n,): errors of log A, of the implementation (`R`) and of this referee (`Q`), both in the logarithm.

    `log_A` is the absolute error of the implementation's log A; `distance` bounds |log A|.
    """

    R: Reals
    Q: Reals
    log_A: Reals
    distance: Reals


def columns(
    reach: Reals, lse: Reals, L: int, *, arithmetic: Arithmetic, own: Precision, logits: tuple[Reals, Reals]
) -> Columns:
    """As `bounds.softmax_error`, with one bound for a column: `reach` (n,) is max Z - min Z, `own` what we compute in.

    `logits` are the errors of the implementation's logits and of ours; both 0 where they are in the dump.
    """
    theirs, ours = logits
    u, f = arithmetic.u, elementary(arithmetic.sums)
    reach = np.minimum(reach, REACH) + 2 * (theirs + ours)
    size, lse = np.log(L), abs(lse) + theirs + ours
    term = theirs + u * reach + lam(f)
    normaliser = term + (L - 1) * lam(u) + 4 * L * ELEMENTARY_ULPS[arithmetic.sums.name] * arithmetic.sums.eta
    first = theirs + u * reach + normaliser + f * (size + normaliser)
    second = first + u * (lse + first)
    distance = reach + size
    third = second + (u + arithmetic.kept) * (distance + second)
    R = third + lam(f) + 2 * lam(u) + 2 * lam(arithmetic.kept)
    log_A = R + f * (distance + R)
    mine = ours + own.u * reach + lam(elementary(own))
    Q = 2 * mine + 2 * (L + 16) * U64
    widen = 1 + 64 * U64
    return Columns(R * widen, Q * widen, log_A * widen, distance * widen)


@dataclass(frozen=True, eq=False)
class Weights:
    """What the error of a sum over samples is made of. For sample i and |w_i|, summed:

    `A` (n,) on the referee's A w; `Y` on Y w; `label` on (|A - Y| - A) w at a label, which is known for index labels only;
    `flat` on w alone; `size` (n,) on A w for the terms themselves. `extra` is absolute, and comes once.
    """

    A: Reals
    Y: float
    label: float
    flat: Reals
    size: Reals
    extra: float


def weights(
    found: Columns, mass: Reals, *, N: float, n: int, L: int, arithmetic: Arithmetic, own: Precision, index: bool
) -> Weights:
    """The bound of `bounds.Allowed.summed`, taken apart. `mass` (n,) is 1ᵀY, `N` what the sum is divided by."""
    masses = 0 if index else L
    D = arithmetic.relative(5 + masses, 2)
    total = arithmetic.relative(n + 2, 1)
    ulps = ELEMENTARY_ULPS[arithmetic.sums.name]
    with np.errstate(over="ignore"):
        grown, sure = np.expm1(np.minimum(found.R, 700.0)), np.exp(np.minimum(found.Q, 700.0))
        A = mass / N * (((1 + total) * ((1 + D) * grown + D) + total) * sure + sure - 1)
        below = (ulps + 2) * arithmetic.eta * (1 + grown) + 8 * own.eta
        flat = (1 + total) * (1 + D) * (mass * below / N + (4 + masses) * arithmetic.eta)
        largest = float((mass * (1 + grown)).max(initial=1.0))
    extra = (1 + total) * (n + 2) * (1 + 4 * n * largest / N) * arithmetic.eta
    return Weights(A, ((1 + total) * D + total) / N, total / N, flat, mass * sure / N, extra)


# ---- one block of samples ----


def powers(Z: Array, own: Precision) -> tuple[Array, Reals, Reals, Reals]:
    """exp(Z - m) (L, n) in our precision, the maxima m, the sums s and max Z - min Z, each (n,)."""
    Z = Z.astype(own.dtype, copy=False)
    m = Z.max(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        reach = m.astype(np.float64) - Z.min(axis=0).astype(np.float64)
        p = np.subtract(Z, m)
        np.exp(p, out=p)
    return p, m.astype(np.float64), p.sum(axis=0, dtype=np.float64), reach


def visible(limit: Reals, factor: float) -> float:
    """The smallest fault that is missed with a chance below `MISS` in the row whose limit is the median."""
    return float(np.median(limit) * factor)
