"""Operations that are rounded once, or as often as a sum has terms; and some that are not rounded."""

import math
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from gradcheck.enclosure import ETA64, outward
from gradcheck.precision import Precision
from gradcheck.readings.places import Axis
from gradcheck.readings.running.parts import (
    Parts,
    arithmetic,
    exactly,
    in_any_order,
    known,
    ordinary,
    rounded,
    settled,
    together,
    underflows,
    unkept,
)


def summed(function: Callable[[Any, Any], Any]) -> Callable[[Parts, Parts, Precision], Parts]:
    """A sum or a difference."""

    def operation(x: Parts, y: Parts, p: Precision) -> Parts:
        value = function(x.value, y.value)
        return rounded(value, x.error + y.error, p, certain=lambda: exactly(x, y) & ~np.isfinite(value))

    return operation


def _signless(x: Parts) -> Any:
    """Where it may be 0, and of either sign: times infinity that may be anything."""
    return (abs(x.value) <= x.error) & (x.error > 0)


def product(x: Parts, y: Parts, p: Precision) -> Parts:
    """Entry by entry; a product with 0, 1 or -1 of what has no error has none."""
    value = x.value * y.value
    first, other = known(x), known(y)
    error = _crossed(x, y, np.multiply, first == x.error.size, other == y.error.size)

    def certain() -> Any:
        doubtful = np.isinf(x.value) & _signless(y) | np.isinf(y.value) & _signless(x)
        return exactly(x, y) & ~np.isfinite(value) & ~doubtful

    found = rounded(value, error, p, certain=certain)
    if first and other:
        sure = (x.error == 0) & (y.error == 0)
        exact = sure & ((x.value == 0) | (y.value == 0) | p.plain & ((abs(x.value) == 1) | (abs(y.value) == 1)))
        np.copyto(found.error, 0.0, where=exact & np.isfinite(value))
    return found


def _crossed(x: Parts, y: Parts, times: Callable[[Any, Any], Any], first: bool, other: bool) -> Any:
    """`|x| e' + e |y| + e e'`, by either product; of what has no error, as is said of each, as little as that takes."""
    if first:
        return times(abs(x.value), y.error)
    if other:
        return times(x.error, abs(y.value))
    return times(abs(x.value) + x.error, y.error) + times(x.error, abs(y.value))


def _reciprocal(x: Parts, y: Parts, size: Any, apart: Any, p: Precision) -> Any:
    """What a quotient x/y loses where it is x times 1/y: `u |x/y| + eta |x|`, and all where 1/y overflows.

    Nothing where y is a power of 2, of which 1/y is exact; and nothing where whole numbers are divided.
    """
    halves = np.frexp(y.value)[0]
    power = (abs(halves) == 0.5) & (y.error == 0) & (apart * p.huge > 1) & (abs(y.value) * p.tiny <= 1)
    lost = p.unit * size + (abs(x.value) + x.error) * p.least
    lost = np.where((apart > 0) & (apart * p.huge <= 1 + 2.0**-40), np.inf, lost)
    return np.where(power | (y.value == 0) | ~np.isfinite(y.value), 0.0, lost)


def _by_number(x: Parts, value: Any, by: float, p: Precision) -> Any:
    """The error of x over one number without an error, before the last rounding; None where more is to be looked at."""
    if not (by * p.huge > 1 + 2.0**-40 and by < np.inf):
        return None
    error = x.error / by
    if math.frexp(by)[0] == 0.5 and by * p.tiny <= 1:
        return error
    lost = abs(value) + error
    lost *= p.unit
    lost += (abs(x.value) + x.error) * p.least
    lost += error
    return lost


def quotient(x: Parts, y: Parts, p: Precision) -> Parts:
    value = x.value / y.value
    if y.value.size == 1 and known(y):
        error = _by_number(x, value, abs(float(y.value.reshape(()))), p)
        if error is not None:
            return rounded(value, error, p, certain=lambda: exactly(x, y) & ~np.isfinite(value) & ~_signless(y))
    apart = abs(y.value) - y.error  # how far from 0 the divisor stays
    error = np.where(apart > 0, (x.error + (abs(value) + ETA64) * y.error) / apart, np.inf)
    error = error + _reciprocal(x, y, abs(value) + error, apart, p)

    def certain() -> Any:
        zero = (y.value == 0) & (y.error == 0)
        found = ~np.isfinite(value) & (exactly(x, y) & ~_signless(y) | (zero & (x.error < abs(x.value))))
        return found | (x.value == 0) & (x.error == 0) & zero  # 0/0

    return rounded(value, error, p, certain=certain)


def slope(g: Parts, y: Parts, b: Parts, p: Precision) -> Parts:
    """-(g y)/b, or g (y/b), or (g/b) y: the roundings are as many, and `eta |g|` or `eta |y|` is lost where a quotient underflows.

    Nothing is known where one of the quotients may overflow.
    """
    found = quotient(product(g, y, p), b, p)
    size, other = abs(g.value) + g.error, abs(y.value) + y.error
    apart = abs(b.value) - b.error
    over = np.maximum(size, other) / np.where(apart > 0, apart, 1.0) > p.huge
    error = found.error + np.where(found.error == 0, 0.0, 2 * (size + other) * p.least)
    return Parts(-found.value, np.where((apart > 0) & over & np.isfinite(found.value), np.inf, error))


def matrix_product(x: Parts, y: Parts, p: Precision) -> Parts:
    k = x.value.shape[-1]
    first, other = known(x) == x.error.size, known(y) == y.error.size
    value, size = x.value @ y.value, (abs(x.value) + x.error) @ (abs(y.value) + y.error)
    error = _crossed(x, y, np.matmul, first, other)
    error = error + together(p, 1, max(k - 1, 0)) * size + k * (p.eta + 2 * ETA64) + underflows(p, k)
    error = in_any_order(error, value, size, p)
    usual = ordinary(value, error, p)
    if usual is not None:
        return usual
    finite = np.isfinite(x.error).all() and np.isfinite(y.error).all()
    doubtful = np.isinf(x.value) @ _signless(y) | _signless(x) @ np.isinf(y.value)
    return settled(value, error, finite & ~doubtful, p)


def same_size(function: Callable[[Any], Any]) -> Callable[[Parts, Precision], Parts]:
    """An operation without rounding."""
    return lambda x, p: Parts(function(x.value), x.error.copy())


def nearer(function: Callable[[Any, Any], Any]) -> Callable[[Parts, Parts, Precision], Parts]:
    """Maximum and minimum of two, chosen without rounding: off by no more than the worse of them."""
    return lambda x, y, p: Parts(function(x.value, y.value), np.maximum(x.error, y.error))


_ADDED: Any = np.add.reduce


def sum_of(x: Parts, axis: Axis, keepdims: bool, p: Precision) -> Parts:
    """Added up in any order: `sum e + spread(k - 1) sum (|x| + e)`, of k terms."""
    terms = count(x.value.shape, axis)
    value = _ADDED(x.value, axis=axis, keepdims=keepdims)
    inherited = _ADDED(x.error, axis=axis, keepdims=keepdims)
    size = _ADDED(abs(x.value) + x.error, axis=axis, keepdims=keepdims)
    error = inherited + together(unkept(p) if p.kept else p, 0, max(terms - 1, 0)) * size
    if p.kept:  # what it comes to is written down, and no term
        error = error + p.kept * (abs(value) + error)
    error = in_any_order(error + underflows(p, terms), value, size, p)
    usual = ordinary(value, error, p)
    if usual is not None:
        return usual
    finite = np.isfinite(x.error).all(axis=axis, keepdims=keepdims)
    return settled(np.asarray(value), np.asarray(error), finite, p)


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many terms each sum has."""
    if axis is None:
        return prod(shape)
    return prod(shape[k] for k in axis) if isinstance(axis, tuple) else shape[axis]


def converted(x: Parts, old: np.dtype, new: np.dtype) -> Parts:
    """Rounded to another precision, where that is coarser, or of a smaller range."""
    p, before = arithmetic(new), arithmetic(old)
    coarser = p.u > before.u
    if not coarser and p.eta <= before.eta and p.huge >= before.huge:
        return x
    known = new.kind == "f" and not x.error.any() and not arithmetic(old).truthful
    if known:  # one rounding, of what is known exactly; what is true is another number then
        with np.errstate(over="ignore", invalid="ignore"):
            return Parts(x.value.astype(new).astype(np.float64), x.error.copy())
    certain = np.isfinite(x.error) & ~np.isfinite(x.value)
    if coarser:
        return rounded(x.value, x.error, p, certain=certain)
    lost = np.where(abs(x.value) - x.error < p.tiny, p.least + ETA64, 0.0)  # subnormal numbers alone are rounded
    return settled(x.value, x.error + lost, np.isfinite(x.error), p)


def truncated(x: Parts) -> Parts:
    """Whole numbers; where the errors leave two of them open, either."""
    with np.errstate(all="ignore"):
        value = np.trunc(x.value)
        sure = (np.trunc(x.value - x.error) == value) & (np.trunc(x.value + x.error) == value)
    return Parts(value, np.where(sure, 0.0, outward(x.error + 1)))
