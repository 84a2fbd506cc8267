"""What is wrong with rows that disagree, in plain words: said only where it holds exactly, within the entries' own limits."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gradcheck import precision
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.enclosure import Reals

Wrong = NDArray[np.bool_]
SHOWN = 6  # numbers of rows that a reader takes in
ODD = 64.0  # times the next worst of its row, an entry stands out
UNWRITTEN = "every entry is 0, as if it had not been written"
NEAR = 1 / 64  # of what a known factor does, within which a measured one is called by its name


def ranks_in_words(rows: tuple[int, ...], dump: Dump) -> tuple[str, ...]:
    """Of ranks that have classes of their own, which of them these rows are of, where others have none."""
    ends = np.cumsum(dump.classes)
    some = sorted({int(np.searchsorted(ends, l, "right")) for l in rows}) if len(dump.classes) else []
    if not some or len(some) == len(dump.classes):
        return ()
    return (
        f"all of them are of rank{'s' * (len(some) != 1)} {', '.join(map(str, some[:SHOWN]))} of {len(dump.classes)}",
    )


def rows_in_words(rows: tuple[int, ...], L: int, what: str = "row") -> str:
    """`rows 3, 4, 7 (3 of 16384)`, or how many where there are many; `what` they are of a reader's array."""
    if len(rows) == L:
        return f"all {L} {what}s are at fault"
    if len(rows) > SHOWN and rows[-1] - rows[0] + 1 == len(rows):
        return f"{what}s {rows[0]} to {rows[-1]} are at fault: {len(rows)} of {L}, without a gap"
    return f"{_listed(rows, what)} of {L} at fault"


def _listed(rows: Sequence[int], what: str) -> str:
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"{what}{'s' * (len(rows) != 1)} {', '.join(map(str, rows[:SHOWN]))}{more}"


def describe(again: Compared, rows: tuple[int, ...], dump: Dump) -> tuple[tuple[str, ...], bool]:
    """Which `rows` are at fault, and what is seen in those that were computed again; and whether any of it is recognised."""
    pairs, (told, known) = _pairs(again, rows), each(again, rows, dump)
    return (rows_in_words(rows, dump.L), *pairs, *told), bool(pairs) or known


def each(again: Compared, rows: tuple[int, ...], dump: Dump, what: str = "row") -> tuple[tuple[str, ...], bool]:
    """What is seen in each of them alone, once for all of which it is; and whether it is recognised in any."""
    told: dict[str, list[int]] = {}
    known = False
    for k, l in enumerate(again.rows or ()):
        if l in rows:
            computed, truth, allowed = (a[k] for a in (again.computed, again.truth, again.allowed))
            wrong = ~(abs(computed - truth) <= allowed)
            name = _recognised(computed, truth, allowed, wrong, dump)
            known |= bool(name)
            told.setdefault(name or _places(wrong), []).append(l)
    return tuple(f"{_listed(sorted(found), what)}: {text}" for text, found in told.items()), known


def unwritten(again: Compared, rows: tuple[int, ...], what: str = "row") -> tuple[str, ...]:
    """Which of them hold zeros: where limits are wide, other mistakes explain these, too."""
    found = sorted(l for k, l in enumerate(again.rows or ()) if l in rows and not again.computed[k].any())
    return (f"{_listed(found, what)}: {UNWRITTEN}",) if found else ()


def labelled(dump: Dump, rows: tuple[int, ...]) -> tuple[str, ...]:
    """Whether most of `rows`, which are few, are classes that labels name: nothing follows from it but where to look."""
    if not dump.index or not 1 < len(rows) < dump.L / 2:
        return ()
    Y = dump.samples("Y", slice(0, dump.n))
    classes = np.unique(Y[dump.counted(Y) > 0])
    named = int(np.isin(rows, classes).sum())
    if not 2 * named > len(rows) or not 2 * len(classes) < dump.L:
        return ()
    return (
        f"{named} of the {len(rows)} rows at fault are classes that a label names: so it is where labels are weighed in another "
        "way, and as an embedding that is tied to theta adds to its gradient",
    )


def odd(again: Compared) -> tuple[str, ...]:
    """What stands out in rows where no entry exceeds its limit: nothing follows from it but where to look."""
    told: list[str] = []
    remarks = {remark.witness.place[0] for remark in again.remarks()}  # which say more
    for k, l in enumerate(again.rows or ()):
        if l in remarks:
            continue
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


def _recognised(computed: Reals, truth: Reals, allowed: Reals, wrong: Wrong, dump: Dump) -> str:
    """What a row is, in words; nothing where only its places can be told."""
    lost = np.flatnonzero(~np.isfinite(computed))
    if len(lost):
        return f"{len(lost)} of {len(computed)} entries are not finite, the first at column {lost[0]}"
    told = _zero(computed, allowed) or _factor(computed, truth, allowed, dump)
    if told and (wrong.sum() > 1 or not computed.any()):
        return told
    coarse = _coarser(computed, dump)
    return f"every entry is a {coarse} number, as if the gradient had been rounded to {coarse}" if coarse else ""


def _places(wrong: Wrong) -> str:
    if wrong.all() or wrong.sum() > len(wrong) // 2:
        return f"{wrong.sum()} of {len(wrong)} entries are at fault"
    places = np.flatnonzero(wrong).tolist()
    return f"at fault in column{'s' * (len(places) != 1)} {', '.join(map(str, places[:SHOWN]))}"


def _zero(computed: Reals, allowed: Reals) -> str:
    if not computed.any():
        return UNWRITTEN
    return "every entry is 0, as far as rounding can tell" if (abs(computed) <= allowed).all() else ""


def _factor(computed: Reals, truth: Reals, allowed: Reals, dump: Dump) -> str:
    """A factor that explains the whole row, by its name where what is measured is as near to a known one as that is far from 1."""
    named = _known(dump)
    measured = float(computed @ truth / (truth @ truth))
    if not (abs(computed - measured * truth) <= max(1.0, abs(measured)) * allowed).all():
        return ""
    known = [
        name for name, factor in named.items() if abs(measured - factor) <= NEAR * min(abs(factor - 1), abs(factor))
    ]
    return f"every entry is {known[0] if known else format(measured, '.7g')} times what it must be"


def _known(dump: Dump) -> dict[str, float]:
    """Factors that have a name."""
    N = float(dump.N)
    what, more = ("n", {}) if dump.n == N else ("N", {"N/n": N / dump.n, "n/N": dump.n / N})
    named = {what: N, f"1/{what}": 1 / N, "-1": -1.0, "2": 2.0, f"{what}/({what} + 1)": N / (N + 1), **more}
    return named | ({f"{what}/({what} - 1)": N / (N - 1)} if N > 1 else {})


def of_loss(dump: Dump, loss: float, value: float, limit: float) -> tuple[str, ...]:
    """A factor with a name that explains a loss; that of the gradients may have been given with it."""
    given = f"{dump.factor:.7g}, the factor of the gradients,"
    named = {given: dump.factor, **_known(dump)}
    fits = [name for name, factor in named.items() if abs(loss - factor * value) <= max(1.0, abs(factor)) * limit]
    more = ": write() takes the loss before it was multiplied" if fits[:1] == [given] else ""
    return (f"the loss is {fits[0]} times what it must be{more}",) if fits and np.isfinite(limit) else ()


def _coarser(computed: Reals, dump: Dump) -> str:
    """The 16-bit precision that all of these are numbers of, where nothing in the dump is as coarse as that."""
    for name in ("bfloat16", "float16"):  # few bits first: most numbers of bfloat16 are numbers of float16
        kind = precision.named(name)
        if dump.precision.u < kind.u and (computed == computed.astype(kind.dtype).astype(np.float64)).all():
            return name
    return ""


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
