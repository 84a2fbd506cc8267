"""What moves entries and rounds nothing: done to values, to errors and to places of balls alike."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck.law.functions import Array, Values
from gradcheck.readings.balls import Balls, stretched
from gradcheck.readings.places import Shape, places
from gradcheck.readings.primitives.table import CALLS, Every, Primitive
from gradcheck.readings.running import spreading


def swapped(x: Values) -> Values:
    """With the last two axes exchanged."""
    return x.T if x.ndim == 2 else TRANSPOSE(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _transposed(a: Array, axes: tuple[int, ...]) -> Array:
    return a.transpose(axes)


def _back(g: Values, y: Values, a: Values, axes: tuple[int, ...]) -> Values:
    return TRANSPOSE(g, axes=tuple(np.argsort(axes).tolist()))


TRANSPOSE = Primitive("transpose", _transposed, (_back,), moves=True)


def _reshaped(a: Array, shape: Shape) -> Array:
    return np.reshape(a, shape)


RESHAPE = Primitive("reshape", _reshaped, (lambda g, y, a, shape: g.reshape(a.shape),), moves=True)


def _broadcast(a: Array, shape: Shape) -> Array:
    return np.broadcast_to(a, shape)


def _balls(x: Balls, shape: Shape) -> Balls:
    return Balls(list(stretched(x, shape)), shape)


BROADCAST = Primitive("broadcast_to", _broadcast, (lambda g, y, a, shape: g,), ball=_balls, each=False, moves=True)


def _picked(a: Array, places: Array) -> Array:
    return a.reshape(-1)[places]


def _dropped(g: Values, y: Values, a: Values, places: Array) -> Values:
    return SCATTER(g, places=places, shape=a.shape)


# The entries of these places of the array, in rows: whatever is picked by constants.
PICK = Primitive("pick", _picked, (_dropped,), moves=True)


def _landed(x: Balls, places: Array, shape: Shape) -> Balls:
    found: list[Any] = [0] * int(np.prod(shape))
    for place, entry in zip(np.asarray(places).ravel().tolist(), x.entries, strict=True):
        found[place] = found[place] + entry
    zero = Balls.exact(np.zeros(1)).entries[0]
    return Balls([zero + entry for entry in found], shape)


def moved(x: Values, function: Callable[[Array], Array]) -> Values:
    """What a function of NumPy makes of the places of the entries."""
    return PICK(x, places=function(places(tuple(x.shape))))


def taken(x: Values, which: Sequence[int], axis: int) -> Values:
    """Some of it, along an axis."""
    return moved(x, lambda standing: standing.take(which, axis))


# The opposite: each entry added to what is in its place.
SCATTER = Primitive(
    "scatter",
    spreading.landed,
    (lambda g, y, a, places, shape: PICK(g, places=places),),
    spreading.scattered,  # sum e + spread(k - 1) sum (|a| + e), of the k entries that land in one place
    _landed,
    each=False,
    linear=True,
)


def _joined(*arrays: Array, axis: int) -> Array:
    return np.concatenate(arrays, axis=axis)


def _part(g: Values, y: Values, place: int, *arrays: Values, axis: int) -> Values:
    sizes = [array.shape[axis] for array in arrays]
    before = sum(sizes[:place])
    index: list[Any] = [slice(None)] * len(arrays[0].shape)
    index[axis] = slice(before, before + sizes[place])
    return g[tuple(index)]


CONCATENATE = Primitive("concatenate", _joined, Every(_part), moves=True)


CALLS[np.broadcast_to] = lambda a, shape: BROADCAST(a, shape=shape)
