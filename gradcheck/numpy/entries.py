"""Functions of each entry: of the shape of their argument, or of both together."""

import numpy

from gradcheck.law import functions
from gradcheck.law.functions import Values
from gradcheck.readings.primitives.arithmetic import ADD, DIVIDE, MULTIPLY, NEGATIVE, SUBTRACT
from gradcheck.readings.primitives.choices import MINIMUM, where
from gradcheck.readings.primitives.elementary import EXP, EXPM1, LOG, LOG1P, SIGMOID, SQRT
from gradcheck.readings.primitives.normalised import LOGADDEXP
from gradcheck.readings.primitives.powers import power as _power
from gradcheck.readings.tape import Variable


def exp(x: Values) -> Values:
    """e^x, entry by entry.

    >>> np.exp(np.zeros(2))
    array([1., 1.])
    """
    return EXP(x)


def log(x: Values) -> Values:
    """The natural logarithm, entry by entry.

    >>> np.log(np.ones(2))
    array([0., 0.])
    """
    return LOG(x)


def log2(x: Values) -> Values:
    """The logarithm to the base 2, entry by entry.

    >>> np.log2(np.ones(2))
    array([0., 0.])
    """
    return LOG(x) / LOG(_number(2.0, x))


def log10(x: Values) -> Values:
    """The logarithm to the base 10, entry by entry.

    >>> np.log10(np.ones(2))
    array([0., 0.])
    """
    return LOG(x) / LOG(_number(10.0, x))


def exp2(x: Values) -> Values:
    """2^x, entry by entry.

    >>> np.exp2(np.zeros(2))
    array([1., 1.])
    """
    return EXP(x * LOG(_number(2.0, x)))


def log1p(x: Values) -> Values:
    """log(1 + x), also where x is small.

    >>> np.log1p(np.zeros(2))
    array([0., 0.])
    """
    return LOG1P(x)


def expm1(x: Values) -> Values:
    """e^x - 1, also where x is small.

    >>> np.expm1(np.zeros(2))
    array([0., 0.])
    """
    return EXPM1(x)


def sqrt(x: Values) -> Values:
    """The square root, entry by entry.

    >>> np.sqrt(np.ones(2) * 4)
    array([2., 2.])
    """
    return SQRT(x)


def sigmoid(x: Values) -> Values:
    """1/(1 + e^-x), the logistic function, entry by entry.

    >>> np.sigmoid(np.zeros(2))
    array([0.5, 0.5])
    """
    return SIGMOID(x)


def logistic(x: Values) -> Values:
    """1/(1 + e^-x), by its other name.

    >>> np.logistic(np.zeros(2))
    array([0.5, 0.5])
    """
    return SIGMOID(x)


def softplus(x: Values, beta: float = 1, threshold: float | None = None) -> Values:
    """log(1 + e^(beta x))/beta, entry by entry; with a threshold as torch has it, at 20: x itself where beta x is above that.

    >>> np.softplus(np.zeros(2)) / np.log(np.ones(2) * 2)
    array([1., 1.])
    """
    scaled = x if beta == 1 else x * beta
    found = LOGADDEXP(scaled, 0) if threshold is None else LOG1P(EXP(MINIMUM(scaled, threshold)))
    found = found if beta == 1 else found / beta
    return found if threshold is None else where(scaled > threshold, x, found)


def log_sigmoid(x: Values) -> Values:
    """log(1/(1 + e^-x)), entry by entry.

    >>> np.log_sigmoid(np.zeros(2)) / np.log(np.ones(2) * 2)
    array([-1., -1.])
    """
    return -LOGADDEXP(-x, 0)


def logaddexp(x: Values, y: Values) -> Values:
    """log(e^x + e^y), entry by entry, broadcast.

    >>> np.logaddexp(np.zeros(2), -np.inf)
    array([0., 0.])
    """
    return LOGADDEXP(x, y)


def square(x: Values) -> Values:
    """x^2, entry by entry.

    >>> np.square(np.ones(2) * 3)
    array([9., 9.])
    """
    return _power(x, 2)


def reciprocal(x: Values) -> Values:
    """1/x, entry by entry.

    >>> np.reciprocal(np.ones(2) * 2)
    array([0.5, 0.5])
    """
    return DIVIDE(1, x)


def negative(x: Values) -> Values:
    """-x, entry by entry.

    >>> np.negative(np.ones(2))
    array([-1., -1.])
    """
    return NEGATIVE(x)


def add(x: Values, y: Values) -> Values:
    """x + y, broadcast.

    >>> np.add(np.ones(2), 1)
    array([2., 2.])
    """
    return ADD(x, y)


def subtract(x: Values, y: Values) -> Values:
    """x - y, broadcast.

    >>> np.subtract(np.ones(2), 1)
    array([0., 0.])
    """
    return SUBTRACT(x, y)


def multiply(x: Values, y: Values) -> Values:
    """x y, entry by entry, broadcast.

    >>> np.multiply(np.ones(2), 3)
    array([3., 3.])
    """
    return MULTIPLY(x, y)


def divide(x: Values, y: Values) -> Values:
    """x/y, entry by entry, broadcast.

    >>> np.divide(np.ones(2), 2)
    array([0.5, 0.5])
    """
    return DIVIDE(x, y)


def power(x: Values, y: Values) -> Values:
    """x^y, entry by entry: of any x where y is a whole number, otherwise of x > 0. Also written `x**y`.

    >>> np.power(np.ones(2) * 2, 3)
    array([8., 8.])
    """
    return _power(x, y)


def _number(value: float, x: Values) -> Values:
    """As the reading of x has it."""
    held = x.array if isinstance(x, Variable) else x
    return functions.numbers(numpy.asarray(value), held) if hasattr(held, "shape") else value
