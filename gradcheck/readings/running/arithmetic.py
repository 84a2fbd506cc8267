"""Operations that are rounded once, or as often as a sum has terms; and some that are not rounded."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import ETA64, U64
from gradcheck.precision import Precision
from gradcheck.readings.running.parts import Parts, arithmetic, exactly, rounded, settled


def _summed(sign: float) -> Callable[[Parts, Parts, Precision], Parts]:
    def operation(x: Parts, y: Parts, p: Precision) -> Parts:
        value = x.value + sign * y.value
        return rounded(value, x.error + y.error, p, certain=exactly(x, y) & ~np.isfinite(value))

    return operation


def _signless(x: Parts) -> Any:
    """Where it may be 0, and of either sign: times infinity that may be anything."""
    return (abs(x.value) <= x.error) & (x.error > 0)


def product(x: Parts, y: Parts, p: Precision) -> Parts:
    """Entry by entry; a product with 0, 1 or -1 of what has no error has none."""
    value = x.value * y.value
    error = abs(x.value) * y.error + abs(y.value) * x.error + x.error * y.error
    exact = (x.error == 0) & (y.error == 0) & ((abs(x.value) == 1) | (abs(y.value) == 1) | (value == 0))
    doubtful = np.isinf(x.value) & _signless(y) | np.isinf(y.value) & _signless(x)
    found = rounded(value, error, p, certain=exactly(x, y) & ~np.isfinite(value) & ~doubtful)
    found.error[np.broadcast_to(exact & np.isfinite(value), found.error.shape)] = 0.0
    return found


def _quotient(x: Parts, y: Parts, p: Precision) -> Parts:
    value = x.value / y.value
    apart = abs(y.value) - y.error  # how far from 0 the divisor stays
    error = np.where(apart > 0, (x.error + abs(value) * y.error) / apart, np.inf)
    zero = (y.value == 0) & (y.error == 0)
    certain = ~np.isfinite(value) & (exactly(x, y) & ~_signless(y) | (zero & (x.error < abs(x.value))))
    certain |= (x.value == 0) & (x.error == 0) & zero  # 0/0
    return rounded(value, error, p, certain=certain)


def _matrix_product(x: Parts, y: Parts, p: Precision) -> Parts:
    k = x.value.shape[-1]
    value, size = x.value @ y.value, (abs(x.value) + x.error) @ (abs(y.value) + y.error)
    error = abs(x.value) @ y.error + x.error @ abs(y.value) + x.error @ y.error
    error = error + bounds.spread(k, p.u + U64) * size + k * (p.eta + ETA64)
    known = np.isfinite(x.error).all() and np.isfinite(y.error).all()
    doubtful = np.isinf(x.value) @ _signless(y) | _signless(x) @ np.isinf(y.value)
    return settled(value, error, known & ~doubtful, p)


def _same_size(function: Callable[[Any], Any]) -> Callable[[Parts, Precision], Parts]:
    """An operation without rounding."""
    return lambda x, p: Parts(function(x.value), x.error.copy())


def _nearer(function: Callable[[Any, Any], Any]) -> Callable[[Parts, Parts, Precision], Parts]:
    """Maximum and minimum of two, chosen without rounding: off by no more than the worse of them."""
    return lambda x, y, p: Parts(function(x.value, y.value), np.maximum(x.error, y.error))


def sum_of(x: Parts, axis: int | None, keepdims: bool, p: Precision) -> Parts:
    """Added up in any order."""
    count = x.value.size if axis is None else x.value.shape[axis]
    spread = bounds.spread(max(count - 1, 0), p.u + U64)
    with np.errstate(all="ignore"):
        value = x.value.sum(axis=axis, keepdims=keepdims)
        size = (abs(x.value) + x.error).sum(axis=axis, keepdims=keepdims)
        error = x.error.sum(axis=axis, keepdims=keepdims) + spread * size
    known = np.isfinite(x.error).all(axis=axis, keepdims=keepdims)
    return settled(np.asarray(value), np.asarray(error), known, p)


def converted(x: Parts, old: np.dtype, new: np.dtype) -> Parts:
    """Rounded to another precision, where that is coarser."""
    if not arithmetic(new).u > arithmetic(old).u:
        return x
    if new.kind == "f" and not x.error.any():  # one rounding, of what is known exactly
        with np.errstate(over="ignore", invalid="ignore"):
            return Parts(x.value.astype(new).astype(np.float64), x.error.copy())
    certain = np.isfinite(x.error) & ~np.isfinite(x.value)
    return rounded(x.value, x.error, arithmetic(new), certain=certain)


OPERATIONS: dict[np.ufunc, Callable[..., Parts]] = {
    np.add: _summed(1.0),
    np.subtract: _summed(-1.0),
    np.multiply: product,
    np.true_divide: _quotient,
    np.matmul: _matrix_product,
    np.negative: _same_size(np.negative),
    np.absolute: _same_size(np.absolute),
    np.maximum: _nearer(np.maximum),
    np.minimum: _nearer(np.minimum),
}
