"""The softmax and what goes with it, along any axis; log(e^a + e^b)."""

from collections.abc import Callable
from typing import Any

import flint
import numpy as np

from gradcheck.law import functions
from gradcheck.law.functions import Array
from gradcheck.readings.balls import Balls
from gradcheck.readings.primitives.elementary import SIGMOID
from gradcheck.readings.primitives.table import CALLS, Primitive
from gradcheck.readings.running import logarithms, softmax
from gradcheck.readings.running.parts import Parts


def _columns(shape: tuple[int, ...], axis: int) -> tuple[tuple[int, ...], list[int]]:
    """The order of axes in which this one is the first, and the order that undoes it."""
    order = (axis % len(shape), *(k for k in range(len(shape)) if k != axis % len(shape)))
    return order, np.argsort(order).tolist()


def along(function: Callable[..., Any], x: Array, axis: int) -> Array:
    """A function of columns (L, n), along any axis."""
    if axis == 0 and x.ndim == 2:
        return function(x)
    order, back = _columns(x.shape, axis)
    moved = x.transpose(order)
    found = function(moved.reshape(len(moved), -1))
    return np.asarray(found).reshape(len(found), *moved.shape[1:]).transpose(back)


def _parts(function: Callable[..., Parts]) -> Callable[..., Parts]:
    """The rule of columns, along any axis."""

    def rounding(x: Parts, p: Any, axis: int = 0) -> Parts:
        if axis == 0 and x.value.ndim == 2:
            return function(x, p)
        error = along(lambda e: e, x.error, axis)  # the same order for both
        order, back = _columns(x.value.shape, axis)
        moved = x.value.transpose(order)
        flat = Parts(moved.reshape(len(moved), -1), error.transpose(order).reshape(len(moved), -1))
        found = function(flat, p)
        return Parts(*(part.reshape(len(part), *moved.shape[1:]).transpose(back) for part in found))

    return rounding


def _balls(function: Callable[[Balls], Balls]) -> Callable[..., Balls]:
    def ball(x: Balls, axis: int = 0) -> Balls:
        if axis == 0 and x.ndim == 2:
            return function(x)
        order, back = _columns(x.shape, axis)
        standing = np.arange(x.size).reshape(x.shape).transpose(order)
        flat = x.moved(standing.ravel().tolist(), (len(standing), x.size // len(standing)))
        found = function(flat)
        shape = (found.shape[0], *standing.shape[1:])
        places = np.arange(found.size).reshape(shape).transpose(back)
        return found.moved(places.ravel().tolist(), places.shape)

    return ball


LOG_SOFTMAX = Primitive(
    "log_softmax",
    lambda a, axis=0: along(functions.log_softmax, a, axis),
    (lambda g, y, a, axis=0: g - SOFTMAX(a, axis=axis) * g.sum(axis=axis, keepdims=True),),
    _parts(softmax.log_softmax),  # bounds.softmax_error
    _balls(Balls.log_softmax),
    each=False,
    same=(functions.log_softmax,),
)
LOG_SUM_EXP = Primitive(  # the axis is kept
    "logsumexp",
    lambda a, axis=0: along(functions.log_sum_exp, a, axis),
    (lambda g, y, a, axis=0: g * SOFTMAX(a, axis=axis),),
    _parts(softmax.log_sum_exp),
    _balls(Balls.log_sum_exp),
    each=False,
    same=(functions.log_sum_exp,),
)
SOFTMAX: Primitive = Primitive(
    "softmax",
    lambda a, axis=0: along(functions.softmax, a, axis),
    (lambda g, y, a, axis=0: y * (g - (g * y).sum(axis=axis, keepdims=True)),),
    _parts(softmax.softmax),
    _balls(Balls.softmax),
    each=False,
    same=(functions.softmax,),
)


def _both(x: Any, y: Any) -> flint.arb:
    x, y = flint.arb(x), flint.arb(y)
    most, least = (x, y) if float(x) >= float(y) else (y, x)
    return most + (least - most).exp().log1p()


PORTION = Primitive(
    "portion",
    lambda a, b: SIGMOID.value(np.subtract(a, b)),
    (lambda g, y, a, b: g * (y * (1 - y)), lambda g, y, a, b: -g * (y * (1 - y))),
    logarithms.portion,
    lambda x, y: SIGMOID.ball(flint.arb(x) - flint.arb(y)),  # type: ignore[misc]
    real=True,
)
LOGADDEXP = Primitive(
    "logaddexp",
    np.logaddexp,
    (lambda g, y, a, b: g * PORTION(a, b), lambda g, y, a, b: g * PORTION(b, a)),
    logarithms.logaddexp,  # max(e, e'), and the roundings of m + log1p(exp(-|a - b|))
    _both,
    real=True,
    same=(np.logaddexp,),
)
CALLS[np.logaddexp] = LOGADDEXP
