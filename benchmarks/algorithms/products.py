"""Matrix products, (L, k) and (k, n) to (L, n), rounded to the dtype of the first."""

from collections.abc import Callable

import numpy as np

from benchmarks.algorithms.stage import Array, Table, wide
from benchmarks.algorithms.sums import SUMS, in_order

PRODUCTS = Table({})


@PRODUCTS.enter("np.dot")
def dot(P: Array, Q: Array) -> Array:
    return np.dot(P, Q).astype(P.dtype)


@PRODUCTS.enter("np.einsum, of float32 where the dtype is bfloat16")
def einsum(P: Array, Q: Array) -> Array:
    known = P.dtype if P.dtype.kind == "f" else np.dtype(np.float32)
    return np.einsum("lk,kn->ln", P.astype(known), Q.astype(known)).astype(P.dtype)


@PRODUCTS.enter("np.matmul of the transposes")
def transposed(P: Array, Q: Array) -> Array:
    return np.matmul(np.ascontiguousarray(Q.T), np.ascontiguousarray(P.T)).T.astype(P.dtype)


@PRODUCTS.enter("outer products accumulated in place")
def outer_products(P: Array, Q: Array) -> Array:
    total = np.zeros((len(P), Q.shape[1]), P.dtype)
    for k in range(len(Q)):
        total += np.multiply.outer(P[:, k], Q[k])
    return total


@PRODUCTS.enter("tiles of 2 by 2 by 3")
def tiled(P: Array, Q: Array) -> Array:
    total = np.zeros((len(P), Q.shape[1]), P.dtype)
    for rows in (slice(l, l + 2) for l in range(0, len(P), 2)):
        for k in range(0, len(Q), 3):
            total[rows] += in_order(P[rows].T[k : k + 3, :, np.newaxis] * Q[k : k + 3, np.newaxis])
    return total


@PRODUCTS.enter("fused: every product and addition in a wider format, rounded once")
def fused(P: Array, Q: Array) -> Array:
    total = np.zeros((len(P), Q.shape[1]), P.dtype)
    for k in range(len(Q)):
        total = (np.multiply.outer(wide(P[:, k]), wide(Q[k])) + wide(total)).astype(P.dtype)
    return total


@PRODUCTS.enter("all of it in a wider format, rounded once")
def inside_wide(P: Array, Q: Array) -> Array:
    return (wide(P) @ wide(Q)).astype(P.dtype)


@PRODUCTS.enter("16-bit numbers in float32, rounded once; others in two halves of k")
def tensor_core(P: Array, Q: Array) -> Array:
    if P.dtype.itemsize == 2:
        return (P.astype(np.float32) @ Q.astype(np.float32)).astype(P.dtype)
    half = (len(Q) + 1) // 2
    return P[:, :half] @ Q[:half] + P[:, half:] @ Q[half:]


def summed_by(total: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """Every product rounded, and the terms of each entry summed in that way."""

    def product(P: Array, Q: Array) -> Array:
        return total(P.T[:, :, np.newaxis] * Q[:, np.newaxis, :])

    return product


for name, stage in SUMS.stages.items():
    PRODUCTS.enter(f"rounded products, summed {stage.what}", name=f"{name}_sum")(summed_by(stage.function))
