"""Products along the last axis, in any order, and what flows back through one: by the other factors, or by a quotient."""

from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import ETA64, U64, outward
from gradcheck.precision import Precision
from gradcheck.readings.running.arithmetic import product
from gradcheck.readings.running.parts import Parts, floored, settled


def product_of(x: Parts, p: Precision) -> Parts:
    """`sum_i e_i prod_(j != i) (|x_j| + e_j) + spread(k - 1) prod (|x| + e)`, of k factors.

    A partial product that underflows is multiplied by what is left: `(k - 1) eta prod max(1, |x| + e)`. Where one may overflow
    nothing is known.
    """
    k = x.value.shape[-1]
    return _known(x, k - 1, _whole(x, p), p)


def rest(g: Parts, x: Parts, p: Precision) -> Parts:
    """g times the product of the other factors, or g times the product of all over the factor, in any order.

    A quotient makes more of what underflows before it: `(k + 1) eta prod max(1, |x| + e)/(|x_i| - e_i)`, and of g times it.
    """
    k, reach, whole = x.value.shape[-1], _reach(x)[..., np.newaxis], _whole(x, p)[..., np.newaxis]
    found = product(g, _others(x, p), p)
    apart, size = abs(x.value) - x.error, abs(g.value) + g.error
    lost = ((k + 1) * reach * size + 1) * (p.least + ETA64) / np.where(apart > 0, apart, 1.0)
    lost = np.where((apart > 0) & ~whole, outward(lost, 8), 0.0)
    over = ~(reach * np.maximum(size, 1.0) <= p.huge)
    return floored(Parts(found.value, np.where(over, np.inf, found.error + lost)))


def _others(x: Parts, p: Precision) -> Parts:
    whole = _whole(x, p)
    found = [_other(x, i, whole, p) for i in range(x.value.shape[-1])]
    return Parts(*(np.stack(column, axis=-1) for column in zip(*found, strict=True))) if found else x


def _other(x: Parts, i: int, whole: Any, p: Precision) -> Parts:
    rest = Parts(np.delete(x.value, i, axis=-1), np.delete(x.error, i, axis=-1))
    return _known(rest, rest.value.shape[-1] + 2, whole, p)


def _whole(x: Parts, p: Precision) -> Any:
    """Of factors 0, 1 and -1 nothing is rounded, by a quotient neither."""
    return (x.error == 0).all(axis=-1) & np.isin(abs(x.value), (0.0, 1.0)).all(axis=-1) & p.plain


def _reach(x: Parts) -> Any:
    """No partial product is larger."""
    return np.maximum(1.0, abs(x.value) + x.error).prod(axis=-1)


def _moved(x: Parts) -> Any:
    """What the errors of factors come to: `prod (|x| + e) - prod |x|`, factor by factor."""
    shape = x.value.shape[:-1]
    moved, size = np.zeros(shape), np.ones(shape)
    for k in range(x.value.shape[-1]):
        value, error = abs(x.value[..., k]), x.error[..., k]
        moved = moved * (value + error) + size * error
        size = size * value
    return moved


def _known(x: Parts, roundings: int, whole: Any, p: Precision) -> Parts:
    """Where a partial product may overflow it may be infinite, and NaN times 0, though the product is neither."""
    value, moved, times = x.value.prod(axis=-1), _moved(x), max(roundings, 0)
    own = 1 + 4 * (x.value.shape[-1] + 1) * U64
    reach = _reach(x) * own
    error = moved + bounds.spread(times, p.unit + U64) * (abs(value) + moved) + times * (p.least + ETA64) * reach
    within = (reach <= p.huge) & np.isfinite(x.error).all(axis=-1)  # never with NaN
    zero = ((x.value == 0) & (x.error == 0)).any(axis=-1)
    return settled(np.asarray(value), np.asarray(np.where(zero | whole, 0.0, error * own)), within, p)
