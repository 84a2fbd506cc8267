"""Sums, differences, products, quotients, matrix products."""

import operator

import flint
import numpy as np

from gradcheck.law.functions import Values
from gradcheck.readings.primitives.moving import RESHAPE, swapped
from gradcheck.readings.primitives.products import matrix_product
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running import arithmetic

ADD = Primitive(
    "add",
    operator.add,
    (lambda g, y, a, b: g, lambda g, y, a, b: g),
    arithmetic.summed(np.add),  # (e + e') + u (|y| + e + e')
    operator.add,
    same=(operator.add, np.add),
)
SUBTRACT = Primitive(
    "subtract",
    operator.sub,
    (lambda g, y, a, b: g, lambda g, y, a, b: -g),
    arithmetic.summed(np.subtract),
    operator.sub,
    same=(operator.sub, np.subtract),
)
MULTIPLY = Primitive(
    "multiply",
    operator.mul,
    (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    arithmetic.product,  # |a| e' + |b| e + e e', and one rounding
    operator.mul,
    same=(operator.mul, np.multiply),
)
SLOPE = Primitive(  # of a quotient y = a/b in b, times g; the three in any order
    "slope",
    lambda g, y, b: -(g * y) / b,
    (),
    arithmetic.slope,
    lambda g, y, b: -(g * y) / b,
    each=False,
    real=True,
)
DIVIDE = Primitive(
    "divide",
    operator.truediv,
    (lambda g, y, a, b: g / b, lambda g, y, a, b: SLOPE(g, y, b)),
    arithmetic.quotient,  # (e + |y| e')/(|b| - e'), and one rounding, or two
    operator.truediv,
    real=True,
    same=(operator.truediv, np.true_divide),
)
NEGATIVE = Primitive(
    "negative",
    operator.neg,
    (lambda g, y, a: -g,),
    arithmetic.same_size(np.negative),
    flint.arb.__neg__,
    same=(operator.neg, np.negative),
)


def _left(g: Values, y: Values, a: Values, b: Values) -> Values:
    return g @ swapped(b)


def _right(g: Values, y: Values, a: Values, b: Values) -> Values:
    return swapped(a) @ g


MATMUL = Primitive(
    "matmul",
    operator.matmul,
    (_left, _right),
    arithmetic.matrix_product,  # |a| e' + e |b| + e e' + spread(k) (|a| + e)(|b| + e'), in any order
    matrix_product,
    each=False,
    series=lambda x, y: x.product(y),
    same=(operator.matmul, np.matmul),
)


def product(a: Values, b: Values) -> Values:
    """A matrix product, also of vectors: rows on the left, columns on the right."""
    if a.ndim > 1 and b.ndim > 1:
        return MATMUL(a, b)
    x = RESHAPE(a, shape=(1, *a.shape)) if a.ndim == 1 else a
    y = RESHAPE(b, shape=(*b.shape, 1)) if b.ndim == 1 else b
    found = MATMUL(x, y)
    lead = found.shape[: len(found.shape) - 2]
    kept = (*lead, *(found.shape[-2:-1] if a.ndim > 1 else ()), *(found.shape[-1:] if b.ndim > 1 else ()))
    return RESHAPE(found, shape=kept)
