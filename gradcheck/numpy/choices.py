"""What chooses. Where rounding may turn a choice, and at ties, its derivative is in doubt, and so is what is made of it."""

import operator
from collections.abc import Callable
from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values
from gradcheck.readings.primitives.choices import ABSOLUTE, MAXIMUM, MINIMUM, SIGN
from gradcheck.readings.primitives.choices import where as _where
from gradcheck.readings.primitives.whole import FLOOR, ROUND
from gradcheck.readings.running.plans import spoil
from gradcheck.readings.tape import Variable


def abs(x: Values) -> Values:
    """|x|, entry by entry.

    >>> np.abs(-np.ones(2))
    array([1., 1.])
    """
    return ABSOLUTE(x)


def absolute(x: Values) -> Values:
    """|x|, by its other name.

    >>> np.absolute(-np.ones(2))
    array([1., 1.])
    """
    return ABSOLUTE(x)


def sign(x: Values) -> Values:
    """-1, 0 or 1, entry by entry.

    >>> np.sign(-np.ones(2))
    array([-1., -1.])
    """
    return SIGN(x)


def maximum(x: Values, y: Values) -> Values:
    """The larger one, entry by entry, broadcast.

    >>> np.maximum(np.ones(2), 2)
    array([2., 2.])
    """
    return MAXIMUM(x, y)


def minimum(x: Values, y: Values) -> Values:
    """The smaller one, entry by entry, broadcast.

    >>> np.minimum(np.ones(2), 2)
    array([1., 1.])
    """
    return MINIMUM(x, y)


def relu(x: Values) -> Values:
    """max(x, 0), entry by entry.

    >>> np.relu(-np.ones(2))
    array([0., 0.])
    """
    return MAXIMUM(x, 0)


def clip(x: Values, a_min: Values = None, a_max: Values = None, **named: Values) -> Values:
    """Not below a_min, nor above a_max, entry by entry; None for no limit. They may be named `min` and `max`, too.

    >>> np.clip(np.arange(4.0), 1, 2)
    array([1., 1., 2., 2.])
    """
    low, high = named.pop("min", a_min), named.pop("max", a_max)
    if named:
        raise Unusable(f"clip takes a_min and a_max, or min and max; {', '.join(sorted(named))} was given")
    above = x if low is None else MAXIMUM(x, low)
    return above if high is None else MINIMUM(above, high)


def where(condition: Any, x: Values, y: Values) -> Values:
    """x where the condition holds, otherwise y: entry by entry, broadcast.

    >>> np.where(np.arange(3) > 1, np.ones(3), 0)
    array([0., 0., 1.])
    """
    if isinstance(condition, Variable):
        raise Unusable(
            "where(condition, x, y) takes a comparison, x > 0 say; a number that is differentiated was given"
        )
    return _where(condition, x, y)


def floor(x: Values) -> Values:
    """The whole number below, entry by entry.

    >>> np.floor(np.ones(2) * 1.5)
    array([1., 1.])
    """
    return FLOOR(x)


def ceil(x: Values) -> Values:
    """The whole number above, entry by entry.

    >>> np.ceil(np.ones(2) * 1.5)
    array([2., 2.])
    """
    return -FLOOR(-x)


def round(x: Values, decimals: int = 0) -> Values:
    """The nearest whole number, the even one of two, entry by entry, or the nearest of so many decimals.

    >>> np.round(np.array([0.5, 1.5]))
    array([0., 2.])
    """
    return ROUND(x * 10**decimals) / 10**decimals if decimals else ROUND(x)


def tril(x: Values, k: int = 0) -> Values:
    """The last two axes as a matrix, with zeros above its diagonal, or above the `k`-th one.

    >>> np.tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return _triangle(x, k, numpy.tril)


def triu(x: Values, k: int = 0) -> Values:
    """The same, with zeros below.

    >>> np.triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return _triangle(x, k, numpy.triu)


def _triangle(x: Values, k: int, of: Callable[..., Any]) -> Values:
    """NumPy's own of plain numbers; of any reading, what NumPy keeps of ones."""
    if isinstance(x, numpy.ndarray) or not hasattr(x, "shape"):
        return of(x, k)
    return where(of(numpy.ones(x.shape[-2:], dtype=bool), k), x, 0)


def stop_gradient(x: Values) -> Values:
    """x, as if it were given: nothing flows back through it.

    >>> np.stop_gradient(np.ones(2))
    array([1., 1.])
    """
    if not isinstance(x, Variable):
        return x
    spoil()  # it is multiplied in as if it were given
    return x.array.stopped() if hasattr(x.array, "stopped") else x.array


def less(x: Values, y: Values) -> Any:
    """x < y, entry by entry, broadcast; for `where`.

    >>> np.less(numpy.arange(2), 1).shape
    (2,)
    """
    return operator.lt(x, y)


def less_equal(x: Values, y: Values) -> Any:
    """x <= y, entry by entry, broadcast; for `where`.

    >>> np.less_equal(numpy.arange(2), 1).shape
    (2,)
    """
    return operator.le(x, y)


def greater(x: Values, y: Values) -> Any:
    """x > y, entry by entry, broadcast; for `where`.

    >>> np.greater(numpy.arange(2), 1).shape
    (2,)
    """
    return operator.gt(x, y)


def greater_equal(x: Values, y: Values) -> Any:
    """x >= y, entry by entry, broadcast; for `where`.

    >>> np.greater_equal(numpy.arange(2), 1).shape
    (2,)
    """
    return operator.ge(x, y)


def equal(x: Values, y: Values) -> Any:
    """x == y, entry by entry, broadcast; for `where`.

    >>> np.equal(numpy.arange(2), 1).shape
    (2,)
    """
    return operator.eq(x, y)


def not_equal(x: Values, y: Values) -> Any:
    """x != y, entry by entry, broadcast; for `where`.

    >>> np.not_equal(numpy.arange(2), 1).shape
    (2,)
    """
    return operator.ne(x, y)


def logical_and(x: Any, y: Any) -> Any:
    """Both, of two conditions, entry by entry.

    >>> np.logical_and(numpy.ones(1) > 0, numpy.ones(1) > 2).shape
    (1,)
    """
    return operator.and_(x, y)


def logical_or(x: Any, y: Any) -> Any:
    """One of them, or both, of two conditions, entry by entry.

    >>> np.logical_or(numpy.ones(1) > 0, numpy.ones(1) > 2).shape
    (1,)
    """
    return operator.or_(x, y)


def logical_not(x: Any) -> Any:
    """Where a condition does not hold.

    >>> np.logical_not(numpy.ones(1) > 0)
    array([False])
    """
    return operator.invert(x)
