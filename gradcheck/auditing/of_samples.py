"""∂ℒ/∂X = θᵀ D of one block of samples: Hᵀ V against Dᵀ (θ V), with what correct code may be off by. Knows nothing of verdicts.

A probe is a vector over the features, so that each sample is judged for itself, and nothing is summed over blocks.
"""

import numpy as np
from numpy.typing import NDArray

from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan, least, lost_of, rounding
from gradcheck.auditing.rows import few
from gradcheck.auditing.sums import OfSamples
from gradcheck.auditing.turned import Turned
from gradcheck.bounds import Weights, rest
from gradcheck.enclosure import Reals, outward


def probed(dump: Dump, plan: Plan, block: Block, by: Turned, bound: Weights) -> OfSamples:
    """Of each sample of a block."""
    double, k, of = rounding(dump), by.V.shape[1], block.of
    found = _products(plan, block, by) / block.s
    granted = (1 + plan.products) * (bound.A + (plan.products + double) * bound.size)
    off = (of.own + plan.products * of.size) * found[k] + double * of.size * found[k + 1]
    right, limit, own = (_of_indices if dump.index else _of_labels)(dump, block, by, bound)
    right += block.pull * found[:k]
    floor = least(dump, plan) * of.sure * (1 + of.size) * (dump.L + by.weight.sum())
    limit += granted * found[k + 1] + bound.flat * by.weight.sum() + floor + dump.d * bound.extra
    own += (1 + plan.products) * off + floor
    H = dump.matrix("grad_X", block.part).exact("H")
    length = H.T.norms()
    lost = lost_of(dump, length)
    limit, own = (outward(x + lost, 4 * dump.L + 64) for x in (limit, own))
    limit = np.where(inside(dump, plan, by, bound, block.labels.mass, limit=limit), limit, np.inf)
    return OfSamples(abs(H.left(plan.probes) - right).max(axis=0), abs(right).max(axis=0), limit, own, length)


def _products(plan: Plan, block: Block, by: Turned) -> Reals:
    """(k + 2, nb): of the powers, with θ V, the largest of that, and |θ| 1."""
    p, own, limits = block.p.T, plan.own, np.vstack([abs(by.V).max(axis=1), by.weight])
    if block.S is None:
        return p.summed(np.vstack([by.V.T, limits]), own)
    return np.vstack([p.summed(by.V.T, own, block.S.T), p.summed(limits, own)])


def inside(dump: Dump, plan: Plan, by: Turned, bound: Weights, mass: Reals, *, limit: Reals) -> NDArray[np.bool_]:
    """(n,): whether every partial sum of an entry, divided by N or not, is in the range."""
    loss, model = plan.loss, plan.arithmetic
    reached = dump.reach(loss) * (bound.size + bound.unit * mass) * (1 + model.data(loss.L + 6))
    reached = model.within(by.most) + reached * max(1.0, by.most)
    return np.asarray(reached + (limit if loss.law.plain else loss.at_least_one * limit) < model.huge)


def _of_indices(dump: Dump, block: Block, by: Turned, bound: Weights) -> tuple[Reals, Reals, Reals]:
    """−Y'ᵀ θ V / N (k, nb), what correct code may be off by there, and we (nb,)."""
    of, share = block.labels, block.share
    double = rounding(dump) * abs(share) + block.of.ours
    assert of.index is not None
    k, at = of.index, of.at
    A = block.p.at(k) / block.s
    known = bound.at_label(A * block.pull, at * share)
    known += (bound.Y + bound.others * rest(A, block.found.Q) + double) * at + bound.hard * of.hard.at
    slope = 1.0 if block.S is None else block.S.at(k)
    right, limit, own = -(at * slope * by.V[k].T) * share, known * by.weight[k], double * at * by.weight[k]
    if dump.law.smoothing:
        V, size = of.classes[:, np.newaxis] * by.V, float(of.classes @ by.weight)
        sums = V.sum(axis=0)[:, np.newaxis] if block.S is None else block.S.left(V)
        right -= of.off * (sums - slope * V[k].T) * share
        limit += (bound.Y + double) * of.off * size
        own += double * of.off * size
    return right, limit, own


def _of_labels(dump: Dump, block: Block, by: Turned, bound: Weights) -> tuple[Reals, Reals, Reals]:
    """The same of weights."""
    Y, share = block.Y, block.share
    double = rounding(dump) * abs(share) + block.of.ours
    right, size, hard = np.zeros((by.V.shape[1], Y.shape[1])), np.zeros(Y.shape[1]), np.zeros(Y.shape[1])
    for rows in few(Y):
        weights = block.labels.of(rows, Y)
        right -= by.V[rows].T @ (weights if block.S is None else weights * block.S[rows]) * share
        size += by.weight[rows] @ weights
        if dump.law.smoothing:
            hard += by.weight[rows] @ block.labels.hard.of(rows, Y)
    return right, (bound.Y + double + bound.others) * size + bound.hard * hard, double * size
