"""Products along the last axis."""

from functools import reduce
from itertools import accumulate
from operator import mul
from typing import Any

import flint
import numpy as np

from gradcheck.law.functions import Array, Values
from gradcheck.readings.balls import Balls
from gradcheck.readings.places import axis_of, places
from gradcheck.readings.primitives.arithmetic import MULTIPLY
from gradcheck.readings.primitives.moving import CONCATENATE, PICK, RESHAPE, taken
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running import products


def _rest(g: Array, a: Array) -> Array:
    """By the products of those before, and of those after."""
    one = np.ones((*a.shape[:-1], 1), dtype=a.dtype)
    before = np.cumprod(np.concatenate([one, a[..., :-1]], axis=-1), axis=-1, dtype=a.dtype)
    after = np.cumprod(np.concatenate([one, a[..., :0:-1]], axis=-1), axis=-1, dtype=a.dtype)[..., ::-1]
    return np.asarray(g * (before * after)) if a.shape[-1] else a


def _balls(g: Balls, a: Balls) -> Balls:
    k = a.shape[-1]
    entries: list[Any] = []
    for row in range(len(a.entries) // k if k else 0):
        factors = a.entries[row * k : (row + 1) * k]
        before = accumulate(factors[:-1], mul, initial=flint.arb(1))
        after = list(accumulate(factors[:0:-1], mul, initial=flint.arb(1)))[::-1]
        entries += [one * other * g.entries[row % len(g.entries)] for one, other in zip(before, after, strict=True)]
    return Balls(entries, a.shape)


# What flows back through a product: g, with an axis of length 1 for that of the factors, times all the other factors.
REST = Primitive("rest", _rest, (), products.rest, _balls, each=False)


def _series(x: Any) -> Any:
    """One factor after the other."""
    shape = x.shape[:-1]
    columns = [RESHAPE(taken(x, [k], -1), shape=shape) for k in range(x.shape[-1])]
    return reduce(MULTIPLY, columns) if columns else np.ones(shape)


PROD = Primitive(
    "prod",
    lambda a: a.prod(axis=-1, dtype=a.dtype),
    (lambda g, y, a: REST(RESHAPE(g, shape=(*y.shape, 1)), a),),
    products.product_of,
    lambda x: x.gathered(lambda entries: reduce(mul, entries, flint.arb(1)), -1, False),
    each=False,
    series=_series,
)


def product(x: Values, axis: Any = None, keepdims: bool = False) -> Values:
    """Along any axes."""
    shape = tuple(x.shape)
    axes = tuple(range(len(shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(axis_of(k, len(shape)) for k in axes)
    others = [k for k in range(len(shape)) if k not in axes]
    standing = places(shape).transpose(*others, *axes).reshape(*(shape[k] for k in others), -1)
    found = PROD(PICK(x, places=standing))
    return RESHAPE(found, shape=tuple(1 if k in axes else size for k, size in enumerate(shape))) if keepdims else found


def running_product(x: Values, axis: int) -> Values:
    """Each of all up to there, multiplied in any order."""
    parts = [product(taken(x, range(k + 1), axis), axis, True) for k in range(x.shape[axis])]
    return CONCATENATE(*parts, axis=axis) if parts else x
