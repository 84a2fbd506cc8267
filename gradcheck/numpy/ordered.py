"""Sorting and what is made of it; where the largest is; products along axes."""

from typing import Any

from numpy import argmin as argmin_of
from numpy import ndarray, unravel_index

from gradcheck.law.functions import Values
from gradcheck.numpy.shapes import ravel, squeeze, take
from gradcheck.readings.given import largest, order
from gradcheck.readings.places import Axis, axis_of
from gradcheck.readings.primitives.factored import product
from gradcheck.readings.primitives.ordered import SORT


def sort(x: Values, axis: int | None = -1, kind: str | None = None) -> Values:
    """From the least to the largest along an axis; all entries in a row where it is None.

    Where rounding may exchange two entries, and at ties, what flows back to them is in doubt.

    >>> np.sort(np.array([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    return SORT(ravel(x), axis=0) if axis is None else SORT(x, axis=axis_of(axis, x.ndim))


def median(x: Values, axis: int | None = None, keepdims: bool = False) -> Values:
    """The one in the middle, or the mean of the two in the middle: of all, or along an axis.

    >>> np.median(np.array([[3.0, 1.0, 8.0, 2.0]]), axis=1)
    array([2.5])
    """
    held = ravel(x) if axis is None else x
    along = 0 if axis is None else axis_of(axis, x.ndim)
    k, row = held.shape[along], sort(held, along)
    middle = take(row, [(k - 1) // 2], along)
    if k % 2 == 0:
        middle = (middle + take(row, [k // 2], along)) / 2
    if axis is None:
        return middle.reshape((1,) * x.ndim if keepdims else ())
    return middle if keepdims else squeeze(middle, along)


def prod(x: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    """Multiplied in any order: all, or along an axis or several.

    >>> np.prod(np.ones((2, 3)) * 2, axis=0)
    array([4., 4., 4.])
    """
    return product(x, axis, keepdims)


def argmax(x: Values, axis: int | None = None) -> Any:
    """Where the largest is, the first of equals. Where rounding may change it, nothing is known of the problem.

    >>> np.argmax(np.eye(3), axis=0)
    array([0, 1, 2])
    """
    return largest(x, axis)


def argmin(x: Values, axis: int | None = None) -> Any:
    """Where the least is, of which the same is true.

    >>> np.argmin(np.eye(3), axis=0)
    array([1, 0, 0])
    """
    return argmin_of(x, axis) if isinstance(x, ndarray) else largest(-x, axis)


def argsort(x: Values, axis: int = -1, kind: str | None = None) -> Any:
    """Which entry stands in each place of an axis that is sorted, the first of equals, of which the same is true.

    >>> np.argsort(np.array([3.0, 1.0, 2.0]))
    array([1, 2, 0])
    """
    return unravel_index(order(x, axis_of(axis, x.ndim)), tuple(x.shape))[axis]
