"""The probabilities and the logits' gradient: every entry of a block compared."""

import numpy as np

from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import real
from gradcheck.auditing.sums import Worst
from gradcheck.enclosure import U64, Enclosure, Reals, outward


def worst_entries(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The worst entry of each, where they are in the dump."""
    if "A" not in dump.arrays and "grad_Z" not in dump.arrays:
        return {}
    worst, found, arithmetic = {}, block.found, plan.arithmetic
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        A = real(block.p) / block.s
        grown, sure = np.expm1(np.minimum(found.R, 700.0)), np.exp(np.minimum(found.Q, 700.0))
        below = 8 * arithmetic.eta * (1 + grown) + 8 * plan.own.eta
        limit = A * (grown * sure + sure - 1) + below
        if "A" in dump.arrays:
            worst["A"] = _worst(dump, "A", A, limit, block.part)
        if "grad_Z" in dump.arrays:
            worst["grad_Z"] = _worst(dump, "grad_Z", *_differences(dump, plan, block, limit), block.part)
    return worst


def _differences(dump: Dump, plan: Plan, block: Block, limit: Reals) -> tuple[Reals, Reals]:
    """D = (A 1ᵀY − Y)/N, and its limit, from that of A."""
    A, sure = real(block.p) / block.s, np.exp(np.minimum(block.found.Q, 700.0))
    if dump.index:
        labels = np.zeros_like(A)
        labels[block.Y, np.arange(len(block.Y))] = 1
    else:
        labels = real(block.Y)
    masses = 0 if dump.index else dump.L
    k, y = plan.arithmetic.relative(5 + masses, 2), plan.arithmetic.relative(4, 2)
    limit = ((1 + k) * limit * block.mass + k * A * sure * block.mass + (y + 8 * U64) * labels) / dump.N
    return (A * block.mass - labels) / dump.N, limit + (1 + k) * (8 + masses) * plan.arithmetic.eta


def _worst(dump: Dump, name: str, midpoint: Reals, limit: Reals, part: slice) -> Worst:
    computed, limit = real(dump.samples(name, part)), outward(limit, 64)
    ratio = Enclosure.representable(midpoint, np.where(np.isnan(limit), np.inf, limit)).test_ratio(computed)
    l, i = (int(k) for k in np.unravel_index(int(ratio.argmax()), ratio.shape))
    numbers = (float(array[l, i]) for array in (computed, midpoint, limit))
    return Worst(float(ratio[l, i]), (l, part.start + i), *numbers)
