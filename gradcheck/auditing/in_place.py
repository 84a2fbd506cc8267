"""The probabilities and the logits' gradient where a device has them: every entry compared there, in float64, and none copied.

What is compared with is the text of `entries`, of entries that are no label's; those of labels, one of a sample, come to the host.
Where any may be beyond its limit, or this cannot tell, nothing is said, and `entries` reads what it needs.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.auditing import entries
from gradcheck.auditing.block import Block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.matrices import Placed
from gradcheck.auditing.matrices.placed import COPIED
from gradcheck.auditing.matrices.sums import Doubles
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import cuts, few
from gradcheck.auditing.sums import Worst, keep
from gradcheck.enclosure import Reals, outward

ROUNDINGS = 72  # those of the text, and of a limit that is formed here


@dataclass(frozen=True, eq=False)
class Text:
    """A p/s pull − Y share, within A a + Y y + f; each (nb,). Y is `off` (nb,) times what a class is weighed by."""

    pull: Reals
    share: Reals
    a: Reals
    y: Reals
    f: Reals


def worst_entries(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The worst entry of each array whose every entry is compared, where it is in the dump, and wherever that is."""
    found: dict[str, Worst] = entries.log_sums(dump, plan, block) if "lse" in dump.arrays else {}
    if "A" in dump.arrays or "grad_Z" in dump.arrays:
        there = _worst_there(dump, plan, block)
        of_rows = (entries.worst_of(dump, plan, block, rows) for rows in few(block.p))
        for one in of_rows if there is None else [there]:
            keep(found, one)
    return found


def _worst_there(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst] | None:
    """The worst entry of each, where all of them are within their limits; None where that is not known."""
    p, labels = block.p, block.labels
    if not isinstance(p, Placed) or not isinstance(p.sums, Doubles) or plan.arithmetic.inside or labels.index is None:
        return None
    found: dict[str, Worst] = {}
    ones, zeros = np.ones_like(block.s), np.zeros_like(block.s)
    if "A" in dump.arrays:
        a, f = entries.of_A(plan, block.found)
        keep(found, _compared(dump, block, "A", Text(ones, zeros, a, zeros, f)))
    if "grad_Z" in dump.arrays:
        of = block.of
        text = Text(block.pull, block.share, entries.of_D(of), entries.of_labels(of), zeros + of.flat)
        keep(found, _compared(dump, block, "grad_Z", text))
        keep(found, _at_labels(dump, plan, block))
    return found if all(one.ratio <= 1 for one in found.values()) else None


def _compared(dump: Dump, block: Block, name: str, text: Text) -> dict[str, Worst]:
    p, there = block.p, dump.matrix(name, block.part)
    assert isinstance(p, Placed) and isinstance(there, Placed)
    xp, labels = p.xp, block.labels
    double = {"dtype": xp.float64, "device": p.sums.device}
    limits = [outward(side, ROUNDINGS) for side in (text.a, text.y, text.f)]
    columns = xp.asarray(np.stack([block.s, text.pull, text.share, labels.off, *limits]), **double)
    classes = xp.asarray(np.stack([labels.classes, np.arange(dump.L)], axis=1), **double)
    label = xp.asarray(np.asarray(labels.index, np.float64)[np.newaxis], **double)
    found: dict[str, Worst] = {}
    for rows in cuts(dump.L, max(1, COPIED[Doubles] // p.shape[1])):
        s, pull, share, off, a, y, f = (columns[k : k + 1, :] for k in range(7))
        A, C = (xp.astype(one.array[rows, :], xp.float64) for one in (p, there))
        A, Y = A / s, classes[rows, :1] * off
        M, limit = A * pull - Y * share, A * a + Y * y + f
        if name == "grad_Z" and isinstance(block.S, Placed):
            M = M * xp.astype(block.S.array[rows, :], xp.float64)
        others = xp.ones_like(A) > 0 if name == "A" else classes[rows, 1:] != label
        keep(found, {name: _worst(xp, (C, M, limit), others, (rows.start, block.part.start))})
    return found


def _worst(xp: Any, compared: tuple[Any, Any, Any], some: Any, at: tuple[int, int]) -> Worst:
    """As `entries` has it: what is not finite limits nothing, and NaN is within nothing."""
    C, M, limit = compared
    known, zero = some & xp.isfinite(limit) & xp.isfinite(M), xp.zeros_like(M)
    ratio = xp.abs(C - M) / limit
    ratio = xp.where(known & (C != M), xp.where(xp.isnan(ratio), zero + xp.inf, ratio), zero)
    place = int(xp.argmax(xp.reshape(ratio, (-1,))))
    l, i = divmod(place, M.shape[1])
    size, limit = xp.where(known, xp.abs(M), zero), xp.where(known, limit, zero)
    numbers = [float(one[l, i]) for one in (C, M, limit)]
    sums = [float(xp.sum(one)) for one in (limit, size)]
    told = [int(xp.sum(xp.astype(one, xp.int64))) for one in (known & (limit < size), known & (size > 0))]
    return Worst(
        float(ratio[l, i]), (at[0] + l, at[1] + i), numbers[0], numbers[1], numbers[2], sums[0], sums[1], *told
    )


def _at_labels(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """Of each sample the entry of its label, on the host."""
    labels, p = block.labels, block.p
    assert labels.index is not None
    A = (p.at(labels.index) / block.s)[np.newaxis]
    slope = None if block.S is None else block.S.at(labels.index)[np.newaxis]
    weighed = labels.off * labels.classes[labels.index]
    Y = np.where(labels.given > 0, labels.at, weighed)[np.newaxis]
    hard = np.where(labels.given > 0, labels.hard.at, 0.0)[np.newaxis]
    there = dump.matrix("grad_Z", block.part).at(labels.index)[np.newaxis]
    midpoint, limit = entries.differences(block, A, Y, hard if dump.law.smoothing else None, slope)
    found = entries.worst(there, plan.arithmetic, midpoint, limit, (0, block.part.start))
    i = found.place[1]
    return {"grad_Z": replace(found, place=(int(labels.index[i - block.part.start]), i))}
