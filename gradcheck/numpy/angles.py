"""Circular and hyperbolic functions of each entry: of the shape of their argument."""

from gradcheck.law.functions import Values
from gradcheck.readings.primitives.elementary import ARCCOS, ARCSIN, ARCTAN, COS, COSH, SIN, SINH, TANH


def tanh(x: Values) -> Values:
    """The hyperbolic tangent, entry by entry.

    >>> np.tanh(np.zeros(2))
    array([0., 0.])
    """
    return TANH(x)


def sin(x: Values) -> Values:
    """The sine, entry by entry.

    >>> np.sin(np.zeros(2))
    array([0., 0.])
    """
    return SIN(x)


def cos(x: Values) -> Values:
    """The cosine, entry by entry.

    >>> np.cos(np.zeros(2))
    array([1., 1.])
    """
    return COS(x)


def arccos(x: Values) -> Values:
    """The angle whose cosine is x, entry by entry.

    >>> np.arccos(np.ones(2))
    array([0., 0.])
    """
    return ARCCOS(x)


def arcsin(x: Values) -> Values:
    """The angle whose sine is x, entry by entry.

    >>> np.arcsin(np.zeros(2))
    array([0., 0.])
    """
    return ARCSIN(x)


def arctan(x: Values) -> Values:
    """The angle whose tangent is x, entry by entry.

    >>> np.arctan(np.zeros(2))
    array([0., 0.])
    """
    return ARCTAN(x)


def sinh(x: Values) -> Values:
    """(e^x - e^-x)/2, entry by entry.

    >>> np.sinh(np.zeros(2))
    array([0., 0.])
    """
    return SINH(x)


def cosh(x: Values) -> Values:
    """(e^x + e^-x)/2, entry by entry.

    >>> np.cosh(np.zeros(2))
    array([1., 1.])
    """
    return COSH(x)
