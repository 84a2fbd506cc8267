"""Spreads and weighted means along axes, differences, and what is said of conditions."""

from collections.abc import Sequence
from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values
from gradcheck.numpy.arranged import array
from gradcheck.numpy.choices import where
from gradcheck.numpy.sums import max, mean, min
from gradcheck.readings.places import Axis
from gradcheck.readings.primitives.elementary import ROOT
from gradcheck.readings.primitives.moving import taken
from gradcheck.readings.primitives.powers import power
from gradcheck.readings.primitives.sums import SUM
from gradcheck.readings.running import Condition
from gradcheck.readings.running.arithmetic import count
from gradcheck.readings.tape import Variable


def var(x: Values, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Values:
    """The sum of squares of what is left without the mean, over n - ddof: of all, or along an axis or several.

    >>> np.var(np.array([[1.0, 3.0]]), axis=1)
    array([1.])
    """
    left = x - mean(x, axis, keepdims=True)
    return SUM(power(left, 2), axis=axis, keepdims=keepdims) / (count(x.shape, axis) - ddof)


def std(x: Values, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Values:
    """The square root of the variance.

    >>> np.std(np.array([[1.0, 3.0]]), axis=1)
    array([1.])
    """
    return ROOT(var(x, axis, ddof, keepdims))


def average(x: Values, axis: int | None = None, weights: Values = None) -> Values:
    """The mean, or the sum of so many times each entry over the sum of weights: of its shape, or a row of them along the axis.

    >>> np.average(np.array([[1.0, 3.0]]), axis=1, weights=np.array([3.0, 1.0]))
    array([1.5])
    """
    if weights is None:
        return mean(x, axis)
    weights = array(weights)
    if weights.shape != x.shape:
        if axis is None or weights.shape != (x.shape[axis],):
            raise Unusable(
                f"average takes weights of the shape {x.shape} of x, or one for each entry of an axis that is given"
            )
        weights = weights.reshape([-1 if k == axis % len(x.shape) else 1 for k in range(len(x.shape))])
    return SUM(x * weights, axis=axis) / SUM(weights * numpy.ones(x.shape), axis=axis)


def ptp(x: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    """The largest minus the smallest.

    >>> np.ptp(np.array([[1.0, 3.0]]), axis=1)
    array([2.])
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def diff(x: Values, n: int = 1, axis: int = -1) -> Values:
    """Each entry minus the one before along an axis, n times.

    >>> np.diff(np.array([1.0, 3.0, 4.0]))
    array([2., 1.])
    """
    for _ in range(n):
        k = x.shape[axis]
        x = taken(x, range(1, k), axis) - taken(x, range(k - 1), axis)
    return x


# ---- conditions ----


def select(conditions: Sequence[Any], choices: Sequence[Values], default: Values = 0) -> Values:
    """Of several choices that of the first condition that holds, entry by entry, or else the default.

    >>> np.select([np.arange(3) > 1, np.arange(3) > 0], [np.ones(3), np.zeros(3)], 7)
    array([7., 0., 1.])
    """
    found = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        found = where(condition, choice, found)
    return found


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether a condition holds of one of them: of all, or along an axis or several.

    >>> bool(np.any(np.arange(3) > 1))
    True
    """
    return _condition(x, "any").any(axis=axis, keepdims=keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether it holds of each of them.

    >>> bool(np.all(np.arange(3) > 1))
    False
    """
    return _condition(x, "all").all(axis=axis, keepdims=keepdims)


def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """In how many entries a condition holds, or numbers are not 0.

    >>> int(np.count_nonzero(np.arange(3)))
    2
    """
    return (x if isinstance(x, Condition) else x != 0).sum(axis=axis, keepdims=keepdims)


def _condition(x: Any, name: str) -> Any:
    if isinstance(x, Variable):
        raise Unusable(f"{name}(condition) takes a comparison, x > 0 say; a number that is differentiated was given")
    return x if isinstance(x, Condition) else x != 0
