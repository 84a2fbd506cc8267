"""How far a function moves where its argument does: |f(x + d) - f(x)| for |d| <= e, from above."""

from typing import Any

import numpy as np

from gradcheck.enclosure import U64
from gradcheck.readings.running.parts import Parts

MORE = 1 + 2.0**-40  # what float64 makes of these is within that


def exp(x: Parts, y: Any) -> Any:
    """`e^x (e^e - 1)`, as `e^(x + e) (1 - e^-e)`: e^x may vanish where e^(x + e) does not."""
    return np.exp(x.value + x.error) * -np.expm1(-x.error) * MORE


def log1p(x: Parts, y: Any) -> Any:
    """`e/(1 + x - e)`, and nothing is known where that may be 0."""
    least = (1 + x.value) * (1 - 4 * U64) - x.error
    return np.where(least > 0, x.error / least * MORE, np.inf)


def sqrt(x: Parts, y: Any) -> Any:
    """`e/(sqrt x + sqrt(x - e))`; where x may be negative, nothing is known."""
    least = x.value - x.error
    return np.where(least >= 0, x.error / (y + np.sqrt(np.maximum(least, 0.0))) * MORE, np.inf)


def root(x: Parts, y: Any) -> Any:
    """The same of a sum of squares, which is not negative, nor is what is computed of it: from 0 to `sqrt(x + e)` at most."""
    return np.where(x.value > x.error, sqrt(x, y), np.sqrt(np.maximum(x.value, 0.0) + x.error) * MORE)


def bounded(x: Parts, y: Any) -> Any:
    """No steeper than 1, and never by more than 2."""
    return np.minimum(x.error, 2.0)


def arccos(x: Parts, y: Any) -> Any:
    """`e/sqrt(1 - (|x| + e)^2)`, and nothing is known beyond 1."""
    rest = 1 - (abs(x.value) + x.error) * (1 + 4 * U64)  # rounds no more than 1 - |x| - e is large, or U64
    rest = rest - 4 * U64
    return np.where(rest > 0, x.error / np.sqrt(np.maximum(rest, 0.0) * (1 + abs(x.value) + x.error)) * MORE, np.inf)


def sinh(x: Parts, y: Any) -> Any:
    """`e cosh(|x| + e)`."""
    return x.error * np.cosh(abs(x.value) + x.error) * MORE


def cosh(x: Parts, y: Any) -> Any:
    """`e sinh(|x| + e)`."""
    return x.error * np.sinh(abs(x.value) + x.error) * MORE


def arctan(x: Parts, y: Any) -> Any:
    """No steeper than where it comes nearest to 0, and never by more than pi."""
    nearest = np.maximum(abs(x.value) - x.error, 0.0)
    return np.minimum(x.error / (1 + nearest * nearest) * MORE, 3.2)


def logistic(x: Parts, y: Any) -> Any:
    """No steeper than where it comes nearest to 0, by no more than 1."""
    power = np.exp(-np.maximum(abs(x.value) - x.error, 0.0))
    return np.minimum(power / (1 + power) ** 2 * x.error, 1.0) * MORE
