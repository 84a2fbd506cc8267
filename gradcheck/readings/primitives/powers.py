"""Powers: whole ones, real ones of numbers, and of arrays."""

import operator
from typing import Any

import numpy as np

from gradcheck.law.functions import Array, Values
from gradcheck.readings import ball_rules
from gradcheck.readings.primitives.elementary import LOG
from gradcheck.readings.primitives.table import CALLS, Primitive
from gradcheck.readings.running import powers


def _powered(a: Array, exponent: float) -> Array:
    return np.asarray(np.power(a, np.asarray(exponent).astype(a.dtype)))


def _lower(g: Values, y: Values, a: Values, exponent: float) -> Values:
    if exponent == 0:
        return np.zeros_like(g)
    if exponent == 1:
        return g
    return g * (exponent * (a if exponent == 2 else POWER(a, exponent=exponent - 1)))


POWER = Primitive(
    "power",
    _powered,
    (_lower,),
    powers.power,  # |a|^c ((1 - e/|a|)^-|c| - 1), c - 1 products or one function
    ball_rules.power,
    real=True,
    series=lambda x, exponent: x.power(exponent),
)
# Of arrays: a > 0.
RAISE = Primitive(
    "raise",
    np.power,
    (
        lambda g, y, a, b: g * (b * power(a, b - 1)),
        lambda g, y, a, b: g * (y * LOG(a)),
    ),
    powers.raised,  # y (exp(|b| e/(a - e) + e' |log a|) - 1)
    lambda x, y: ball_rules.ball(x) ** ball_rules.ball(y),
    real=True,
)


def power(a: Values, b: Any) -> Values:
    """A power of a number of Python is known beforehand."""
    number = isinstance(b, int | float | np.integer | np.floating)
    return POWER(a, exponent=float(b)) if number else RAISE(a, b)


CALLS.update({operator.pow: power, np.power: power, np.float_power: power})
CALLS[np.square] = lambda a: power(a, 2)
