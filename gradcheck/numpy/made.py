"""Arrays that are made of numbers alone. What is computed of them is read: in truth exact, and rounded as any array is."""

from typing import Any

import numpy

from gradcheck.law.functions import Array, Values
from gradcheck.readings.numerals import numerals


def arange(*limits: float, dtype: Any = None) -> Array:
    """0, 1, 2, ... up to a number, or from one to another, by steps.

    >>> np.arange(3)
    array([0, 1, 2])
    """
    return numerals(numpy.arange(*limits, dtype=dtype))


def linspace(start: float, stop: float, num: int = 50) -> Array:
    """So many numbers from one to another, as far from each other: in float64, as NumPy computes them.

    >>> np.linspace(0, 1, 3)
    array([0. , 0.5, 1. ])
    """
    return numerals(numpy.linspace(start, stop, num))


def eye(N: int, M: int | None = None, k: int = 0) -> Array:
    """(N, M), with 1 on a diagonal, otherwise 0.

    >>> np.eye(2)
    array([[1., 0.],
           [0., 1.]])
    """
    return numerals(numpy.eye(N, M, k))


def identity(n: int) -> Array:
    """(n, n), with 1 on the diagonal.

    >>> np.identity(1)
    array([[1.]])
    """
    return eye(n)


def full(shape: Any, fill_value: float, dtype: Any = None) -> Values:
    """As many of one number.

    >>> np.full(2, 3.0)
    array([3., 3.])
    """
    return numerals(numpy.full(shape, fill_value, dtype=dtype))


def full_like(x: Values, fill_value: float) -> Values:
    """As many of one number as x has entries.

    >>> np.full_like(np.ones(2), 3)
    array([3., 3.])
    """
    return full(tuple(x.shape), float(fill_value))


def ones(shape: Any, dtype: Any = None) -> Array:
    """As many of 1.

    >>> np.ones(2)
    array([1., 1.])
    """
    return full(shape, 1.0, dtype)


def zeros(shape: Any, dtype: Any = None) -> Array:
    """As many of 0.

    >>> np.zeros(2)
    array([0., 0.])
    """
    return full(shape, 0.0, dtype)


def bincount(x: Array, weights: Any = None, minlength: int = 0) -> Array:
    """How often each whole number is there, of those that are given: labels, say.

    >>> np.bincount(np.arange(2), minlength=3)
    array([1, 1, 0])
    """
    return numerals(numpy.bincount(x, weights, minlength))
