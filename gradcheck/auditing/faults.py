"""What is wrong with rows that disagree, in plain words: said only where it holds exactly, within the entries' own limits."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gradcheck.auditing.dump import Dump
from gradcheck.enclosure import Reals

SHOWN = 6  # numbers of rows that a reader takes in


def rows_in_words(rows: NDArray[np.intp], L: int) -> str:
    """`rows 3, 4, 7 (3 of 16384)`, or how many where there are many."""
    if len(rows) == L:
        return f"all {L} rows are at fault"
    if len(rows) > SHOWN and rows[-1] - rows[0] + 1 == len(rows):
        return f"rows {rows[0]} to {rows[-1]} are at fault: {len(rows)} of {L}, without a gap"
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"row{'s' * (len(rows) != 1)} {', '.join(map(str, rows[:SHOWN]))}{more} of {L} at fault"


def describe(
    again: list[int], computed: Reals, truth: Reals, allowed: Reals, *, rows: NDArray[np.intp], dump: Dump
) -> tuple[str, ...]:
    """Which rows are at fault, and what is recognised in those that were computed again: each (rows, d)."""
    told = [_row(l, *(a[i] for a in (computed, truth, allowed)), dump=dump) for i, l in enumerate(again)]
    return (rows_in_words(rows, dump.L), *_pairs(again, computed, truth, allowed), *(text for text in told if text))


def _row(l: int, computed: Reals, truth: Reals, allowed: Reals, *, dump: Dump) -> str:
    wrong = ~(abs(computed - truth) <= allowed)
    lost = np.flatnonzero(~np.isfinite(computed))
    if len(lost):
        return f"row {l}: {len(lost)} of {len(computed)} entries are not finite, the first at column {lost[0]}"
    if not computed.any():
        return f"row {l}: every entry is 0, as if it had not been written"
    factor = _factor(computed, truth, allowed, dump)
    if factor and wrong.sum() > 1:
        return f"row {l}: {factor}"
    if wrong.all() or wrong.sum() > len(wrong) // 2:
        return f"row {l}: {wrong.sum()} of {len(wrong)} entries are at fault"
    places = np.flatnonzero(wrong).tolist()
    return f"row {l}: at fault in column{'s' * (len(places) != 1)} {', '.join(map(str, places[:SHOWN]))}"


def _factor(computed: Reals, truth: Reals, allowed: Reals, dump: Dump) -> str:
    """A factor that explains the whole row; the named ones first."""
    n = float(dump.n)
    named = {"n": n, "1/n": 1 / n, "-1": -1.0, "-n": -n, "2": 2.0, "1/2": 0.5}
    measured = float(computed @ truth / (truth @ truth))
    for name, factor in ({**named, f"{measured:.6g}": measured}).items():
        if (abs(computed - factor * truth) <= max(1.0, abs(factor)) * allowed).all():
            return f"every entry is {name} times what it must be"
    return ""


def _pairs(again: list[int], computed: Reals, truth: Reals, allowed: Reals) -> list[str]:
    """Rows that hold each other's values, and rows that lack what another has too much of."""
    told = []
    error = computed - truth
    for i, k in combinations(range(len(again)), 2):
        crossed = (abs(computed[i] - truth[k]) <= allowed[i] + allowed[k]) & (
            abs(computed[k] - truth[i]) <= allowed[i] + allowed[k]
        )
        if crossed.all():
            told.append(f"rows {again[i]} and {again[k]} hold each other's values")
        elif (abs(error[i] + error[k]) <= allowed[i] + allowed[k]).all() and np.isfinite(error[i]).all():
            told.append(
                f"what row {again[i]} has too much of, row {again[k]} lacks: labels of one were counted for the other"
            )
    return told
