"""`numpy`: the same model as a careful user would write it, in any floating dtype. Shares no code with gradcheck.model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.implementations.record import Implementation

Array = NDArray[Any]


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(L, n)"""
    dtype = theta.dtype
    return (np.dot(theta, X.astype(dtype)) + b).astype(dtype)


def softmax(Z: Array) -> Array:
    """(L, n), each column its own maximum subtracted."""
    e = np.exp(Z - np.max(Z, axis=0))
    return (e / np.sum(e, axis=0)).astype(Z.dtype)


def log_softmax(Z: Array) -> Array:
    """(L, n); the maximum is never added to what is left, so that a common offset costs nothing."""
    shifted = Z - np.max(Z, axis=0)
    return (shifted - np.log(np.sum(np.exp(shifted), axis=0))).astype(Z.dtype)


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """Mean cross-entropy."""
    log_A = log_softmax(logits(theta, b, X))
    picked = np.multiply(Y, log_A, where=Y > 0, out=np.zeros_like(log_A))
    return float(-np.sum(picked)) / X.shape[1]


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L, 1), Z (L, n), X (d, n)."""
    dtype = theta.dtype
    A, labels = softmax(logits(theta, b, X)), Y.astype(dtype)
    n = np.array(X.shape[1]).astype(dtype)
    residual = (A * labels.sum(axis=0) - labels).astype(dtype)
    return {
        "theta": (np.dot(residual, X.astype(dtype).T) / n).astype(dtype),
        "b": (residual.sum(axis=1, keepdims=True) / n).astype(dtype),
        "Z": (residual / n).astype(dtype),
        "X": (np.dot(theta.T, residual) / n).astype(dtype),
    }


def softmax_jacobian(z: Array) -> Array:
    """(L, L)"""
    a = softmax(z.reshape(-1, 1)).ravel()
    J = -np.outer(a, a)
    J[np.diag_indices_from(J)] = a * (1 - a)
    return J.astype(z.dtype)


implementation = Implementation("numpy", gradients, loss, logits, softmax, softmax_jacobian, threads=True)
