"""Powers: by products where the exponent is whole, or by a function of the machine's."""

from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import ETA64
from gradcheck.precision import Precision
from gradcheck.readings.running.arithmetic import quotient
from gradcheck.readings.running.elementary import rounding_of
from gradcheck.readings.running.moves import MORE
from gradcheck.readings.running.operands import written
from gradcheck.readings.running.parts import Parts, known, ordinary, settled, together


def power(x: Parts, p: Precision, exponent: float) -> Parts:
    """Whole ones also of what may be 0 or negative; negative ones as the quotient of 1 by what is positive."""
    if exponent != int(exponent):
        return raised(x, written(np.asarray(exponent), p), p)  # which the dtype need not have
    n = int(exponent)
    if n < 0:
        below = _whole(x, -n, p)
        found = quotient(Parts(np.ones_like(x.value), np.zeros_like(x.error)), below, p)
        return Parts(found.value, np.where(np.isinf(below.value) & np.isfinite(x.value), np.inf, found.error))
    return _whole(x, n, p)


def _whole(x: Parts, n: int, p: Precision) -> Parts:
    """`n e (|x| + e)^(n - 1)`, n - 1 products or one function, and what they lose to underflow."""
    if n == 0:
        return Parts(np.ones_like(x.value), np.zeros_like(x.error))
    if n == 1:
        return x
    value, most = x.value**n, abs(x.value) + x.error
    shift = n * x.error * most ** (n - 1) * MORE
    if known(x):
        shift = np.where(x.error == 0, 0.0, shift)
    f = max(together(p, n - 1, 0), rounding_of(p))
    error = shift + f * (abs(value) + shift) + max(n, bounds.ulps(p)) * (p.least + ETA64)
    if not known(x):
        usual = ordinary(value, error, p)
        return usual if usual is not None else settled(value, error, np.isfinite(error), p)
    error = np.where((x.error == 0) & ((abs(x.value) == 1) | (x.value == 0) | ~np.isfinite(x.value)), 0.0, error)
    return settled(value, error, np.isfinite(error), p)


def raised(x: Parts, y: Parts, p: Precision) -> Parts:
    """`x^y = exp(y log x)` moves by `x^y (exp(|y| e/(x - e) + e' (|log x| + e/(x - e))) - 1)`.

    One function, of the machine's. Nothing is known where x may not be positive.
    """
    value = np.power(x.value, y.value)
    least = x.value - x.error
    moved = np.where(x.error == 0, 0.0, np.where(least > 0, x.error / least, np.inf))
    zero = (x.value == 0) & (x.error == 0) & (y.value > y.error)  # to any positive power it is 0
    steep = np.where((y.error == 0) | zero, 0.0, y.error * (abs(np.log(x.value)) + moved))
    shift = _grown(value, abs(y.value) * moved + steep)
    error = shift + rounding_of(p) * (abs(value) + shift) + bounds.ulps(p) * (p.least + ETA64)
    exact = (x.error == 0) & (y.error == 0)
    error = np.where(exact & ~np.isfinite(value), 0.0, np.where(np.isfinite(value), error, np.inf))
    return settled(value, np.where(np.isnan(error), np.inf, error), np.isfinite(error), p)


def _grown(value: Any, exponent: Any) -> Any:
    """`v (e^exponent - 1)`, of a v that may have lost some units in the last place to underflow."""
    most = abs(value) + bounds.ELEMENTARY_ULPS["float64"] * ETA64
    return np.where(exponent == 0, 0.0, most * np.expm1(exponent * MORE) * MORE)
