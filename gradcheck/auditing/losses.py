"""The loss of one block of samples, and its limit: as `bounds.loss_error`, with one bound for a column."""

import numpy as np

from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import few, real
from gradcheck.auditing.sums import Loss
from gradcheck.bounds import more_of
from gradcheck.enclosure import U64, Reals


def losses(dump: Dump, plan: Plan, block: Block) -> Loss:
    """The sum over samples of 1ᵀY' lse − Σ Y' Z, and of z lse²."""
    of, lse, found, model = block.labels, block.lse, block.found, plan.arithmetic
    single = dump.index and not dump.law.smoothing
    mass, terms = of.mass, dump.n if single else dump.n * dump.L
    k = model.loss(terms, dump.n * dump.L)  # log-sum-exps and logits may be added up apart
    picked = _picked(dump, block)
    size = mass * abs(lse) + abs(picked) if single else mass * (2 * abs(lse) + found.distance)
    own = mass * found.Q + size * 8 * U64
    each = mass * ((1 + k) * found.log_A) + k * (size + own)
    if not single:
        each += (1 + k) * model.label(dump.L) * (size + mass * found.log_A)
    # products underflow, or Y' / N does in code that weighs each term: absolute, once N has divided
    stands = abs(lse) + abs(picked) if dump.law.plain and single else 2 * abs(lse) + found.distance
    lost = len(mass) * (terms + 2) / dump.n + (stands.sum() + mass.sum()) * (1 if single else dump.L)
    underflow = (1 + k) * (1 + model.granted.loses) * lost * model.eta * max(dump.N, 1.0)
    by = dump.upstream(block.part)
    c = abs(by)
    limit = float((c * (each + own)).sum() + underflow * max(1.0, c.max(initial=0.0)))
    told = Loss(float((by * (mass * lse - picked)).sum()), limit, float((c * size).sum()))
    if not dump.law.plain:
        _add_options(plan, block, told, k, by)
    if "upstream" in dump.arrays:
        told.limit += more_of(plan.loss) * (told.size + told.limit)
    return told


def _add_options(plan: Plan, block: Block, told: Loss, k: float, by: Reals) -> None:
    """What labels that are off cost, and lse²: as `bounds.losses`, sections 5 and 14 of docs/bounds.md."""
    of, found, loss, model, law = block.labels, block.found, plan.loss, plan.arithmetic, plan.loss.law
    masses, eta, c = of.masses, model.eta, abs(by)
    stands = found.distance + found.log_A + 2 * found.lse
    told.limit += float((1 + k) * (c * loss.off(masses, k) * stands).sum())
    if law.smoothing:  # the sum over the classes, before it is multiplied by smoothing / L
        weights = float(of.weights.sum()) if of.weights is not None else float(of.L)
        told.most += float(((1 + k) * (1 + k) * (1 + model.label(of.L)) * weights * of.counts * stands * c).sum())
    if law.z_loss:
        more, lse, apart = model.squared_loss(loss.n), found.lse, found.lse_error
        value, own = masses.z * block.lse**2, found.Q + 16 * U64 * lse
        squares = (lse + apart) ** 2
        told.value, told.size = told.value + float((by * value).sum()), told.size + float((c * value).sum())
        off = (1 + more) * (2 * lse + apart) * apart + more * lse**2 + (2 * lse + own) * own
        lost = 3 * loss.at_least_one * squares.sum() + 2 * len(lse) * (1 + law.z_loss)
        told.limit += float((c * masses.z * off).sum() + (1 + more) * max(1.0, c.max(initial=0.0)) * lost * eta)
        told.squares += float((1 + more) * np.maximum(c, 1) @ squares)
    if not loss.fits(of.mass).all():
        told.limit = np.inf


def _picked(dump: Dump, block: Block) -> Reals:
    """Σ Y' Z over the classes of each sample; what has no weight may be infinite."""
    of, Z = block.labels, block.bent
    if of.index is None:
        parts = ((of.of(rows, block.Y), real(Z[rows])) for rows in few(block.Y))
        return np.asarray(sum(np.where(y > 0, y * z, 0).sum(axis=0) for y, z in parts))
    picked = Z.at(of.index)
    if not dump.law.smoothing:
        return np.where(of.at > 0, of.at * picked, 0.0)
    summed = Z.left(of.classes[:, np.newaxis])[0]
    at = of.at - of.off * of.classes[of.index]
    return np.where(of.mass > 0, at * picked + of.off * summed, 0.0)
