"""exp, log and tanh: within `ELEMENTARY_ULPS` of the exact function, ours and theirs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import ETA64, U64, Reals, outward
from gradcheck.precision import FLOAT64, LARGEST, Precision
from gradcheck.problem import Array
from gradcheck.readings.running import moves
from gradcheck.readings.running.parts import Parts, grown, settled


def rounding_of(p: Precision) -> float:
    """Relative, of their evaluation and of our own."""
    found = bounds.elementary(p) + bounds.elementary(FLOAT64)
    return found if p.plain else found + 2 * (p.stored + p.reads)


def vanishes(most: Reals, p: Precision) -> Array:
    """Where exp of an exponent of at most this must underflow to 0, beyond doubt."""
    return most < np.log(p.eta) - 4


def exponential(x: Parts, p: Precision) -> Parts:
    """0 where it must underflow and infinite where it must overflow, beyond doubt."""
    f = rounding_of(p)
    value = np.exp(x.value)
    moved = moves.exp(x, value)
    error = moved + f * (value + moved) + bounds.ulps(p) * (p.least + ETA64)
    top = math.log(p.huge)
    if p.truthful and float(np.max(x.value + x.error, initial=-np.inf)) <= top - 1e-3 * abs(top):  # never with NaN
        return Parts(value, grown(error))
    over, under = x.value - x.error > top + 1e-3 * abs(top), vanishes(x.value + x.error, p) & (not p.truthful)
    doubtful = ~over & (x.value + x.error > top - 1e-3 * abs(top))
    value = np.where(over, np.inf, np.where(under, 0.0, value))
    error = np.where(over | under, 0.0, np.where(doubtful | ~np.isfinite(x.error), np.inf, error))
    nothing = np.isnan(x.value) & np.isfinite(x.error)
    return Parts(value, np.where(nothing, 0.0, np.where(np.isnan(error), np.inf, grown(error))))


def logarithm(x: Parts, p: Precision) -> Parts:
    f = rounding_of(p)
    value = np.log(x.value)
    least = x.value - x.error
    error = np.where(least > 0, x.error / least, np.inf)
    error = error + f * (abs(value) + error)
    certain = (x.error == 0) & ~np.isfinite(value)  # log 0, log of a negative number, of NaN
    return Parts(value, np.where(certain, 0.0, np.where(np.isnan(error), np.inf, outward(error, 8))))


def hyperbolic_tangent(x: Parts, p: Precision) -> Parts:
    """Steepest where it comes nearest to 0; never off by more than from one end to the other."""
    f = rounding_of(p)
    value = np.tanh(x.value)
    nearest = np.maximum(abs(x.value) - x.error, 0.0)
    slope = 1 / np.cosh(np.minimum(nearest, 350.0)) ** 2 * (1 + 2.0**-40)  # float64's own cosh is within that
    moved = np.minimum(np.minimum(slope, 1.0) * x.error, 2.0)
    error = moved + f * (abs(value) + moved) + (bounds.ulps(p) + 1) * (p.least + ETA64)
    certain = (x.error == 0) & (~np.isfinite(x.value) | (x.value == 0))
    return Parts(value, np.where(certain, 0.0, np.where(np.isnan(error), np.inf, outward(error, 8))))


def elementary(
    function: Callable[[Any], Any], moved: Callable[[Parts, Any], Any], more: int = 0
) -> Callable[[Parts, Precision], Parts]:
    """The rule of a function f of each entry: `m + f(|y| + m) + ulps eta`, where m, by `moved`,
    bounds |f(x + d) - f(x)| for |d| <= e.

    Where `more` operations are made of it, each is rounded once more. Infinities and NaN of what has no error are certain.
    """

    def rounding(x: Parts, p: Precision) -> Parts:
        value = function(x.value)
        shift = np.where(x.error == 0, 0.0, moved(x, value))
        f = rounding_of(p)
        if more:
            f = bounds.together(bounds.lam(f) + more * bounds.lam(p.unit + U64))
        error = shift + f * (abs(value) + shift) + (bounds.ulps(p) + 1 + more) * (p.least + ETA64)
        certain = (x.error == 0) & ~np.isfinite(value)
        error = np.where(certain, 0.0, np.where(np.isfinite(value) & ~np.isnan(error), error, np.inf))
        return settled(value, error, np.isfinite(error), p)

    return rounding


_LOGISTIC = elementary(lambda x: 1 / (1 + np.exp(-x)), moves.logistic, more=2)


def logistic(x: Parts, p: Precision) -> Parts:
    """1/(1 + exp(-x)), also where that exp overflows: then 0, off by 1/huge."""
    found = _LOGISTIC(x, p)
    huge = min(p.huge, LARGEST)  # of theirs, or of our own
    lost = np.where(x.value - x.error < 1 - np.log(huge), 2 / huge, 0.0)
    return Parts(found.value, grown(found.error + lost))
