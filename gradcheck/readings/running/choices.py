"""Which of several is chosen, as derivatives ask: 1 and 0 where that is beyond doubt, and all that lies between where it is not."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.enclosure import outward
from gradcheck.precision import Precision
from gradcheck.readings.places import Axis
from gradcheck.readings.running.parts import Parts, floored


def _reach(x: Parts, y: Parts) -> Any:
    """Where the first may be the larger one, the smaller one, or either: -1, 0, 1."""
    apart = abs(x.value - y.value) > outward(x.error + y.error)
    return np.where(apart, np.sign(x.value - y.value), 0.0)


def leads(x: Parts, y: Parts, p: Precision) -> Parts:
    """The derivative of the larger of two in the first: 1 or 0; within [0, 1] where they tie or may."""
    side = _reach(x, y)
    return Parts((1 + side) / 2, np.where(side == 0, 0.5, 0.0))


def sides(x: Parts, p: Precision) -> Parts:
    """The derivative of |x|: 1 or -1; within [-1, 1] where it is 0 or may be."""
    side = _reach(x, Parts(np.zeros_like(x.value), np.zeros_like(x.error)))
    return Parts(side, np.where(side == 0, 1.0, 0.0))


def sign(x: Parts, p: Precision) -> Parts:
    """Where rounding may turn it, as far as it may."""
    sure = (abs(x.value) > x.error) | (x.error == 0)
    return Parts(np.sign(x.value), np.where(sure, 0.0, 1.0 + abs(np.sign(x.value))))


def end(x: Parts, towards: float) -> Any:
    """The least or the largest that it may be; infinite where nothing is known."""
    end = np.nextafter(x.value + np.sign(towards) * x.error, towards)
    return np.where(x.error == 0, x.value, np.where(np.isnan(end) | np.isinf(x.error), towards, end))


def whole(function: Callable[[Any], Any]) -> Callable[[Parts, Precision], Parts]:
    """A whole number beside each: all that it is within the error."""

    def rounding(x: Parts, p: Precision) -> Parts:
        value = function(x.value)
        low, high = (function(end(x, towards)) for towards in (-np.inf, np.inf))
        with np.errstate(invalid="ignore"):
            error = np.where((low == value) & (high == value), 0.0, np.maximum(high - value, value - low))
        return floored(Parts(value, error))

    return rounding


def share(x: Parts, p: Precision, axis: Axis = None) -> Parts:
    """The derivative of the largest along an axis: 1 where there is one; each of those that tie, or may, has a part of 1."""
    least = np.max(end(x, -np.inf), axis=axis, keepdims=True)
    among = ~(end(x, np.inf) < least)
    several = among.sum(axis=axis, keepdims=True) > 1
    return Parts(np.where(among, np.where(several, 0.5, 1.0), 0.0), np.where(among & several, 0.5, 0.0))


def largest(x: Parts, p: Precision, axis: Axis = None, keepdims: bool = False) -> Parts:
    """Off by no more than the worst of those that it is the largest of."""
    return Parts(
        np.asarray(x.value.max(axis=axis, keepdims=keepdims)), np.asarray(x.error.max(axis=axis, keepdims=keepdims))
    )
