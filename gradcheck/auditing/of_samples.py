"""∂ℒ/∂X = θᵀ D of one block of samples: Hᵀ V against Dᵀ (θ V), with what correct code may be off by. Knows nothing of verdicts.

A probe is a vector over the features, so that each sample is judged for itself, and nothing is summed over blocks.
"""

import numpy as np

from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan, rounding
from gradcheck.auditing.rows import CLASSES, cuts, few, norms, product, real
from gradcheck.auditing.sums import OfSamples
from gradcheck.auditing.turned import Turned
from gradcheck.bounds import spread
from gradcheck.enclosure import U64, Reals, outward
from gradcheck.referees.freivalds import Weights, rest


def probed(dump: Dump, plan: Plan, block: Block, by: Turned, bound: Weights) -> OfSamples:
    """Of each sample of a block."""
    mass, N, double, k = block.mass, dump.N, rounding(dump), by.V.shape[1]
    found = _products(plan, block, by) / block.s
    sure = np.exp(np.minimum(block.found.Q, 700.0))
    granted = (1 + plan.products) * (bound.A + (plan.products + double) * bound.size)
    off = (sure - 1 + plan.products) * found[k] + double * found[k + 1]
    right, limit, own = _of_labels(dump, block, by, bound)
    right += mass / N * found[:k]
    # what a power, a column or their product may lose in underflow
    floor = 16 * plan.own.tiny * sure * (1 + mass / N) * (dump.L + by.weight.sum())
    limit += granted * found[k + 1] + bound.flat * by.weight.sum() + floor + dump.d * bound.extra
    own += (1 + plan.products) * mass / N * off + floor
    H = real(dump.samples("grad_X", block.part))
    length = norms(np.ascontiguousarray(H.T))
    # what float64 loses in Hᵀ V, as in G V
    lost = np.nan_to_num(2 * spread(dump.d + 8, U64) * np.sqrt(dump.d) * length, nan=0.0, posinf=0.0)
    limit, own = (outward(x + lost, 4 * dump.L + 64) for x in (limit, own))
    limit = np.where(inside(plan, mass, dump.L) + limit < plan.arithmetic.huge, limit, np.inf)
    return OfSamples(abs(plan.probes.T @ H - right).max(axis=0), abs(right).max(axis=0), limit, own, length)


def _products(plan: Plan, block: Block, by: Turned) -> Reals:
    """(k + 2, nb): of the powers, with θ V, the largest of that, and |θ| 1; some classes at a time."""
    found = np.zeros((by.V.shape[1] + 2, block.p.shape[1]))
    for rows in cuts(block.p.shape[0], CLASSES):
        factors = np.column_stack([by.V[rows], abs(by.V[rows]).max(axis=1), by.weight[rows]])
        found += product(factors.T.astype(plan.own.dtype), block.p[rows])
    return found


def inside(plan: Plan, mass: Reals, L: int) -> Reals:
    """(n,): no partial sum of an entry, divided by N or not, exceeds this and the limit."""
    assert plan.turned is not None
    most = plan.turned.most
    return plan.arithmetic.within(most) + 2 * mass * (1 + plan.arithmetic.data(L + 6)) * max(1.0, most)


def _of_labels(dump: Dump, block: Block, by: Turned, bound: Weights) -> tuple[Reals, Reals, Reals]:
    """−Yᵀ θ V / N (k, nb), what correct code may be off by there, and we (nb,)."""
    Y, double = block.Y, rounding(dump)
    if dump.index:
        A = block.p[Y, np.arange(len(Y))] / block.s
        known = bound.Y + bound.label * (abs(A - 1) - A - 1) + double / dump.N + bound.others * rest(A, block.found.Q)
        return -by.V[Y].T / dump.N, known * by.weight[Y], double / dump.N * by.weight[Y]
    right, size = np.zeros((by.V.shape[1], Y.shape[1])), np.zeros(Y.shape[1])
    for rows in few(Y):
        weights = real(Y[rows])
        right -= by.V[rows].T @ weights / dump.N
        size += by.weight[rows] @ weights
    others = np.where(block.mass == 1, bound.others, 0)
    return right, (bound.Y + double / dump.N + others) * size, double / dump.N * size
