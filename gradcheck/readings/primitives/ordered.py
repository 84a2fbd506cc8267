"""Sorting. What a place holds is known wherever entries are; which entry that is may be in doubt, and so are derivatives there."""

from functools import reduce
from typing import Any

import flint
import numpy as np

from gradcheck.law.functions import Array, Values
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.places import groups, places
from gradcheck.readings.primitives.moving import PICK
from gradcheck.readings.primitives.table import Primitive, flat
from gradcheck.readings.running import Running, orders
from gradcheck.readings.running.parts import Parts
from gradcheck.readings.running.plans import spoil


def _placed(a: Array, axis: int) -> Array:
    return np.take_along_axis(places(a.shape), np.argsort(_plain(a), axis=axis, kind="stable"), axis)


def _plain(a: Array) -> Array:
    """Of a type that NumPy can sort."""
    return a if a.dtype.isbuiltin == 1 else a.astype(np.float64)


def _standing(x: Balls, axis: int) -> Balls:
    where, numbers = _of_balls(x, axis)
    off = np.where(orders.shared(numbers, axis), x.size, 0)
    return Balls(list(map(flint.arb, where.ravel().tolist(), off.ravel().tolist())), x.shape)


def _of_balls(x: Balls, axis: int) -> tuple[Array, Array]:
    where, numbers = np.zeros((2, x.size), dtype=int)
    for group in groups(x.shape, axis):
        order, several = ball_rules.ordered([x.entries[place] for place in group])
        where[group], numbers[group] = np.array(group)[order], several
    return where.reshape(x.shape), numbers.reshape(x.shape)


# In each place of the sorted axis, the place in the list of what stands there; the first of equals, which are in doubt.
STANDING = Primitive("standing", _placed, (flat,), orders.standing, _standing, each=False)


def standing(a: Values, axis: int) -> tuple[Array, Array]:
    """Those places, and a number of each, the same for those that may change places: none where arrays are of NumPy."""
    if isinstance(a, np.ndarray):
        found = _placed(a, axis)
        return found, found
    if isinstance(a, Running):
        spoil()  # no plan holds of what hangs on the numbers
        return _placed(a.value, axis), orders.stretches(Parts(a.value, a.error), axis)
    return _of_balls(a, axis)


def _either(g: Balls, numbers: Array, axis: int) -> Balls:
    entries = list(map(ball_rules.ball, g.entries))
    for run in orders.runs(numbers, axis):
        among = reduce(flint.arb.union, (entries[place] for place in run))
        for place in run:
            entries[place] = among
    return Balls(entries, g.shape)


# What flows back to places that are in doubt: any of what flows back to those that it may change places with.
EITHER = Primitive("either", lambda g, numbers, axis: g, (), orders.either, _either, each=False)


def _back(g: Values, y: Values, a: Values, axis: int) -> Values:
    where, numbers = standing(a, axis)
    if orders.shared(numbers, axis).any():
        g = EITHER(g, numbers=numbers, axis=axis)
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
