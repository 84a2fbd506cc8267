"""Sums along axes, running sums, and sums of several arrays."""

from itertools import pairwise
from typing import Any

import numpy as np

from gradcheck.law.functions import Values
from gradcheck.readings.balls import Balls
from gradcheck.readings.places import Axis, places
from gradcheck.readings.primitives.moving import PICK
from gradcheck.readings.primitives.table import CALLS, Every, Primitive
from gradcheck.readings.running import arithmetic, spreading
from gradcheck.readings.running.parts import Parts


def back(g: Values, a: Values, axis: Axis) -> Values:
    """With the axes that a reduction has taken out put back, or left where they are kept; one number goes with any."""
    if axis is None:
        return g
    axes = {k % a.ndim for k in (axis if isinstance(axis, tuple) else (axis,))}
    return g.reshape(tuple(1 if k in axes else size for k, size in enumerate(a.shape)))


def _summed(a: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    return a.sum(axis=axis, keepdims=keepdims)


def _spread(g: Values, y: Values, a: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    return back(g, a, axis)


def _rounded(x: Parts, p: Any, axis: Axis = None, keepdims: bool = False) -> Parts:
    return arithmetic.sum_of(x, axis, keepdims, p)


SUM = Primitive(
    "sum", _summed, (_spread,), _rounded, Balls.sum, each=False, linear=True
)  # sum e + spread(k - 1) sum (|a| + e)
CALLS[np.sum] = SUM


def _cumulative(x: Balls, axis: int) -> Balls:
    moved = places(x.shape).swapaxes(0, axis)
    entries = list(x.entries)
    for before, after in pairwise(moved):
        for one, other in zip(before.ravel().tolist(), after.ravel().tolist(), strict=True):
            entries[other] = entries[one] + entries[other]
    return Balls(entries, x.shape)


def from_the_end(x: Values, axis: int) -> Values:
    """Running sums that begin at the end of an axis."""
    turned = np.flip(places(tuple(x.shape)), axis)
    return PICK(CUMSUM(PICK(x, places=turned), axis=axis), places=turned)


CUMSUM = Primitive(
    "cumsum",
    lambda a, axis: np.cumsum(a, axis=axis, dtype=a.dtype),
    (lambda g, y, a, axis: from_the_end(g, axis),),
    spreading.cumulative,  # each as a sum of k terms
    _cumulative,
    each=False,
    linear=True,
)


def _added(*arrays: Values) -> Values:
    found = arrays[0]
    for array in arrays[1:]:
        found = found + array
    return found


# Of one shape; what flows into one variable by several ways is a sum of any order.
TOTAL = Primitive(
    "total", _added, Every(lambda g, y, place, *arrays: g), spreading.total, _added, each=False, linear=True
)
