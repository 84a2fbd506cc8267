"""Which numbers are simpler than others: zeros, ones, small whole numbers, powers of two, few digits."""

from collections.abc import Iterator

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.problem import Array


def cost(values: Array) -> int:
    """What it takes to write them down: 0 for zeros; the bits of the significand, the size of the exponent, the sign.

    Infinite ones, which are masked classes, cost nothing.
    """
    found = np.asarray(values, dtype=np.float64)
    found = np.where(np.isfinite(found), found, 0.0)
    mantissa, exponent = np.frexp(abs(found))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1]  # 54 - the bits
    each = 2 * (54 - lowest) + (abs(exponent - 1) + 3) // 4
    return int((np.where(found == 0, 0, each) + np.signbit(found)).sum())


def than(values: Reals) -> Iterator[Reals]:
    """Simpler ones, the simplest first: what they stand for must be looked at, as not each of these is. -inf stays."""
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0)
    size, sign = abs(known), np.sign(known)
    with np.errstate(divide="ignore"):
        nearest = np.where(size > 0, np.exp2(np.round(np.log2(np.where(size > 0, size, 1.0)))), 0.0)
    for new in (
        np.zeros_like(known),
        sign,
        size,
        sign * nearest,
        sign * 2 * nearest,
        np.round(known),
        np.round(known * 8) / 8,
    ):
        yield np.where(finite, new + 0.0, values)  # and no -0
