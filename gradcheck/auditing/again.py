"""A few rows of the gradient with respect to theta, computed again entry by entry in float64, each entry with its limit."""

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.auditing.plan import Plan, rounding
from gradcheck.auditing.rows import real, threaded
from gradcheck.auditing.sums import Kept, Sums
from gradcheck.enclosure import Reals, outward
from gradcheck.referees.freivalds import rest


def computed_again(dump: Dump, plan: Plan, sums: Sums, rows: list[int]) -> Compared:
    """Rows of G (rows, d)."""

    def one(kept: Kept) -> tuple[Reals, Reals]:
        bound = kept.bound
        X, A, Y = softmax_rows(dump, rows, kept)
        known = Y * bound.label * (abs(A - 1) - A - 1) if dump.index else 0.0
        # the error of each term, and its size times what float64 may lose on it
        others = np.where(kept.mass == 1, bound.others, 0) * rest(A, kept.Q)
        error = A * bound.A + Y * (bound.Y + others) + known + bound.flat
        error += 2 * rounding(dump) * (A * bound.size + Y / dump.N)
        return (A * kept.mass - Y) @ X.T / dump.N, error @ abs(X).T

    G, E = np.zeros((len(rows), dump.d)), np.zeros((len(rows), dump.d))
    for g, e in threaded(one, sums.kept):
        G, E = G + g, E + e
    limit = outward(E + sums.gradient.extra, 4 * dump.n + 64)
    allowed = np.where(inside(dump, plan, sums)[rows, np.newaxis] + limit < plan.arithmetic.huge, limit, np.inf)
    return Compared("grad_theta", taken(dump.arrays["grad_theta"], rows), G, allowed, tuple(rows))


def softmax_rows(dump: Dump, rows: list[int], kept: Kept) -> tuple[Reals, Reals, Reals]:
    """Of the samples of a block: X (d, nb), and these rows of A and Y (rows, nb)."""
    part = kept.part
    X, Y = real(dump.samples("X", part)), dump.samples("Y", part)
    if "Z" in dump.arrays:
        Z = real(dump.arrays["Z"][:, part][rows])
    else:
        Z = taken(dump.arrays["theta"], rows) @ X + real(dump.arrays["b"])[rows, np.newaxis]
    labels = (np.asarray(rows)[:, np.newaxis] == Y).astype(np.float64) if dump.index else real(Y)[rows]
    return X, np.exp(Z - kept.m) / kept.s, labels


def inside(dump: Dump, plan: Plan, sums: Sums) -> Reals:
    """(L,): no partial sum of an entry, divided by N or not, exceeds this and the limit."""
    total = sums.gradient
    lost = plan.arithmetic.within(total.most)
    return lost + dump.N * total.size * (1 + plan.arithmetic.gradient(dump.n + 6)) * max(1.0, total.most)


def taken(array: object, rows: list[int]) -> Reals:
    """Rows of an array that can only be sliced."""
    return np.stack([real(array[l]) for l in rows])  # type: ignore[index]
