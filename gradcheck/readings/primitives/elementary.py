"""Functions of each entry: their derivative, how far an error moves them, and a ball's."""

import flint
import numpy as np

from gradcheck.law.functions import Values
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running import elementary, moves

EXP = Primitive(
    "exp", np.exp, (lambda g, y, a: g * y,), elementary.exponential, flint.arb.exp, real=True, same=(np.exp,)
)
LOG = Primitive("log", np.log, (lambda g, y, a: g / a,), elementary.logarithm, flint.arb.log, real=True, same=(np.log,))
TANH = Primitive(
    "tanh",
    np.tanh,
    (lambda g, y, a: g * (1 - y * y),),
    elementary.hyperbolic_tangent,
    flint.arb.tanh,
    real=True,
    same=(np.tanh,),
)
EXPM1 = Primitive(
    "expm1",
    np.expm1,
    (lambda g, y, a: g * (y + 1),),
    elementary.elementary(np.expm1, moves.exp),  # e^a (e^e - 1)
    flint.arb.expm1,
    real=True,
    same=(np.expm1,),
)
LOG1P = Primitive(
    "log1p",
    np.log1p,
    (lambda g, y, a: g / (1 + a),),
    elementary.elementary(np.log1p, moves.log1p),  # e/(1 + a - e)
    flint.arb.log1p,
    real=True,
    same=(np.log1p,),
)
SQRT = Primitive(
    "sqrt",
    np.sqrt,
    (lambda g, y, a: g / (2 * y),),
    elementary.elementary(np.sqrt, moves.sqrt),  # e/(sqrt a + sqrt(a - e))
    flint.arb.sqrt,
    real=True,
    same=(np.sqrt,),
)


def _root(a: flint.arb) -> flint.arb:
    return a.sqrt() if a > 0 else flint.arb(0).union(a.upper().max(0).sqrt())


ROOT = Primitive(  # of a sum of squares
    "root",
    np.sqrt,
    (lambda g, y, a: g / (2 * y),),
    elementary.elementary(np.sqrt, moves.root),  # as sqrt, or sqrt(a + e) where that may be 0
    _root,
    real=True,
    series=SQRT,
)
SIN = Primitive(
    "sin",
    np.sin,
    (lambda g, y, a: g * COS(a),),
    elementary.elementary(np.sin, moves.bounded),  # e, at most 2
    flint.arb.sin,
    real=True,
    same=(np.sin,),
)
COS: Primitive = Primitive(
    "cos",
    np.cos,
    (lambda g, y, a: -g * SIN(a),),
    elementary.elementary(np.cos, moves.bounded),
    flint.arb.cos,
    real=True,
    same=(np.cos,),
)
ARCCOS = Primitive(
    "arccos",
    np.arccos,
    (lambda g, y, a: -g / SQRT(1 - a * a),),
    elementary.elementary(np.arccos, moves.arccos),  # e/sqrt(1 - (|a| + e)^2)
    flint.arb.acos,
    real=True,
    same=(np.arccos,),
)
ARCSIN = Primitive(
    "arcsin",
    np.arcsin,
    (lambda g, y, a: g / SQRT(1 - a * a),),
    elementary.elementary(np.arcsin, moves.arccos),  # as steep as arccos
    flint.arb.asin,
    real=True,
    same=(np.arcsin,),
)
ARCTAN = Primitive(
    "arctan",
    np.arctan,
    (lambda g, y, a: g / (1 + a * a),),
    elementary.elementary(np.arctan, moves.arctan),  # e/(1 + (|a| - e)^2), at most pi
    flint.arb.atan,
    real=True,
    same=(np.arctan,),
)
SINH = Primitive(
    "sinh",
    np.sinh,
    (lambda g, y, a: g * COSH(a),),
    elementary.elementary(np.sinh, moves.sinh),  # e cosh(|a| + e)
    flint.arb.sinh,
    real=True,
    same=(np.sinh,),
)
COSH: Primitive = Primitive(
    "cosh",
    np.cosh,
    (lambda g, y, a: g * SINH(a),),
    elementary.elementary(np.cosh, moves.cosh),  # e sinh(|a| + e)
    flint.arb.cosh,
    real=True,
    same=(np.cosh,),
)


def _sigmoid(a: Values) -> Values:
    """exp of what is not positive, so that nothing overflows."""
    small = np.exp(-abs(a))
    return np.where(a >= 0, 1 / (1 + small), small / (1 + small))


def _sigma(a: flint.arb) -> flint.arb:
    return a.exp() / (1 + a.exp()) if a < 0 else 1 / (1 + (-a).exp())


SIGMOID = Primitive(
    "sigmoid",
    _sigmoid,
    (lambda g, y, a: g * (y * (1 - y)),),
    elementary.logistic,  # min(e/4, y (e^e - 1)), exp, a sum and a quotient
    _sigma,
    real=True,
)
