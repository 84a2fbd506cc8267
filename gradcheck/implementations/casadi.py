"""`casadi`: casadi.logsumexp, its gradients by casadi.gradient. The only door to CasADi.

CasADi differentiates expressions: one function is made for each shape, of one sample, and mapped over the columns of X and Y.
"""

from functools import cache
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from gradcheck.implementations.record import Implementation, NotPosed

Array = NDArray[Any]


@cache
def _functions(L: int, d: int, n: int) -> tuple[Any, Any]:
    """The loss of (theta, b, X, Y), and its gradients with respect to theta, b and Z."""
    z, y = ca.MX.sym("z", L), ca.MX.sym("y", L)
    one = ca.Function("one", [z, y], [ca.sum1(y) * ca.logsumexp(z) - ca.dot(y, z)]).map(n)
    theta, b, X, Y = ca.MX.sym("theta", L, d), ca.MX.sym("b", L), ca.MX.sym("X", d, n), ca.MX.sym("Y", L, n)
    Z = ca.MX.sym("Z", L, n)
    logits = ca.mtimes(theta, X) + ca.repmat(b, 1, n)
    of_logits = ca.sum2(one(Z, Y)) / n
    loss = ca.substitute(of_logits, Z, logits)
    found = [ca.gradient(loss, theta), ca.gradient(loss, b), ca.substitute(ca.gradient(of_logits, Z), Z, logits)]
    arguments = [theta, b, X, Y]
    return ca.Function("loss", arguments, [loss]), ca.Function("gradients", arguments, found)


def _called(k: int, theta: Array, b: Array, X: Array, Y: Array) -> Any:
    if np.isneginf(b).any():
        raise NotPosed("an expression with the product of Y and Z has no masked class")
    function = _functions(*theta.shape, X.shape[1])[k]
    return function(*(ca.DM(np.ascontiguousarray(array, np.float64)) for array in (theta, b, X, Y)))


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """The mean over samples."""
    return float(_called(0, theta, b, X, Y))


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L, 1), Z (L, n)."""
    return {key: each.full() for key, each in zip(("theta", "b", "Z"), _called(1, theta, b, X, Y), strict=True)}


implementation = Implementation("casadi", gradients, loss, dtypes=("float64",))
