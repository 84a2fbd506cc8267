"""What stands in the place of D where a rank went its own way: for a few rows, of steps that several ranks made."""

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.sums import Kept
from gradcheck.enclosure import Reals


def of_ranks(dump: Dump, kept: list[Kept], rows: list[int], D: Reals, slope: Reals) -> dict[str, Reals]:
    """In words, from these rows of D and of the slope of a cap (rows, n)."""
    ends, law = np.cumsum(dump.parts), dump.law
    found: dict[str, Reals] = {}
    for r, size in enumerate(dump.parts):
        part = np.zeros(dump.n)
        part[ends[r] - size : ends[r]] = 1
        found |= {f"as if rank {r} had been left out": D * (1 - part), f"as if rank {r} alone were there": D * part}
    less = int(law.smoothing_over == "others")
    for r, size in enumerate(dump.classes) if law.smoothing and not law.class_weight else ():
        if size > less:
            more = law.smoothing / (size - less) - law.smoothing / (dump.L - less)
            found[f"as if rank {r} smoothed over its own {size} classes alone"] = D - more * slope * _each(
                kept, rows, less
            )
    return found


def _each(kept: list[Kept], rows: list[int], less: int) -> Reals:
    """What a label of 1 comes to in each sample; 0 at its label, where labels are smoothed over the others (`less`)."""
    found = []
    for block in kept:
        of = block.labels
        each = np.broadcast_to(block.share * of.counts, (len(rows), len(of.given)))
        at_label = np.zeros_like(each) if of.index is None else np.asarray(rows)[:, np.newaxis] == of.index
        found.append(each * (1 - less * at_label))
    return np.concatenate(found, axis=1)
