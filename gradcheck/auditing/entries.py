"""The probabilities and the logits' gradient: every entry of a block compared, some rows at a time."""

from typing import Any

import numpy as np

from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import few, real
from gradcheck.auditing.sums import Worst, keep
from gradcheck.bounds import ErrorModel, returned
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.referees.freivalds import rest
from gradcheck.verdict import told


def worst_entries(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The worst entry of each, where they are in the dump."""
    worst: dict[str, Worst] = {}
    if "A" in dump.arrays or "grad_Z" in dump.arrays:
        for rows in few(block.p):
            keep(worst, _worst_of(dump, plan, block, rows))
    return worst


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
            *_differences(dump, plan, block, rows, (A, limit)),
            (rows, block.part),
        )
    return worst


def _differences(dump: Dump, plan: Plan, block: Block, rows: slice, known: tuple[Reals, Reals]) -> tuple[Reals, Reals]:
    """D = (A 1ᵀY − Y)/N, and its limit, from A and its limit."""
    A, limit = known
    sure = np.exp(np.minimum(block.found.Q, 700.0))
    classes = np.arange(rows.start, rows.stop)[:, np.newaxis]
    labels = (classes == block.Y).astype(np.float64) if dump.index else real(block.Y[rows])
    masses = 0 if dump.index else dump.L
    k = plan.arithmetic.differences(masses)
    others = np.where(block.mass == 1, plan.arithmetic.others(dump.L, block.found.alone), 0) * rest(A, block.found.Q)
    y = np.maximum(plan.arithmetic.differences(0), others) + 8 * U64
    limit = ((1 + k) * limit * block.mass + k * A * sure * block.mass + y * labels) / dump.N
    return (A * block.mass - labels) / dump.N, limit + (1 + k) * (8 + masses + dump.L) * plan.arithmetic.eta


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
