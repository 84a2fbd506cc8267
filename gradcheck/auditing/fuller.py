"""What a fuller dump would buy: with its logits, what is granted to these need not be granted to everything after them."""

from dataclasses import replace

import numpy as np

from gradcheck.auditing.block import Block, read
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan

FEW = 16  # samples that are looked at


def bought(dump: Dump, plan: Plan) -> float | None:
    """How many times smaller the limits of sums over samples would be with Z in the dump, about: of a few samples.

    None where Z is there, or nothing follows from it that is judged, or no limit is finite.
    """
    if "Z" in dump.arrays or plan.scale is None or not {"grad_theta", "grad_b", "grad_X"} & set(dump.arrays):
        return None
    part = slice(0, min(FEW, dump.n))
    with np.errstate(all="ignore"):
        without = read(dump, plan, part)
        there = replace(dump, arrays={**dump.arrays, "Z": without.Z.apart()})  # of these samples alone
        now, then = _limit(without), _limit(read(there, replace(plan, scale=None), part))
    return now / then if np.isfinite(now) and then > 0 else None


def _limit(block: Block) -> float:
    """The sum over all classes, of a unit of X: the probabilities of a sample sum to 1."""
    of = block.bound
    return float((of.A + (of.Y + of.others) * block.labels.mass + of.flat).sum())
