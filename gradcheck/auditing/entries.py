"""The probabilities and the logits' gradient: every entry of a block compared, some rows at a time."""

from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import real
from gradcheck.auditing.sums import Worst
from gradcheck.bounds import Columns, Differences, ErrorModel, rest, returned, spread
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.verdict import told


def log_sums(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The log-sum-exp of each sample, of each rank that has one."""
    array, found = dump.arrays["lse"], block.found
    written = spread(2, precision.of(np.dtype(array.dtype)).u)
    limit = (found.lse_error + found.Q) * (1 + written) + (written + 16 * U64) * abs(block.lse)
    value, limit = (np.broadcast_to(one, (len(array), len(limit))) for one in (block.lse, limit))
    return {"lse": worst(real(array[:, block.part]), plan.arithmetic, value, limit, (0, block.part.start))}


def worst_of(dump: Dump, plan: Plan, block: Block, rows: slice) -> dict[str, Worst]:
    """Of these rows of A and of ∂ℒ/∂Z."""
    found: dict[str, Worst] = {}
    A, at = real(block.p[rows]) / block.s, (rows.start, block.part.start)
    if "A" in dump.arrays:
        a, f = of_A(plan, block.found)
        there = real(dump.arrays["A"][rows, block.part])
        found["A"] = worst(there, plan.arithmetic, A, A * a + f, at)
    if "grad_Z" in dump.arrays:
        D, limit = differences_of(dump, block, rows, A)
        there = real(dump.arrays["grad_Z"][rows, block.part])
        found["grad_Z"] = worst(there, plan.arithmetic, D, limit, at)
    return found


def of_A(plan: Plan, found: Columns) -> tuple[Reals, Reals]:
    """What multiplies A in its limit, and what is there without it (nb,)."""
    grown, sure = np.expm1(np.minimum(found.R, 700.0)), np.exp(np.minimum(found.Q, 700.0))
    below = (8 * plan.arithmetic.eta * (1 + grown) + 8 * plan.own.eta) * sure
    return grown * sure + sure - 1, below


def of_D(of: Differences) -> Reals:
    """What multiplies A in the limit of D (nb,)."""
    return of.A * of.sure + of.own + 8 * U64 * of.size


def of_labels(of: Differences) -> Reals:
    """What multiplies Y' at least (nb,)."""
    return of.Y + 8 * U64 * of.unit


def differences_of(dump: Dump, block: Block, rows: slice, A: Reals) -> tuple[Reals, Reals]:
    """D of these rows of a block, and its limit."""
    labels, slope = block.labels, None if block.S is None else block.S[rows]
    hard = labels.hard.of(rows, block.Y) if dump.law.smoothing else None
    return differences(block, A, labels.of(rows, block.Y), hard, slope)


def differences(block: Block, A: Reals, Y: Reals, hard: Reals | None, slope: Any) -> tuple[Reals, Reals]:
    """D = A c − Y' / N, and its limit, of some rows, or of one of each sample; `hard` are labels before they are smoothed."""
    of = block.of
    others = of.others * rest(A, block.found.Q)
    limit = A * of_D(of) + Y * (np.maximum(of.Y, others) + 8 * U64 * of.unit) + of.flat
    if hard is not None:
        limit += of.hard * hard
    D = A * block.pull - Y * block.share
    return D if slope is None else D * slope, limit


def worst(computed: Reals, model: ErrorModel, midpoint: Reals, limit: Reals, at: tuple[int, int]) -> Worst:
    """Of entries that begin `at` a row and a sample."""
    if model.inside:  # of what is in the dump, the writing down
        limit = returned(limit, abs(midpoint), model)
    limit = outward(limit, 64)
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
    place = (at[0] + l, at[1] + i)
    return Worst(float(ratio[l, i]), place, float(computed[l, i]), float(midpoint[l, i]), float(limit[l, i]), **summed)
