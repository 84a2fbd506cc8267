"""The probabilities and the logits' gradient: every entry of a block compared, some rows at a time."""

from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import few, real
from gradcheck.auditing.sums import Worst, keep
from gradcheck.bounds import ErrorModel, rest, returned, spread
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.verdict import told


def worst_entries(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The worst entry of each, where they are in the dump."""
    worst: dict[str, Worst] = _log_sums(dump, plan, block) if "lse" in dump.arrays else {}
    if "A" in dump.arrays or "grad_Z" in dump.arrays:
        for rows in few(block.p):
            keep(worst, _worst_of(dump, plan, block, rows))
    return worst


def _log_sums(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The log-sum-exp of each sample, of each rank that has one."""
    array, found = dump.arrays["lse"], block.found
    written = spread(2, precision.of(np.dtype(array.dtype)).u)
    limit = (found.lse_error + found.Q) * (1 + written) + (written + 16 * U64) * abs(block.lse)
    value, limit = (np.broadcast_to(one, (len(array), len(limit))) for one in (block.lse, limit))
    return {"lse": _worst(array, plan.arithmetic, value, limit, (slice(0, len(array)), block.part))}


def _worst_of(dump: Dump, plan: Plan, block: Block, rows: slice) -> dict[str, Worst]:
    worst, found = {}, block.found
    A = real(block.p[rows]) / block.s
    grown, sure = np.expm1(np.minimum(found.R, 700.0)), np.exp(np.minimum(found.Q, 700.0))
    below = (8 * plan.arithmetic.eta * (1 + grown) + 8 * plan.own.eta) * sure
    limit = A * (grown * sure + sure - 1) + below
    if "A" in dump.arrays:
        worst["A"] = _worst(dump.arrays["A"], plan.arithmetic, A, limit, (rows, block.part))
    if "grad_Z" in dump.arrays:
        worst["grad_Z"] = _worst(
            dump.arrays["grad_Z"],
            plan.arithmetic,
            *_differences(dump, block, rows, A),
            (rows, block.part),
        )
    return worst


def _differences(dump: Dump, block: Block, rows: slice, A: Reals) -> tuple[Reals, Reals]:
    """D = A c − Y' / N, and its limit, from A and its limit."""
    of, labels = block.of, block.labels
    Y = labels.of(rows, block.Y)
    others = of.others * rest(A, block.found.Q)
    limit = (
        A * (of.A * of.sure + of.own + 8 * U64 * of.size) + Y * (np.maximum(of.Y, others) + 8 * U64 * of.unit) + of.flat
    )
    if dump.law.smoothing:
        limit += of.hard * labels.hard.of(rows, block.Y)
    D = A * block.pull - Y * block.share
    return D if block.S is None else D * block.S[rows], limit


def _worst(array: Any, model: ErrorModel, midpoint: Reals, limit: Reals, where: tuple[slice, slice]) -> Worst:
    rows, block = where
    if model.inside:  # of what is in the dump, the writing down
        limit = returned(limit, abs(midpoint), model)
    computed, limit = real(array[rows, block]), outward(limit, 64)
    ratio = Enclosure.representable(midpoint, np.where(np.isnan(limit), np.inf, limit)).test_ratio(computed)
    l, i = (int(k) for k in np.unravel_index(int(ratio.argmax()), ratio.shape))
    known = np.isfinite(limit) & np.isfinite(midpoint)
    size = np.where(known, abs(midpoint), 0)
    some, of = told(np.where(known, limit, np.inf), size)
    summed: dict[str, Any] = {
        "limits": float(np.where(known, limit, 0).sum()),
        "sizes": float(size.sum()),
        "told": some,
        "known": of,
    }
    place = (rows.start + l, block.start + i)
    return Worst(float(ratio[l, i]), place, float(computed[l, i]), float(midpoint[l, i]), float(limit[l, i]), **summed)
