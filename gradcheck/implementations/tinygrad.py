"""`tinygrad`: Tensor.cross_entropy, its gradients by Tensor.gradient. The only door to tinygrad.

Samples in rows, theta (L, d), the mean over samples. It runs on the device that DEV names, by default on PYTHON, tinygrad's own
interpreter, since its CPU device wants a clang beside it; the graphs and their gradients are the same.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DEV", "PYTHON")  # tinygrad chooses once, when it is first used
os.environ.setdefault("PARALLEL", "0")  # no pool of compilers: it may wait for ever for a process that has ended

from tinygrad import Tensor

from gradcheck.implementations.record import Implementation, Layout, NotPosed

Array = NDArray[Any]
DEVICE = os.environ["DEV"]
MOST = 512  # what the interpreter gets through in a second


def _tensor(array: Array) -> Tensor:
    if array.size > MOST and DEVICE == "PYTHON":
        raise NotPosed("tinygrad's interpreter takes minutes for large arrays; set DEV=CPU where clang is installed")
    return Tensor(np.ascontiguousarray(array))


def _posed(theta: Array, b: Array, X: Array, Y: Array) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss, and theta, b and Z, of which it is a function."""
    if np.isneginf(b).any():
        raise NotPosed("cross_entropy multiplies every logarithm with its label, and so declines logits of -inf")
    weights, bias, data, labels = map(_tensor, (theta, b, X.astype(theta.dtype), Y.astype(theta.dtype)))
    Z = data.linear(weights.transpose(), bias)
    return Z.cross_entropy(labels), weights, bias, Z


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(n, L)"""
    return np.asarray(_tensor(X.astype(theta.dtype)).linear(_tensor(theta).transpose(), _tensor(b)).numpy())


def softmax(Z: Array) -> Array:
    """(n, L)"""
    return np.asarray(_tensor(Z).softmax().numpy())


def loss(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """The mean over samples."""
    return np.asarray(_posed(theta, b, X, Y)[0].numpy())


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L,), Z (n, L)."""
    value, *variables = _posed(theta, b, X, Y)
    found = value.gradient(*variables)
    Tensor.realize(*found)  # as one schedule, which takes a third of the time of three
    return {key: np.asarray(each.numpy()) for key, each in zip(("theta", "b", "Z"), found, strict=True)}


implementation = Implementation(
    "tinygrad", gradients, loss, logits, softmax, dtypes=("float64", "float32"), layout=Layout(samples="rows")
)
