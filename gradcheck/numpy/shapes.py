"""What moves entries, takes some of them, or puts them together; nothing of it rounds."""

from collections.abc import Sequence

import numpy

from gradcheck.law.functions import Values
from gradcheck.readings.given import whole
from gradcheck.readings.numerals import numerals
from gradcheck.readings.places import Axis, Shape, axis_of, places
from gradcheck.readings.primitives.moving import BROADCAST, CONCATENATE, RESHAPE, TRANSPOSE, moved


def reshape(x: Values, shape: int | Shape) -> Values:
    """The same entries in another shape; -1 for what is left.

    >>> np.reshape(np.ones((2, 3)), (3, -1)).shape
    (3, 2)
    """
    return RESHAPE(x, shape=places(tuple(x.shape)).reshape(shape).shape)


def transpose(x: Values, axes: Sequence[int] | None = None) -> Values:
    """With the axes in another order: the other way round, unless one is given.

    >>> np.transpose(np.ones((2, 3))).shape
    (3, 2)
    """
    return TRANSPOSE(x, axes=tuple(range(x.ndim)[::-1]) if axes is None else tuple(axis_of(k, x.ndim) for k in axes))


def swapaxes(x: Values, one: int, other: int) -> Values:
    """With two axes exchanged.

    >>> np.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    order = list(range(x.ndim))
    order[one], order[other] = order[other], order[one]
    return transpose(x, order)


def broadcast_to(x: Values, shape: Shape) -> Values:
    """As often as the shape needs it.

    >>> np.broadcast_to(np.ones(2), (3, 2)).shape
    (3, 2)
    """
    return BROADCAST(x, shape=tuple(shape))


def squeeze(x: Values, axis: Axis = None) -> Values:
    """Without axes of length 1: all, or those that are given.

    >>> np.squeeze(np.ones((1, 3))).shape
    (3,)
    """
    return reshape(x, numpy.empty(x.shape, dtype=bool).squeeze(axis).shape)


def expand_dims(x: Values, axis: int | Shape) -> Values:
    """With an axis of length 1 there.

    >>> np.expand_dims(np.ones(3), 0).shape
    (1, 3)
    """
    return reshape(x, numpy.expand_dims(numpy.empty(x.shape, dtype=bool), axis).shape)


def ravel(x: Values) -> Values:
    """All entries in rows, one after the other.

    >>> np.ravel(np.ones((2, 3))).shape
    (6,)
    """
    return reshape(x, -1)


def concatenate(arrays: Sequence[Values], axis: int = 0) -> Values:
    """One after the other along an axis.

    >>> np.concatenate([np.zeros(1), np.ones(2)])
    array([0., 1., 1.])
    """
    return CONCATENATE(*arrays, axis=axis)


def stack(arrays: Sequence[Values], axis: int = 0) -> Values:
    """One after the other along a new axis.

    >>> np.stack([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    return CONCATENATE(*(expand_dims(array, axis) for array in arrays), axis=axis)


def flip(x: Values, axis: Axis = None) -> Values:
    """The other way round.

    >>> np.flip(np.arange(3))
    array([2, 1, 0])
    """
    return moved(x, lambda standing: numpy.flip(standing, axis))


def roll(x: Values, shift: int, axis: int | None = None) -> Values:
    """Moved along an axis, from the end to the beginning.

    >>> np.roll(np.arange(3), 1)
    array([2, 0, 1])
    """
    return moved(x, lambda standing: numpy.roll(standing, shift, axis))


def take(x: Values, indices: Values, axis: int | None = None) -> Values:
    """The entries, rows or columns of these whole numbers, which are given.

    >>> np.take(np.arange(3.0), [2, 0])
    array([2., 0.])
    """
    return moved(x, lambda standing: numpy.take(standing, whole(indices, "take"), axis))


def take_along_axis(x: Values, indices: Values, axis: int) -> Values:
    """Along an axis, the entry of each whole number, which is given: the label's, say.

    >>> np.take_along_axis(np.eye(2), np.array([[0, 1]]), axis=0)
    array([[1., 1.]])
    """
    return moved(x, lambda standing: numpy.take_along_axis(standing, whole(indices, "take_along_axis"), axis))


def diagonal(x: Values) -> Values:
    """Of a square matrix.

    >>> np.diagonal(np.eye(2))
    array([1., 1.])
    """
    return moved(x, numpy.diagonal)


def one_hot(labels: Values, classes: int, axis: int = 0) -> Values:
    """Labels (n,), which are given, as columns (L, n): 1 in the row of the label, otherwise 0.

    >>> np.one_hot(np.array([1, 0]), 2)
    array([[0., 1.],
           [1., 0.]])
    """
    found = whole(labels, "one_hot")
    return numerals(numpy.moveaxis((found[..., None] == numpy.arange(classes)).astype(numpy.float64), -1, axis))
