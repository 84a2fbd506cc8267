"""log(e^x + e^y)."""

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import ETA64, U64
from gradcheck.precision import Precision
from gradcheck.readings.running.arithmetic import summed
from gradcheck.readings.running.elementary import logistic, rounding_of
from gradcheck.readings.running.parts import Parts, settled


def logaddexp(x: Parts, y: Parts, p: Precision) -> Parts:
    """`max(e, e')`, since its derivatives add up to 1; and of m + log1p(exp(-d)), d = |x - y|, the roundings of d, of exp, of log1p
    and of the sum: `(u d e^-d + f e^-d) (1 + f) + f log1p(e^-d) + u |result|`.

    d is not rounded where one of the two is 0.
    """
    value = np.logaddexp(x.value, y.value)
    f, u = rounding_of(p), p.unit + U64
    apart = np.maximum(abs(x.value - y.value) - x.error - y.error, 0.0)
    reach = abs(x.value - y.value) + x.error + y.error
    power = np.exp(-apart)
    zero = (x.value == 0) & (x.error == 0) | (y.value == 0) & (y.error == 0)
    turned = np.where(zero, 0.0, np.minimum(np.expm1(np.minimum(u * reach, 1.0)), 2.0)) * power
    inner = (turned + f * (power + turned)) + f * np.log1p(power + turned + f * (power + turned))
    moved = np.maximum(x.error, y.error)
    most = abs(value) + moved + inner
    error = moved + inner + u * most + (2 * bounds.ulps(p) + 2) * (p.least + ETA64)
    known = np.isfinite(x.error) & np.isfinite(y.error)
    infinite = np.isinf(x.value) | np.isinf(y.value)
    exact = known & (~np.isfinite(value) | infinite & (moved == 0))
    return settled(value, np.where(exact, 0.0, error), known, p)


def portion(x: Parts, y: Parts, p: Precision) -> Parts:
    """e^x/(e^x + e^y), as 1/(1 + exp(y - x)), or as exp(x - log(e^x + e^y)), whose exponent is off by what that logarithm is."""
    total, moved = logaddexp(x, y, p), np.maximum(x.error, y.error)
    off = total.error * (1 + 8 * U64) - moved + (p.unit + U64) * (abs(x.value - total.value) + total.error)
    found = logistic(summed(np.subtract)(x, y, p), p)
    grown = (found.value + found.error) * np.expm1(np.minimum(np.maximum(off, 0.0), 700.0))
    return Parts(found.value, found.error + np.where(off > 700.0, np.inf, grown))
