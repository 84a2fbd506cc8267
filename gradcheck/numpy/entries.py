"""Functions of each entry: of the shape of their argument, or of both together."""

from gradcheck.law.functions import Values
from gradcheck.readings.primitives.arithmetic import ADD, DIVIDE, MULTIPLY, NEGATIVE, SUBTRACT
from gradcheck.readings.primitives.elementary import EXP, EXPM1, LOG, LOG1P, SIGMOID, SQRT
from gradcheck.readings.primitives.normalised import LOGADDEXP
from gradcheck.readings.primitives.powers import power as _power


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


def softplus(x: Values) -> Values:
    """log(1 + e^x), entry by entry.

    >>> np.softplus(np.zeros(2)) / np.log(np.ones(2) * 2)
    array([1., 1.])
    """
    return LOGADDEXP(x, 0)


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
