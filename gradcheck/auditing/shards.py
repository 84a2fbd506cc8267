"""What one block of samples adds to the audit. Knows nothing of verdicts.

The powers exp(Z - m) are multiplied once, by every column that is asked of them: probes, limits, and our own errors.
"""

from collections.abc import Iterable

import numpy as np

from gradcheck.auditing.block import Block, read
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.in_place import worst_entries
from gradcheck.auditing.losses import losses
from gradcheck.auditing.of_samples import probed
from gradcheck.auditing.plan import Plan, least, rounding
from gradcheck.auditing.rows import few
from gradcheck.auditing.sums import Gradient, Kept, Logits, Loss, Sums, keep
from gradcheck.bounds import rest
from gradcheck.enclosure import Reals


def shard(dump: Dump, plan: Plan, parts: Iterable[slice]) -> Sums:
    """The sums of the blocks of one shard."""
    L, k = dump.L, plan.probes.shape[1]
    products = np.zeros((k + 4, L))
    right, limit, own = products[: k + 1], products[k + 1 : k + 3], products[-1]
    gradient = Gradient(right, limit, own, np.zeros(L), np.zeros(2), 0.0, 0.0, 0.0)
    logits = (
        Logits(np.zeros((L, k)).T, np.zeros((dump.d, k)), np.zeros(k), 0.0, 0.0, 0.0) if "Z" in dump.arrays else None
    )
    total = Sums(gradient, logits, Loss(0.0, 0.0, 0.0), [], {}, [])
    for part in parts:
        block = read(dump, plan, part)
        _add_gradient(dump, plan, block, products, gradient)
        if logits is not None:
            _add_logits(block, logits)
        total.loss.add(losses(dump, plan, block))
        if plan.turned is not None and block.over_classes is not None:
            total.data.append(probed(dump, plan, block, plan.turned, block.over_classes))
        total.kept.append(
            Kept(
                part,
                block.m,
                block.s,
                block.pull,
                block.share,
                block.labels,
                block.found.Q,
                block.bound,
                block.over_classes,
                block.X.sizes,
                block.X.most,
            )
        )
        keep(total.worst, worst_entries(dump, plan, block))
    # A c + Y' / N, of which ∂ℒ/∂b is the difference
    gradient.size += right[-1]
    return total


# ---- what it adds ----


def _add_gradient(dump: Dump, plan: Plan, block: Block, products: Reals, total: Gradient) -> None:
    """A c P − Y' P / N, its limits, and our own error, into `products` and its views in `total`."""
    X, s, of, bound = block.X, block.s, block.of, block.bound
    ones = np.ones(len(s))
    P, W = np.vstack([X.right.T, ones]), np.vstack([X.sizes + dump.d * dump.lost, ones])
    double = rounding(dump)
    granted = (1 + plan.products) * (bound.A + (plan.products + double) * bound.size)
    ours = (of.own + plan.products * of.size) * abs(P[:-1]).max(axis=0) + double * of.size * W[0]
    exact, limits = block.pull * P, np.vstack([granted * W, ours])
    if block.S is None:
        block.p.summed(np.vstack([exact, limits]) / s, plan.own, into=products)
    else:
        block.p.summed(exact / s, plan.own, block.S, into=products[: len(P)])
        block.p.summed(limits / s, plan.own, into=products[len(P) :])
    (_add_indices if dump.index else _add_labels)(dump, block, P, W, total)
    total.flat += W @ bound.flat
    total.floor += float((least(dump, plan) * of.sure * (1 + of.size) * (1 + W[0])).sum())
    total.extra, total.most = max(total.extra, bound.extra), max(total.most, float(X.most.max()))
    if dump.law.z_loss or dump.met:  # 2 z lse may be negative, and so may what is upstream
        total.size += 2 * float(np.maximum(-block.pull, 0).sum())


def _add_indices(dump: Dump, block: Block, P: Reals, W: Reals, total: Gradient) -> None:
    of, bound, share = block.labels, block.bound, block.share
    double = rounding(dump) * abs(share) + block.of.ours
    assert of.index is not None
    k, at = of.index, of.at
    A = block.p.at(k) / block.s
    known = bound.at_label(A * block.pull, at * share)
    known += bound.others * rest(A, block.found.Q) * at + bound.hard * of.hard.at
    slope = 1.0 if block.S is None else block.S.at(k)
    if dump.law.smoothing:  # everywhere the same, but for what a class is weighed by, and a slope
        classes, exact = of.classes, P * of.off * share
        if block.S is None:
            total.right -= np.outer(exact.sum(axis=1), classes)
        else:
            total.right -= block.S.right(exact.T).T * classes
        total.limit += np.outer(W @ ((bound.Y + double) * of.off), classes)
        total.own += (W[0] @ (double * of.off)) * classes
        total.size += 2 * (abs(share) @ of.off) * classes
        at = at - of.off * classes[k]
    np.add.at(total.right.T, k, -(at * slope * share * P).T)
    np.add.at(total.limit.T, k, ((known + bound.Y * at + double * abs(at)) * W).T)
    np.add.at(total.own, k, double * abs(at) * W[0])
    np.add.at(total.size, k, 2 * abs(share) * at)


def _add_labels(dump: Dump, block: Block, P: Reals, W: Reals, total: Gradient) -> None:
    of, bound, share = block.labels, block.bound, block.share
    double = rounding(dump) * abs(share) + block.of.ours
    for rows in few(block.Y):
        weights = of.of(rows, block.Y)
        total.right[:, rows] -= (P * share) @ (weights if block.S is None else weights * block.S[rows]).T
        total.limit[:, rows] += ((bound.Y + double + bound.others) * W) @ weights.T
        total.own[rows] += (double * W[0]) @ weights.T
        total.size[rows] += 2 * (weights @ abs(share))
        if dump.law.smoothing:
            total.limit[:, rows] += (bound.hard * W) @ of.hard.of(rows, block.Y).T


def _add_logits(block: Block, total: Logits) -> None:
    """Z V, X V, 1ᵀV and the sizes of what they are made of, for random V (k, nb)."""
    block.Z.right(block.V, into=total.Zv)
    total.Xv += block.X.left
    total.v += block.V.sum(axis=0)
    total.size += float((abs(block.m) + block.reach).sum())
    lengths = block.X.lengths
    total.length, total.longest = total.length + float(lengths.sum()), max(total.longest, float(lengths.max()))
