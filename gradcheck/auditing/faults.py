"""What is wrong with rows that disagree, in plain words: said only where it holds exactly, within the entries' own limits."""

from itertools import combinations

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.enclosure import Reals

SHOWN = 6  # numbers of rows that a reader takes in
ODD = 64.0  # times the next worst of its row, an entry stands out
NEAR = 1 / 64  # of what a known factor does, within which a measured one is called by its name


def rows_in_words(rows: tuple[int, ...], L: int, what: str = "row") -> str:
    """`rows 3, 4, 7 (3 of 16384)`, or how many where there are many; `what` they are of a reader's array."""
    if len(rows) == L:
        return f"all {L} {what}s are at fault"
    if len(rows) > SHOWN and rows[-1] - rows[0] + 1 == len(rows):
        return f"{what}s {rows[0]} to {rows[-1]} are at fault: {len(rows)} of {L}, without a gap"
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"{what}{'s' * (len(rows) != 1)} {', '.join(map(str, rows[:SHOWN]))}{more} of {L} at fault"


def describe(again: Compared, rows: tuple[int, ...], dump: Dump) -> tuple[str, ...]:
    """Which `rows` are at fault, and what is recognised in those that were computed again."""
    return (rows_in_words(rows, dump.L), *_pairs(again, rows), *each(again, rows, dump))


def each(again: Compared, rows: tuple[int, ...], dump: Dump, what: str = "row") -> tuple[str, ...]:
    """What is recognised in each of them alone."""
    told = (
        (l, _row(*(a[k] for a in (again.computed, again.truth, again.allowed)), dump=dump))
        for k, l in enumerate(again.rows or ())
        if l in rows
    )
    return tuple(f"{what} {l}: {text}" for l, text in told)


def odd(again: Compared) -> tuple[str, ...]:
    """What stands out in rows where no entry exceeds its limit: nothing follows from it but where to look."""
    told = []
    for k, l in enumerate(again.rows or ()):
        ratios = again.ratios[k]
        j = int(ratios.argmax())
        rest = float(np.delete(ratios, j).max(initial=0.0))
        if rest and ratios[j] > ODD * rest:
            off = float(again.computed[k, j] - again.truth[k, j])
            told.append(
                f"entry ({l}, {j}) stands out: off by {off:.3g}, {ratios[j] / rest:.0f} times as much of its limit as "
                f"any other of its row; yet only {ratios[j]:.2g} of what correct code may be off by"
            )
    return tuple(told)


def _row(computed: Reals, truth: Reals, allowed: Reals, *, dump: Dump) -> str:
    wrong = ~(abs(computed - truth) <= allowed)
    lost = np.flatnonzero(~np.isfinite(computed))
    if len(lost):
        return f"{len(lost)} of {len(computed)} entries are not finite, the first at column {lost[0]}"
    if not computed.any():
        return "every entry is 0, as if it had not been written"
    factor = _factor(computed, truth, allowed, dump)
    if factor and wrong.sum() > 1:
        return factor
    if (computed == computed.astype(np.float16)).all() and dump.precision.u < 2.0**-11:
        return "every entry is a float16 number, as if the gradient had been rounded to float16"
    if wrong.all() or wrong.sum() > len(wrong) // 2:
        return f"{wrong.sum()} of {len(wrong)} entries are at fault"
    places = np.flatnonzero(wrong).tolist()
    return f"at fault in column{'s' * (len(places) != 1)} {', '.join(map(str, places[:SHOWN]))}"


def _factor(computed: Reals, truth: Reals, allowed: Reals, dump: Dump) -> str:
    """A factor that explains the whole row, by its name where what is measured is as near to a known one as that is far from 1."""
    n = float(dump.n)
    named = {"n": n, "1/n": 1 / n, "-1": -1.0, "2": 2.0} | ({"n/(n - 1)": n / (n - 1)} if n > 1 else {})
    measured = float(computed @ truth / (truth @ truth))
    if not (abs(computed - measured * truth) <= max(1.0, abs(measured)) * allowed).all():
        return ""
    known = [name for name, factor in named.items() if abs(measured - factor) <= NEAR * abs(factor - 1)]
    return f"every entry is {known[0] if known else format(measured, '.7g')} times what it must be"


def _pairs(again: Compared, wrong: tuple[int, ...]) -> list[str]:
    """Rows that hold each other's values, and rows that lack what another has too much of."""
    told, rows, allowed = [], again.rows or (), again.allowed
    error = again.computed - again.truth
    at_fault = [k for k, l in enumerate(rows) if l in wrong]
    for i, k in combinations(at_fault, 2):
        both = allowed[i] + allowed[k]
        crossed = [abs(again.computed[a] - again.truth[b]) <= both for a, b in ((i, k), (k, i))]
        if np.all(crossed):
            told.append(f"rows {rows[i]} and {rows[k]} hold each other's values")
        elif (abs(error[i] + error[k]) <= both).all() and np.isfinite(error[i]).all():
            told.append(
                f"what row {rows[i]} has too much of, row {rows[k]} lacks: labels of one were counted for the other"
            )
    return told
