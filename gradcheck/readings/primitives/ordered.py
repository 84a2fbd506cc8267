"""Sorting. What a place holds is known wherever entries are; which entry that is may be in doubt, and so are derivatives there."""

from typing import Any

import numpy as np

from gradcheck.law.functions import Array, Values
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.places import groups, places
from gradcheck.readings.primitives.moving import PICK
from gradcheck.readings.primitives.table import Primitive, flat
from gradcheck.readings.running import Running, orders
from gradcheck.readings.running.plans import spoil


def _placed(a: Array, axis: int) -> Array:
    return np.take_along_axis(places(a.shape), np.argsort(_plain(a), axis=axis, kind="stable"), axis)


def _plain(a: Array) -> Array:
    """Of a type that NumPy can sort."""
    return a if a.dtype.isbuiltin == 1 else a.astype(np.float64)


def _standing(x: Balls, axis: int) -> Balls:
    entries: list[Any] = [None] * len(x.entries)
    for group in groups(x.shape, axis):
        order, doubt = ball_rules.ordered([x.entries[place] for place in group])
        for place, which, open_ in zip(group, order, doubt, strict=True):
            entries[place] = ball_rules.wide(group[which], len(entries) if open_ else 0)
    return Balls(entries, x.shape)


# In each place of the sorted axis, the place in the list of what stands there; the first of equals, which are in doubt.
STANDING = Primitive("standing", _placed, (flat,), orders.standing, _standing, each=False)


def standing(a: Values, axis: int) -> tuple[Array, Array]:
    """Those places, and which are in doubt: beyond doubt where arrays are of NumPy."""
    if isinstance(a, np.ndarray):
        return _placed(a, axis), np.zeros(a.shape, dtype=bool)
    found = STANDING(a, axis=axis)
    if isinstance(found, Running):
        spoil()  # no plan holds of what hangs on the numbers
        return found.value.astype(int), found.error > 0
    return found.values().astype(int), found.radii() > 0


def _either(g: Balls, doubt: Array, axis: int) -> Balls:
    entries = list(map(ball_rules.ball, g.entries))
    for run in orders.runs(doubt, axis):
        among = ball_rules.hull([entries[place] for place in run])
        for place in run:
            entries[place] = among
    return Balls(entries, g.shape)


# What flows back to places that are in doubt: any of what flows back to those beside it.
EITHER = Primitive("either", lambda g, doubt, axis: g, (), orders.either, _either, each=False)


def _back(g: Values, y: Values, a: Values, axis: int) -> Values:
    where, doubt = standing(a, axis)
    if doubt.any():
        g = EITHER(g, doubt=doubt, axis=axis)
    came = np.empty(where.size, dtype=int)
    came[where.ravel()] = np.arange(where.size)
    return PICK(g, places=came.reshape(where.shape))


def _sorted(x: Balls, axis: int) -> Balls:
    entries: list[Any] = [None] * len(x.entries)
    for group in groups(x.shape, axis):
        found = ball_rules.sorted_([x.entries[place] for place in group])
        for place, entry in zip(group, found, strict=True):
            entries[place] = entry
    return Balls(entries, x.shape)


SORT = Primitive(
    "sort",
    lambda a, axis: np.sort(_plain(a), axis=axis).astype(a.dtype),
    (_back,),
    orders.sorted_,  # the k-th of the lower ends, and of the upper ones
    _sorted,
    each=False,
    series=lambda x, axis: PICK(x, places=STANDING(x, axis=axis).values().astype(int)),
)
