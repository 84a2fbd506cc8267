"""Where bits are lost is told from cells, in bounded memory, as it would be from all problems."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.traits import CELLS, TRAITS, Confinement, cell

FINITE = st.floats(min_value=0, allow_infinity=False, allow_nan=False)
SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, math.inf])


def rows(values):
    return st.lists(st.tuples(SHARES, st.tuples(*[values] * len(TRAITS))), min_size=1, max_size=30)


def confined(problems) -> Confinement:
    found = Confinement()
    for share, traits in problems:
        found.add(traits, share)
    return found


def from_all(problems):
    """The same from a list of all problems: the trait, and the side of the worst value, that keep most good ones out."""
    good, bad = [p for p in problems if p[0] <= 1], [p[1] for p in problems if p[0] > 1]
    best, kept = "", []
    for place, name in enumerate(TRAITS if bad else ()):
        low, high = min(t[place] for t in bad), max(t[place] for t in bad)
        below, above = ([s for s, t in good if t[place] < low], [s for s, t in good if t[place] > high])
        for limit, side, out in ((low, "more", below), (high, "less", above)):
            if len(out) > len(kept):
                best, kept = f"{name} is {limit:.3g} or {side}", out
    return (best, max(kept)) if kept and 2 * len(kept) >= len(good) else None


@given(FINITE)
def test_a_cell_is_below_its_values_and_above_all_smaller_cells(value):
    """Within a thirty-second part, so that a smaller cell means a smaller value."""
    assert cell(value) <= value
    assert cell(cell(value)) == cell(value)
    assert value - cell(value) <= cell(value) / CELLS or value < np.finfo(float).tiny


@given(st.tuples(FINITE, FINITE))
def test_cells_keep_the_order(pair):
    assert cell(min(pair)) <= cell(max(pair))


@given(rows(st.integers(0, CELLS).map(float)))
def test_cells_tell_what_all_problems_tell(problems):
    """Where each value has a cell of its own."""
    assert confined(problems).found() == from_all(problems)


@given(rows(st.floats(min_value=0) | st.just(math.nan)))
def test_what_is_kept_out_is_good_and_lies_elsewhere(problems):
    """For any values, nan and infinities among them: the share is that of some good problem on the other side of all bad ones."""
    found = confined(problems).found()
    if found is None:
        return
    name, side = found[0].split(" is ")[0], found[0].split()[-1]
    place = list(TRAITS).index(name)
    bad = [t[place] for share, t in problems if share > 1]
    good = [(share, t[place]) for share, t in problems if share <= 1]
    out = [s for s, t in good if (t < min(bad) if side == "more" else t > max(bad))]
    assert found[1] in out and not any(map(math.isnan, bad))


def test_memory_does_not_grow_with_the_problems():
    """However many values there are between 1 and 1024, they have ten times 32 cells; nan has one."""
    rng = np.random.default_rng(0)
    found = confined((0.5, (float(2 ** rng.uniform(0, 10)),) * 7 + (float("nan"),)) for _ in range(5000))
    assert found.good == 5000
    assert all(len(cells) <= 10 * CELLS for cells in found.cells) and len(found.cells[-1]) == 1
