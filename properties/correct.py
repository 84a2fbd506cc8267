"""Correct code that needs a grant, one function a grant: all of it agrees, and test_grants.py shows who disagrees without it."""

import numpy as np

from benchmarks.algorithms.gradients import JACOBIANS
from benchmarks.algorithms.online import SOFTMAXES
from gradcheck import Arithmetic, Implementation, model


def rest(theta, b, X, Y):
    """∂ℒ/∂Z at the label as minus the sum of the others, added up in order; for labels that are one-hot."""
    Z = theta @ X + b
    P = np.exp(Z - Z.max(axis=0))
    A, n = P / P.sum(axis=0), theta.dtype.type(X.shape[1])
    if not ((Y == 0) | (Y == 1)).all():
        return {"Z": (A - Y) / n}
    A = np.where(Y > 0, 0, A)
    return {"Z": np.where(Y > 0, -np.add.accumulate(A, axis=0)[-1], A) / n}


def on_the_diagonal(z):
    """The Jacobian's diagonal as minus the sum of the others in its row."""
    return JACOBIANS.stages["rest_on_the_diagonal"].function(model.softmax(z[:, np.newaxis])[:, 0])


def autocast(theta, b, X, Y):
    """Operands and results of each product written down in float16, sums in the precision of the arrays."""

    def written(array):
        return array.astype(np.float16).astype(theta.dtype)

    Z = written(written(theta) @ written(X) + b)
    P = np.exp(Z - Z.max(axis=0))
    D = written((P / P.sum(axis=0) - Y) / theta.dtype.type(X.shape[1]))
    return {"theta": written(D @ written(X).T), "b": written(D.sum(axis=1, keepdims=True)), "Z": D}


def in_pieces(theta, b, X, Y):
    """∂ℒ/∂θ added over pieces of one sample each, in order."""
    Z = theta @ X + b
    P = np.exp(Z - Z.max(axis=0))
    D = (P / P.sum(axis=0) - Y) / theta.dtype.type(X.shape[1])
    G = np.zeros_like(theta)
    for i in range(X.shape[1]):
        G = G + D[:, [i]] @ X[:, [i]].T
    return {"theta": G}


class Atomic:
    """Sums in an order that is another at each call."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def gradients(self, theta, b, X, Y):
        Z = theta @ X + b
        P = np.exp(Z - Z.max(axis=0))
        D = (P / P.sum(axis=0) - Y) / theta.dtype.type(X.shape[1])
        G = np.zeros_like(theta)
        for i in self.random.permutation(X.shape[1]):
            G = G + D[:, [i]] @ X[:, [i]].T
        return {"theta": G}


def code(name, *, arithmetic=None, **functions):
    return Implementation(name, **functions, dtypes=("float64", "float32"), arithmetic=arithmetic or Arithmetic())


CORRECT = {
    "halves": code("halves", softmax=SOFTMAXES.stages["merged_halves"].function),
    "one by one": code(
        "one by one", softmax=SOFTMAXES.stages["logaddexp_reduce"].function, arithmetic=Arithmetic(merged="L")
    ),
    "prescaled": code("prescaled", softmax=SOFTMAXES.stages["exp2_prescaled"].function),
    "twice": code("twice", softmax=SOFTMAXES.stages["double"].function),
    "online": code("online", softmax=SOFTMAXES.stages["online_1"].function),
    "rest": code("rest", gradients=rest),
    "on the diagonal": code("on the diagonal", softmax_jacobian=on_the_diagonal),
    "autocast": code("autocast", gradients=autocast, arithmetic=Arithmetic(stored="float16")),
    "in pieces": code("in pieces", gradients=in_pieces, arithmetic=Arithmetic(pieces=100)),
    "atomic": code("atomic", gradients=Atomic().gradients, arithmetic=Arithmetic(deterministic=False)),
}
