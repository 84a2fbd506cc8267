"""D, the sums over samples that are made of it, and the Jacobian."""

import numpy as np

from benchmarks.algorithms.stage import Array, Table, number
from benchmarks.algorithms.sums import in_order

RESIDUALS = Table({})  # (A, Y, n as a number) to D = (A mass - Y)/n
JACOBIANS = Table({})  # a (L,) to (L, L)


def mass(Y: Array) -> Array:
    return Y.sum(axis=0, dtype=Y.dtype)


@RESIDUALS.enter("(A - Y)/n")
def quotient(A: Array, Y: Array, n: Array) -> Array:
    return (A * mass(Y) - Y) / n


@RESIDUALS.enter("A/n - Y/n")
def apart(A: Array, Y: Array, n: Array) -> Array:
    return A * mass(Y) / n - Y / n


@RESIDUALS.enter("(A - Y) times 1/n")
def reciprocal(A: Array, Y: Array, n: Array) -> Array:
    return (A * mass(Y) - Y) * (number(1, A) / n)


@RESIDUALS.enter("A times mass/n, minus Y/n")
def weights(A: Array, Y: Array, n: Array) -> Array:
    return A * (mass(Y) / n) - Y / n


@RESIDUALS.enter("g - A Σg with g = -Y/n, as automatic differentiation does")
def backward(A: Array, Y: Array, n: Array) -> Array:
    g = -Y / n
    return g - A * mass(g)


@RESIDUALS.enter("minus Y/n, to which A/n is added sample by sample in place")
def scattered(A: Array, Y: Array, n: Array) -> Array:
    D = -(Y * (number(1, A) / n))
    D += A * mass(Y) / n
    return D


@RESIDUALS.enter("at the label minus the sum of the others, and the columns sum to 0", "rest")
def rest_at_the_label(A: Array, Y: Array, n: Array) -> Array:
    if not ((Y == 0).sum(axis=0) == len(Y) - 1).all() or not (Y.max(axis=0) == 1).all():
        return quotient(A, Y, n)
    label, sample = Y.argmax(axis=0), np.arange(Y.shape[1])
    D = A.copy()
    D[label, sample] = 0
    D[label, sample] = -in_order(D)
    return D / n


def with_diagonal(off: Array, diagonal: Array) -> Array:
    off[np.diag_indices_from(off)] = diagonal
    return off


@JACOBIANS.enter("diag(a) minus the outer product")
def outer(a: Array) -> Array:
    return np.diag(a) - np.multiply.outer(a, a)


@JACOBIANS.enter("-a_l a_k, and a (1 - a) on the diagonal")
def elementwise(a: Array) -> Array:
    return with_diagonal(-np.multiply.outer(a, a), a * (number(1, a) - a))


@JACOBIANS.enter("a_l (δ_lk - a_k)")
def kronecker(a: Array) -> Array:
    return a[:, np.newaxis] * (np.eye(len(a), dtype=a.dtype) - a)


@JACOBIANS.enter("the diagonal as minus the sum of the others", "rest")
def rest_on_the_diagonal(a: Array) -> Array:
    off = -np.multiply.outer(a, a)
    return with_diagonal(off, -in_order(with_diagonal(off.copy(), np.zeros_like(a))))


REDUCTIONS = Table({})  # (n as a number -> D, X, n, product, total) to the three gradients


def gradients(D: Array, theta: Array, b: Array) -> dict[str, Array]:
    return {"Z": D, "theta": theta, "b": b.reshape(-1, 1)}


@REDUCTIONS.enter("the mean first")
def mean_first(D, X, n, product, total):
    found = D(n)
    return gradients(found, product(found, X.T), total(found.T))


@REDUCTIONS.enter("the mean last")
def mean_last(D, X, n, product, total):
    found = D(number(1, n))
    return gradients(found / n, product(found, X.T) / n, total(found.T) / n)


@REDUCTIONS.enter("the mean of the data")
def mean_of_data(D, X, n, product, total):
    found = D(number(1, n))
    return gradients(found / n, product(found, (X / n).T), total((found / n).T))


@REDUCTIONS.enter("the bias as the weight of a feature that is 1")
def bias_as_weight(D, X, n, product, total):
    found = D(n)
    both = product(found, np.concatenate([X, np.ones_like(X[:1])]).T)
    return gradients(found, both[:, :-1], both[:, -1])


@REDUCTIONS.enter("in microbatches of 5, accumulated")
def microbatches(D, X, n, product, total):
    found = D(n)
    parts = [slice(i, i + 5) for i in range(0, X.shape[1], 5)]
    theta = in_order(np.stack([product(found[:, part], X[:, part].T) for part in parts]))
    return gradients(found, theta, in_order(np.stack([total(found[:, part].T) for part in parts])))


@REDUCTIONS.enter("in microbatches of 3 without the mean, which is taken of their sums")
def microbatches_mean_last(D, X, n, product, total):
    found = D(number(1, n))
    parts = [slice(i, i + 3) for i in range(0, X.shape[1], 3)]
    theta = in_order(np.stack([product(found[:, part], X[:, part].T) for part in parts]))
    return gradients(found / n, theta / n, in_order(np.stack([total(found[:, part].T) for part in parts])) / n)
