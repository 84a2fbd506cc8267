"""What the text of a loss is made of beside + - * / @ and sums: functions that each reading evaluates in its own way.

Arrays of NumPy have theirs here; an array of another reading has a method of the same name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Values = Any


def like(found: Values, dtype: np.dtype) -> Values:
    """ml_dtypes computes some things of bfloat16 in float32: rounded back here. Complex numbers stay complex."""
    if type(found) is np.ndarray and found.dtype is dtype:  # nearly always; it is asked many times a problem
        return found
    return found if np.iscomplexobj(found) else found.astype(dtype, copy=False)


def values(array: Values) -> Array:
    """The numbers of an input, whatever it is read with."""
    return array.values() if hasattr(array, "values") else np.asarray(array)


def numbers(array: Array, like: Values) -> Values:
    """Numbers of float64 as an array of the reading and the precision of another; whole ones have none."""
    if hasattr(like, "numbers"):
        return like.numbers(array)
    return array if like.dtype.kind in "iu" else array.astype(like.dtype)


def tanh(x: Values) -> Values:
    """Entry by entry."""
    return np.tanh(x)


def log_softmax(Z: Values) -> Values:
    """`(Z - max) - log sum exp(Z - max)`, column by column, (L, n), or of a stack, (..., L, n)."""
    if hasattr(Z, "log_softmax"):
        return Z.log_softmax()
    moved = shifted(Z)
    return like(moved - np.log(like(np.exp(moved).sum(axis=-2, keepdims=True), Z.dtype)), Z.dtype)


def log_sum_exp(Z: Values) -> Values:
    """`max + log sum exp(Z - max)`, column by column, (1, n)."""
    if hasattr(Z, "log_sum_exp"):
        return Z.log_sum_exp()
    most = top(Z)
    return like(most + np.log(like(np.exp(Z - most).sum(axis=-2, keepdims=True), Z.dtype)), Z.dtype)


def softmax(Z: Values) -> Values:
    """`exp Z / sum exp Z`, column by column (eq. 1), (L, n)."""
    if hasattr(Z, "softmax"):
        return Z.softmax()
    powers = np.exp(shifted(Z))
    return like(powers / like(powers.sum(axis=-2, keepdims=True), Z.dtype), Z.dtype)


def top(Z: Array) -> Array:
    """The maximum of each column, (1, n)."""
    if np.iscomplexobj(Z):  # the complex step: any analytic shift will do, and NumPy orders by the real part
        return np.asarray(Z[Z.real.argmax(axis=0), np.arange(Z.shape[1])][np.newaxis])
    return np.asarray(Z.max(axis=-2, keepdims=True))


def shifted(Z: Array) -> Array:
    """Z minus the maximum of each column: exp cannot overflow, and the largest term is exactly 1."""
    return np.asarray(Z - top(Z))
