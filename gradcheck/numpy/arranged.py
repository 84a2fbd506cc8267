"""Arrays of arrays, side by side, repeated, taken apart: entries in other places, and none of them rounded."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values
from gradcheck.numpy.choices import where
from gradcheck.numpy.shapes import concatenate, expand_dims, reshape
from gradcheck.readings.numerals import numerals
from gradcheck.readings.places import Shape
from gradcheck.readings.primitives.moving import moved, taken
from gradcheck.readings.primitives.table import READERS


def array(values: Any, dtype: Any = None) -> Values:
    """Of numbers, lists of numbers, and arrays of one shape in a list.

    >>> np.array([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    if type(values) in READERS:
        return values
    if isinstance(values, list | tuple) and _holds(values):
        return concatenate([expand_dims(array(one), 0) for one in values])
    return numerals(numpy.array(values, dtype=dtype))


asarray = array


def _holds(values: Any) -> bool:
    """Whether there is an array of a reading somewhere in a list."""
    return any(type(one) in READERS or (isinstance(one, list | tuple) and _holds(one)) for one in values)


def copy(x: Values) -> Values:
    """The same numbers, which nothing else writes into.

    >>> np.copy(np.ones(2))
    array([1., 1.])
    """
    return x.copy() if isinstance(x, numpy.ndarray) else x


def flatten(x: Values) -> Values:
    """All entries in rows, as a method of arrays.

    >>> np.flatten(np.ones((2, 3))).shape
    (6,)
    """
    return reshape(x, -1)


def hstack(arrays: Sequence[Values]) -> Values:
    """Beside one another: along the second axis, or the only one.

    >>> np.hstack([np.ones((2, 3)), np.ones((2, 1))]).shape
    (2, 4)
    """
    return concatenate(arrays, 0 if len(arrays[0].shape) == 1 else 1)


def vstack(arrays: Sequence[Values]) -> Values:
    """Below one another, as rows.

    >>> np.vstack([np.ones(3), np.ones((2, 3))]).shape
    (3, 3)
    """
    return concatenate([expand_dims(x, 0) if len(x.shape) == 1 else x for x in arrays])


def tile(x: Values, reps: int | Shape) -> Values:
    """So many times beside itself, along each axis.

    >>> np.tile(np.array([1, 2]), 2)
    array([1, 2, 1, 2])
    """
    return moved(x, lambda places: numpy.tile(places, reps))


def repeat(x: Values, repeats: int, axis: int | None = None) -> Values:
    """Each entry so many times, along an axis; of all in rows without one.

    >>> np.repeat(np.array([1, 2]), 2)
    array([1, 1, 2, 2])
    """
    return moved(x, lambda places: numpy.repeat(places, repeats, axis))


def moveaxis(x: Values, source: Any, destination: Any) -> Values:
    """With axes in other places.

    >>> np.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    return moved(x, lambda places: numpy.moveaxis(places, source, destination))


def split(x: Values, indices_or_sections: Any, axis: int = 0) -> list[Values]:
    """Parts of one length, or up to these places.

    >>> [part.shape for part in np.split(np.ones((4, 3)), 2)]
    [(2, 3), (2, 3)]
    """
    parts = numpy.split(numpy.arange(x.shape[axis]), indices_or_sections)
    return [taken(x, part.tolist(), axis) for part in parts]


def diag(x: Values, k: int = 0) -> Values:
    """A diagonal of a matrix; of a vector the matrix that has it there.

    >>> np.diag(np.eye(2))
    array([1., 1.])
    """
    if len(x.shape) == 1:
        places = numpy.diag(numpy.arange(x.shape[0]) + 1, k)
        return where(places > 0, moved(x, lambda _: numpy.maximum(places - 1, 0)), 0)
    return moved(x, lambda places: numpy.diagonal(places, k))


def pad(x: Values, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Values:
    """With as many of one number before and after, along each axis; other modes are not known.

    >>> np.pad(np.ones(2), 1)
    array([0., 1., 1., 0.])
    """
    if mode != "constant":
        raise Unusable(f"pad(mode={mode!r:.20}) is not known; expected 'constant', or concatenate")
    size = prod(x.shape)
    every = concatenate([reshape(x, -1), numpy.full(1, constant_values, dtype=getattr(x, "dtype", numpy.float64))])
    standing = numpy.pad(numpy.arange(size).reshape(x.shape), pad_width, constant_values=size)
    return moved(every, lambda places: places[standing])
