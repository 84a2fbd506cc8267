"""Entries that are all exactly as large as the largest of a gradient, where the truth is larger: as after clipping by value.

Of what a tensor was before nothing is known here, so that this is a description: a clamp may be the fault itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.auditing.findings import Compared
from gradcheck.auditing.matrices import door, matrix
from gradcheck.auditing.rows import walk

LEAST = 2  # entries of one size: one alone may be the largest by chance
ROWS = 64  # at fault, that are looked at

Again = Callable[[list[int]], Compared]


def named(again: Compared, wrong: tuple[int, ...], array: Any, others: Again) -> tuple[str, ...]:
    """Of the entries at fault in rows that are `wrong`, which `others` computes again; nothing where one is anything else."""
    c = largest(array)
    count = _clamped(again, c)
    if count is None:
        return ()
    rows = set(wrong) & set(wrong if again.rows is None else again.rows)
    more = sorted(set(wrong) - rows)[: max(0, ROWS - len(rows))]
    left = _clamped(others(more), c) if more else 0
    if left is None or count + left < LEAST:
        return ()
    number = shortest(c, door.dtype(array))
    where = "" if len(rows) + len(more) == len(wrong) else f"of {ROWS} rows that were computed again "
    return (
        f"{where}{count + left} entries are exactly ±{number}, the largest of all, where the gradient is larger, and no other is "
        f"at fault: as after clip_grad_value_({number}); write the step before gradients are clipped",
    )


def _clamped(again: Compared, c: float) -> int | None:
    """How many entries at fault there are, where all of them are ±c and must be more."""
    computed, truth = (a[again.ratios > 1] for a in (again.computed, again.truth))
    clamped = (abs(computed) == c) & (abs(truth) > c) & (computed * truth > 0)
    return len(computed) if clamped.all() else None


def largest(array: Any) -> float:
    """In size; NaN where an entry is."""
    shaped = array[None] if len(array.shape) < 2 else array
    return float(np.max([matrix(shaped[rows]).sizes()[1].max() for rows in walk(shaped)]))


def shortest(value: float, dtype: Any) -> str:
    """With the fewest digits that are this number in its precision: 0.01, and not 0.00999999978."""
    words = (f"{value:.{digits}g}" for digits in range(1, 17))
    return next((word for word in words if float(np.asarray(float(word)).astype(dtype)) == value), repr(value))
