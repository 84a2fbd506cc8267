"""A few rows of the gradient with respect to theta, computed again entry by entry in float64, each entry with its limit."""

import numpy as np

from gradcheck.auditing import mapping, penalties, typical
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.auditing.matrices import Matrix
from gradcheck.auditing.plan import Plan, flushed
from gradcheck.auditing.rows import real, threaded
from gradcheck.auditing.sums import Kept, Sums
from gradcheck.auditing.terms import Terms
from gradcheck.bounds import usual
from gradcheck.enclosure import Reals, outward


def computed_again(dump: Dump, plan: Plan, sums: Sums, rows: list[int]) -> Compared:
    """Rows of G (rows, d)."""

    def one(kept: Kept) -> Reals:
        labels = kept.labels
        X, A, Y, slope = softmax_rows(dump, rows, kept)
        hard = labels.hard.of(rows, dump.samples("Y", kept.part)) if dump.law.smoothing else None
        D, error = Terms(dump, kept.bound, labels, kept.pull, kept.share, kept.Q).of(rows, A, Y, hard)
        P, S = slope * A * kept.pull, slope * Y * kept.share
        squares, before = typical.terms(dump, plan, (P, S), A, lse=kept.m + np.log(kept.s), X=X)
        lost = flushed(dump, len(kept.m), sums.gradient.most, D)
        G, E, both = X.moments((D * slope).T, error.T, np.vstack([squares, before]).T)
        return np.stack([G.T, E.T + lost, *np.split(both.T, 2)])

    G, E, squares, before = sum(threaded(one, sums.kept), np.zeros((4, len(rows), dump.d)))
    limit = outward(E + sums.gradient.extra, 4 * dump.n + 64)
    known = inside(dump, plan, sums)[rows, np.newaxis] + undivided(plan, limit) < plan.arithmetic.huge
    allowed = np.where(known, limit, np.inf)
    if dump.l2:
        theta = taken(dump.arrays["theta"], rows)
        G = G + dump.l2 * theta
        allowed = penalties.of_gradient(dump, plan, allowed, abs(theta), dump.l2)
    common = usual(plan.arithmetic, dump.n, squares, G, before)
    return Compared("grad_theta", taken(dump.arrays["grad_theta"], rows), G, allowed, tuple(rows), usual=common)


def softmax_rows(dump: Dump, rows: list[int], kept: Kept) -> tuple[Matrix, Reals, Reals, Reals | float]:
    """Of the samples of a block: X (d, nb), these rows of A and Y' (rows, nb), and of the slope of a cap."""
    part = kept.part
    X, Y = dump.matrix("X", part), dump.samples("Y", part)
    if "Z" in dump.arrays:
        Z = real(dump.arrays["Z"][:, part][rows])
    else:
        Z = X.left(taken(dump.arrays["theta"], rows).T) + real(dump.arrays["b"])[rows, np.newaxis]
    bent, slope = mapping.again(dump, Z)
    return X, np.exp(bent - kept.m) / kept.s, kept.labels.of(rows, Y), slope


def softmax_of(dump: Dump, kept: list[Kept], rows: list[int]) -> tuple[Reals, Reals, Reals]:
    """Of all samples: these rows of A and Y', and of the slope of a cap (rows, n)."""
    blocks = []
    for block in kept:
        _, A, Y, slope = softmax_rows(dump, rows, block)
        blocks.append((A, Y, np.broadcast_to(slope, A.shape)))
    A, Y, slope = (np.concatenate(arrays, axis=1) for arrays in zip(*blocks, strict=True))
    return A, Y, slope


def inside(dump: Dump, plan: Plan, sums: Sums) -> Reals:
    """(L,): no partial sum of an entry, divided by N or not, exceeds this and the limit."""
    total = sums.gradient
    lost = plan.arithmetic.within(total.most)
    return lost + dump.reach(plan.loss) * total.size * (1 + plan.arithmetic.gradient(dump.n + 6)) * max(1.0, total.most)


def undivided(plan: Plan, limit: Reals) -> Reals:
    """What a partial sum of code that divides last may be off by."""
    return limit if plan.loss.law.plain else plan.loss.at_least_one * limit


def taken(array: object, rows: list[int]) -> Reals:
    """Rows of an array that can only be sliced."""
    return np.stack([real(array[l]) for l in rows])  # type: ignore[index]
