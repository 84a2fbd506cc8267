"""Sums that keep more than one: running sums, sums of what lands in the same place, sums of several arrays."""

from typing import Any

import numpy as np

from gradcheck.precision import Precision
from gradcheck.problem import Array
from gradcheck.readings.running.parts import Parts, in_any_order, settled, together, underflows


def cumulative(x: Parts, p: Precision, axis: int = 0) -> Parts:
    """Each sum of k terms in any order: `sum e + spread(k - 1) sum (|x| + e)`."""
    terms = x.value.shape[axis]
    per = np.array([together(p, 0, k) for k in range(terms)]).reshape(_along(x.value.ndim, axis, terms))
    value, size = x.value.cumsum(axis=axis), (abs(x.value) + x.error).cumsum(axis=axis)
    error = in_any_order(x.error.cumsum(axis=axis) + per * size + underflows(p, terms), value, size, p)
    return settled(value, error, np.isfinite(x.error).cumprod(axis=axis).astype(bool), p)


def _along(ndim: int, axis: int, size: int) -> tuple[int, ...]:
    return tuple(size if k == axis % ndim else 1 for k in range(ndim))


def landed(values: Array, places: Array, shape: tuple[int, ...]) -> Array:
    """Added up where several land in the same place; 0 where none does."""
    found = np.zeros(shape, dtype=values.dtype)
    np.add.at(found.reshape(-1), np.asarray(places), values)
    return found


def scattered(x: Parts, p: Precision, places: Array, shape: tuple[int, ...]) -> Parts:
    """In any order: `sum e + spread(k - 1) sum (|x| + e)`, k the number of terms that land there."""
    terms = landed(np.ones(x.value.shape), places, shape)
    per = np.array([together(p, 0, k) for k in range(int(terms.max(initial=0)) + 1)])
    per = per[np.maximum(terms.astype(int) - 1, 0)]
    size, several = landed(abs(x.value) + x.error, places, shape), terms > 1
    error = landed(x.error, places, shape) + np.where(several, per * size + underflows(p, 1) * terms, 0.0)
    value = landed(x.value, places, shape)
    error = in_any_order(error, value, size, p)
    return settled(value, error, np.isfinite(landed(x.error, places, shape)), p)


def total(*more: Any) -> Parts:
    """Of several arrays of one shape, then the precision: added up in any order, `sum e + spread(k - 1) sum (|x| + e)`."""
    *terms, p = more
    value, error, size = (
        np.sum(column, axis=0)
        for column in zip(*((x.value, x.error, abs(x.value) + x.error) for x in terms), strict=True)
    )
    error = in_any_order(error + together(p, 0, len(terms) - 1) * size + underflows(p, len(terms)), value, size, p)
    return settled(value, error, np.isfinite(error), p)
