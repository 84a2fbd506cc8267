"""`scipy`: scipy.special's softmax and log_softmax, and the closed form of the gradient on top of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax

from gradcheck.implementations.record import Implementation

Array = NDArray[Any]


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(L, n)"""
    return theta @ X.astype(theta.dtype) + b


def softmax(Z: Array) -> Array:
    """(L, n)"""
    return np.asarray(scipy_softmax(Z, axis=0))


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """Mean cross-entropy, from log_softmax."""
    log_A = log_softmax(logits(theta, b, X), axis=0)
    return float(-np.where(Y > 0, Y * np.where(Y > 0, log_A, 0), 0).sum() / X.shape[1])


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L, 1), Z (L, n)."""
    data, labels = X.astype(theta.dtype), Y.astype(theta.dtype)
    D = (softmax(logits(theta, b, data)) * labels.sum(axis=0) - labels) / theta.dtype.type(X.shape[1])
    return {"theta": D @ data.T, "b": D.sum(axis=1, keepdims=True), "Z": D}


def softmax_jacobian(z: Array) -> Array:
    """(L, L)"""
    a = scipy_softmax(z)
    return np.asarray(np.diag(a) - np.outer(a, a))


implementation = Implementation(
    "scipy", gradients, loss, logits, softmax, softmax_jacobian, dtypes=("float64", "float32"), threads=True
)
