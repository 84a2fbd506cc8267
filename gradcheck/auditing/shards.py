"""What one block of samples adds to the audit. Knows nothing of verdicts.

The powers exp(Z - m) are multiplied once, by every column that is asked of them: probes, limits, and our own errors.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradcheck.auditing.block import Block, read
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.entries import worst_entries
from gradcheck.auditing.of_samples import probed
from gradcheck.auditing.plan import Plan, rounding
from gradcheck.auditing.rows import CLASSES, cuts, few, norms, product, real
from gradcheck.auditing.sums import Gradient, Kept, Logits, Loss, Sums, keep
from gradcheck.enclosure import U64, Reals
from gradcheck.referees.freivalds import rest


def shard(dump: Dump, plan: Plan, parts: Iterable[slice]) -> Sums:
    """The sums of the blocks of one shard."""
    L, k = dump.L, plan.probes.shape[1]
    products = np.zeros((k + 4, L))
    right, limit, own = products[: k + 1], products[k + 1 : k + 3], products[-1]
    gradient = Gradient(right, limit, own, np.zeros(L), np.zeros(2), 0.0, 0.0, 0.0)
    logits = Logits(np.zeros((k, L)), np.zeros((dump.d, k)), np.zeros(k), 0.0, 0.0, 0.0) if "Z" in dump.arrays else None
    total = Sums(gradient, logits, Loss(0.0, 0.0, 0.0), [], {}, [])
    for part in parts:
        block = read(dump, plan, part)
        _add_gradient(dump, plan, block, products, gradient)
        if logits is not None:
            _add_logits(dump, plan, block, logits)
        total.loss.add(_loss(dump, plan, block))
        if plan.turned is not None and block.over_classes is not None:
            total.data.append(probed(dump, plan, block, plan.turned, block.over_classes))
        total.kept.append(Kept(part, block.m, block.s, block.mass, block.found.Q, block.bound, block.over_classes))
        keep(total.worst, worst_entries(dump, plan, block))
    # A 1ᵀY / N + Y / N, of which ∂ℒ/∂b is the difference
    gradient.size += right[-1]
    return total


# ---- what it adds ----


def _add_gradient(dump: Dump, plan: Plan, block: Block, products: Reals, total: Gradient) -> None:
    """A diag(1ᵀY) P / N − Y P / N, its limits, and our own error, into `products` and its views in `total`."""
    X, mass, s, bound, N = block.X, block.mass, block.s, block.bound, dump.N
    size = abs(X)
    ones = np.ones(len(mass))
    P, W = np.vstack([plan.probes.T @ X, ones]), np.vstack([size.sum(axis=0), ones])
    double = rounding(dump)
    granted = (1 + plan.products) * (bound.A + (plan.products + double) * bound.size)
    largest = abs(P[:-1]).max(axis=0)
    ours = mass / N * ((np.expm1(np.minimum(block.found.Q, 700.0)) + plan.products) * largest + double * W[0])
    factors = (np.vstack([mass / N * P, granted * W, ours]) / s).astype(plan.own.dtype)
    for rows in cuts(dump.L, CLASSES):
        products[:, rows] += product(factors, block.p[rows].T)
    _add_labels(dump, block, P, W, total)
    total.flat += W @ bound.flat
    # what a power, a column or their product may lose in underflow
    sure = np.exp(np.minimum(block.found.Q, 700.0))
    total.floor += float((16 * plan.own.tiny * sure * (1 + mass / N) * (1 + W[0])).sum())
    total.extra, total.most = max(total.extra, bound.extra), max(total.most, float(size.max()))


def _add_labels(dump: Dump, block: Block, P: Reals, W: Reals, total: Gradient) -> None:
    bound, Y, double = block.bound, block.Y, rounding(dump)
    if dump.index:
        A = block.p[Y, np.arange(len(Y))] / block.s
        np.add.at(total.right.T, Y, -P.T / dump.N)
        known = bound.Y + bound.label * (abs(A - 1) - A - 1) + double / dump.N
        known += bound.others * rest(A, block.found.Q)
        np.add.at(total.limit.T, Y, (known * W).T)
        np.add.at(total.own, Y, double / dump.N * W[0])
        np.add.at(total.size, Y, 2 / dump.N)
        return
    for rows in few(Y):
        weights = real(Y[rows])
        size = W @ weights.T
        total.right[:, rows] -= P @ weights.T / dump.N
        others = np.where(block.mass == 1, bound.others, 0)
        total.limit[:, rows] += ((bound.Y + double / dump.N + others) * W) @ weights.T
        total.own[rows] += double / dump.N * size[0]
        total.size[rows] += 2 * size[1] / dump.N


def _add_logits(dump: Dump, plan: Plan, block: Block, total: Logits) -> None:
    """Z V, X V, 1ᵀV and the sizes of what they are made of, for random V (k, nb)."""
    X, Z = block.X, block.Z
    V = np.random.default_rng([plan.seed, block.part.start, 1]).uniform(-1, 1, (plan.probes.shape[1], X.shape[1]))
    for rows in cuts(dump.L, CLASSES // 8):
        total.Zv[:, rows] += V @ real(Z[rows]).T
    total.Xv += X @ V.T
    total.v += V.sum(axis=1)
    total.size += float((abs(block.m) + block.reach).sum())
    lengths = norms(np.ascontiguousarray(X.T))
    total.length, total.longest = total.length + float(lengths.sum()), max(total.longest, float(lengths.max()))


def _picked(dump: Dump, Z: Any, Y: Any) -> Reals:
    """Σ Y Z over the classes of each sample; what has no weight may be infinite."""
    if dump.index:
        return real(Z[Y, np.arange(len(Y))])
    parts = ((real(Y[rows]), real(Z[rows])) for rows in few(Y))
    return np.asarray(sum(np.where(y > 0, y * z, 0).sum(axis=0) for y, z in parts))


def _loss(dump: Dump, plan: Plan, block: Block) -> Loss:
    """The sum over samples of mass lse − Σ Y Z."""
    Z, Y, lse, mass, found = block.Z, block.Y, block.lse, block.mass, block.found
    terms = dump.n if dump.index else dump.n * dump.L
    k = plan.arithmetic.loss(terms)  # log-sum-exps and logits may be added up apart
    picked = _picked(dump, Z, Y)
    size = abs(lse) + abs(picked) if dump.index else mass * (2 * abs(lse) + found.distance)
    own = mass * found.Q + size * 8 * U64
    each = mass * ((1 + k) * found.log_A) + k * (size + own)
    if not dump.index:
        each += (1 + k) * plan.arithmetic.label(dump.L) * (size + mass * found.log_A)
    underflow = (1 + k) * (len(mass) * (terms + 2) / dump.n + size.sum()) * 2 * plan.arithmetic.eta
    return Loss(float((mass * lse - picked).sum()), float((each + own).sum() + underflow), float(size.sum()))
