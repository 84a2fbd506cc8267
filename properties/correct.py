"""Correct code that needs a grant: each exceeds the bound without it, and agrees with it. One function a grant."""

import numpy as np

from gradcheck import Arithmetic, Implementation


def halves(Z):
    """A log-sum-exp of two halves, merged: shards of a vocabulary."""
    cut = max(1, len(Z) // 2)
    parts = [m + np.log(np.exp(part - m).sum(axis=0)) for part in (Z[:cut], Z[cut:]) for m in [part.max(axis=0)]]
    return np.exp(Z - np.logaddexp(*parts)).astype(Z.dtype)


def one_by_one(Z):
    """Merged class by class: np.logaddexp.reduce."""
    return np.exp(Z - np.logaddexp.reduce(Z, axis=0)).astype(Z.dtype)


def prescaled(Z):
    """exp2 of logits times log2 e, before the maximum is subtracted."""
    S = Z * Z.dtype.type(np.log2(np.e))
    P = np.exp2(S - S.max(axis=0))
    return P / P.sum(axis=0)


def twice(Z):
    """The softmax of the log softmax."""
    for _ in range(2):
        Z = Z - Z.max(axis=0)
        Z = Z - np.log(np.exp(Z).sum(axis=0))
    return np.exp(Z)


def online(Z):
    """A running maximum and a sum that is rescaled, class by class."""
    m, s = Z[0], np.ones_like(Z[0])
    for z in Z[1:]:
        top = np.maximum(m, z)
        m, s = top, s * np.exp(m - top) + np.exp(z - top)
    return np.exp(Z - m) / s


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
    a = np.exp(z - z.max())
    a = a / a.sum()
    J = -np.multiply.outer(a, a)
    np.fill_diagonal(J, 0)
    np.fill_diagonal(J, -np.add.accumulate(J, axis=1)[:, -1])
    return J


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
    "halves": code("halves", softmax=halves),
    "one by one": code("one by one", softmax=one_by_one, arithmetic=Arithmetic(merged="L")),
    "prescaled": code("prescaled", softmax=prescaled),
    "twice": code("twice", softmax=twice),
    "online": code("online", softmax=online),
    "rest": code("rest", gradients=rest),
    "on the diagonal": code("on the diagonal", softmax_jacobian=on_the_diagonal),
    "autocast": code("autocast", gradients=autocast, arithmetic=Arithmetic(stored="float16")),
    "in pieces": code("in pieces", gradients=in_pieces, arithmetic=Arithmetic(pieces=100)),
    "atomic": code("atomic", gradients=Atomic().gradients, arithmetic=Arithmetic(deterministic=False)),
}
