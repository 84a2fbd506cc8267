"""What stands in the place of D where an option of the loss was not heeded: for a few rows, of code that forgot one of them.

Options that change the softmax are left out: its sums would have to be formed anew.
"""

from dataclasses import replace

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.labels import labels
from gradcheck.auditing.sums import Kept
from gradcheck.enclosure import Reals
from gradcheck.law import CrossEntropy

FORGOTTEN = ("mean_of", "class_weight", "smoothing", "smoothing_over", "smoothing_weight", "z_loss", "z_over", "l2")


def undone(dump: Dump) -> dict[str, Dump]:
    """For each option that is declared, in words, the same dump without it."""
    default = CrossEntropy()
    return {
        f"as if {name} had not been declared": replace(
            dump, law=replace(dump.law, **{name: getattr(default, name)}), divided=None
        )
        for name in FORGOTTEN
        if name in dump.law.said
    }


def relabelled(dump: Dump) -> dict[str, Dump]:
    """Labels that were shifted once more: samples that do not count stay out, and so do those before them."""
    if not dump.index or dump.law.ignore is None or dump.n < 2:
        return {}
    Y = dump.samples("Y", slice(0, dump.n))
    moved = np.append(Y[1:], dump.law.ignore).astype(Y.dtype)
    moved[dump.counted(Y) == 0] = dump.law.ignore
    arrays = {**dump.arrays, "Y": moved}
    return {"as if each sample had the labels of the next": replace(dump, arrays=arrays, divided=None)}


def rows_of(other: Dump, kept: list[Kept], rows: list[int], A: Reals, slope: Reals) -> Reals:
    """These rows of D (rows, n), from those of A and of the slope of a cap, which are the same without the option."""
    found = []
    for block in kept:
        part = block.part
        Y = other.samples("Y", part)
        of = labels(other, part, Y)
        share = other.shares(part)
        pull = (of.mass + 2 * of.masses.z * (block.m + np.log(block.s))) * share
        found.append(slope[:, part] * (A[:, part] * pull - of.of(rows, Y) * share))
    return np.concatenate(found, axis=1)
