"""Entries that are all exactly as large as the largest of a gradient, where the truth is larger: as after clipping by value.

Of what a tensor was before nothing is known here, so that this is a description: a clamp may be the fault itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.auditing.findings import Compared
from gradcheck.auditing.matrices import door, matrix
from gradcheck.auditing.rows import walk
from gradcheck.enclosure import Reals

LEAST = 3  # sizes of the truth: where two rows are alike but for the sign, a wrong factor gives one size, too
SAME = 1e-9  # of the largest, is no difference
ROWS = 64  # at fault, that are looked at

Again = Callable[[list[int]], Compared]


def named(again: Compared, wrong: tuple[int, ...], array: Any, others: Again) -> tuple[str, ...]:
    """Of the entries at fault in rows that are `wrong`, which `others` computes again; nothing where one is anything else."""
    found = _at_fault(again)
    if not _clamped(*found):
        return ()
    rows = set(wrong) & set(wrong if again.rows is None else again.rows)
    more = sorted(set(wrong) - rows)[: max(0, ROWS - len(rows))]
    if more:
        found = tuple(map(np.concatenate, zip(found, _at_fault(others(more)), strict=True)))
    c = float(found[0].max(initial=0.0))
    if not _clamped(*found) or _sizes(found[1]) < LEAST or largest(array) != c:
        return ()
    number, left = shortest(c, door.dtype(array)), len(wrong) - len(rows) - len(more)
    where, whose = (f"of {ROWS} rows that were computed again ", " of these") if left else ("", "")
    return (
        f"{where}{len(found[0])} entries are exactly ±{number}, the largest of all, where the gradient is larger, and no other"
        f"{whose} is at fault: as after clip_grad_value_({number}); write the step before gradients are clipped",
    )


def _at_fault(again: Compared) -> tuple[Reals, ...]:
    """The size of each entry at fault, negative where its sign is wrong, and that of the truth."""
    computed, truth = (a[again.ratios > 1] for a in (again.computed, again.truth))
    return computed * np.sign(truth), abs(truth)


def _clamped(sizes: Reals, truth: Reals) -> bool:
    """Whether all are of one size, and must be larger."""
    c = sizes.max(initial=0.0)
    return bool(c > 0 and (sizes == c).all() and (truth > c).all())


def _sizes(truth: Reals) -> int:
    """How many sizes the truth has, which is known in float64."""
    return 1 + int((np.diff(np.sort(truth)) > SAME * truth.max(initial=0.0)).sum())


def largest(array: Any) -> float:
    """In size; NaN where an entry is."""
    shaped = array[None] if len(array.shape) < 2 else array
    return float(np.max([matrix(shaped[rows]).sizes()[1].max() for rows in walk(shaped)]))


def shortest(value: float, dtype: Any) -> str:
    """With the fewest digits that are this number in its precision: 0.01, and not 0.00999999978."""
    words = (f"{value:.{digits}g}" for digits in range(1, 17))
    return next((word for word in words if float(np.asarray(float(word)).astype(dtype)) == value), repr(value))
