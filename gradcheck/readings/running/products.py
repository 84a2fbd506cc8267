"""Products along the last axis, in any order, and what flows back through one: by the other factors, or by a quotient."""

from typing import Any, NamedTuple

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
    every = Before(*(part[..., -1] for part in _before(x)))
    return _settled(every._replace(zero=every.zero | _whole(x, p)), x.value.shape[-1] - 1, p)


def rest(g: Parts, x: Parts, p: Precision) -> Parts:
    """g times the product of the other factors, or g times the product of all over the factor, in any order.

    What underflows is multiplied by what is left, `k eta prod max(1, |x| + e)`, and of g times some of them, too; a quotient makes
    more of that: over `|x_i| - e_i`.
    """
    k, reach, whole = x.value.shape[-1], _reach(x)[..., np.newaxis], _whole(x, p)[..., np.newaxis]
    found = product(g, _others(x, p), p)
    apart, size = abs(x.value) - x.error, abs(g.value) + g.error
    lost = ((k + 1) * reach * (size + 1)) * (p.least + ETA64) / np.where(apart > 0, np.minimum(apart, 1.0), 1.0)
    over = ~(reach * np.maximum(size, 1.0) <= p.huge)
    error = found.error + np.where(whole, 0.0, outward(lost, 8))
    return floored(Parts(found.value, np.where(over, np.inf, error)))


class Before(NamedTuple):
    """Of each factor what those before it come to: their product, what errors make of that, and how far a part of it reaches."""

    value: Any
    moved: Any
    reach: Any
    zero: Any
    known: Any


def _before(x: Parts) -> Before:
    """For each factor, and for what would come after the last."""
    shape = x.value.shape[:-1]
    value, moved, reach = np.ones(shape), np.zeros(shape), np.ones(shape)
    zero, known = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
    rows: list[tuple[Any, ...]] = [(value, moved, reach, zero, known)]
    for k in range(x.value.shape[-1]):
        one, error = x.value[..., k], x.error[..., k]
        moved = moved * (abs(one) + error) + abs(value) * error
        value, reach = value * one, reach * np.maximum(1.0, abs(one) + error)
        zero, known = zero | ((one == 0) & (error == 0)), known & np.isfinite(error)
        rows.append((value, moved, reach, zero, known))
    return Before(*(np.stack(column, axis=-1) for column in zip(*rows, strict=True)))


def _others(x: Parts, p: Precision) -> Parts:
    """Of each factor the product of the others: of those before it and those after it, with two roundings more."""
    one = Before(*(part[..., :-1] for part in _before(x)))
    back = _before(Parts(x.value[..., ::-1], x.error[..., ::-1]))
    other = Before(*(part[..., -2::-1] for part in back))
    value, reach = one.value * other.value, one.reach * other.reach
    moved = abs(one.value) * other.moved + one.moved * abs(other.value) + one.moved * other.moved
    exact = _whole(x, p)[..., np.newaxis] | one.zero | other.zero
    return _settled(Before(value, moved, reach, exact, one.known & other.known), x.value.shape[-1] + 1, p)


def _whole(x: Parts, p: Precision) -> Any:
    """Of factors 0, 1 and -1 nothing is rounded, by a quotient neither."""
    return (x.error == 0).all(axis=-1) & np.isin(abs(x.value), (0.0, 1.0)).all(axis=-1) & p.plain


def _reach(x: Parts) -> Any:
    """No partial product is larger."""
    return np.maximum(1.0, abs(x.value) + x.error).prod(axis=-1)


def _settled(of: Before, roundings: int, p: Precision) -> Parts:
    """Where a partial product may overflow it may be infinite, and NaN times 0, though the product is neither."""
    times, own = max(roundings, 0), 1 + 8 * (max(roundings, 0) + 2) * U64
    reach = of.reach * own
    error = of.moved + bounds.spread(times, p.unit + U64) * (abs(of.value) + of.moved)
    error = (error + times * (p.least + ETA64) * reach) * own
    within = (reach <= p.huge) & of.known  # never with NaN
    return settled(np.asarray(of.value), np.asarray(np.where(of.zero, 0.0, error)), within, p)
