"""`tinygrad`: Tensor.cross_entropy, its gradients by Tensor.gradient. The only door to tinygrad.

Samples in rows, theta (L, d), the mean over samples. It runs on the device that DEV names, by default on PYTHON, tinygrad's own
interpreter, since its CPU device wants a clang beside it; the graphs and their gradients are the same.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DEV", "PYTHON")  # tinygrad chooses once, when it is first used
os.environ.setdefault("PARALLEL", "0")  # no pool of compilers: it may wait for ever for a process that has ended

from tinygrad import Tensor

from gradcheck.implementations.adapter import require_fits
from gradcheck.implementations.record import Implementation, Layout, NotPosed
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.told import keyword_only

Array = NDArray[Any]
DEVICE = os.environ["DEV"]
MOST = 512  # what the interpreter gets through in a second


def _tensor(array: Array) -> Tensor:
    if array.size > MOST and DEVICE == "PYTHON":
        raise NotPosed("tinygrad's interpreter takes minutes for large arrays; set DEV=CPU where clang is installed")
    return Tensor(np.ascontiguousarray(array))


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(n, L)"""
    return np.asarray(_tensor(X.astype(theta.dtype)).linear(_tensor(theta).transpose(), _tensor(b)).numpy())


def softmax(Z: Array) -> Array:
    """(n, L)"""
    return np.asarray(_tensor(Z).softmax().numpy())


def from_tinygrad(loss: Callable[..., Tensor], *, name: str, **declared: Any) -> Implementation:
    """The mean `loss(Z, Y)` of logits, and the gradients of it. Options that it takes are keyword-only, and varied."""

    def posed(theta: Array, b: Array, X: Array, Y: Array, **options: Any) -> tuple[Tensor, ...]:
        """The loss, and theta, b, X and Z, of which it is a function."""
        if np.isneginf(b).any():
            raise NotPosed("cross_entropy multiplies every logarithm with its label, and so declines logits of -inf")
        labels = Y if Y.ndim == 1 else Y.astype(theta.dtype)
        weights, bias, data, given = map(_tensor, (theta, b, X.astype(theta.dtype), labels))
        Z = data.linear(weights.transpose(), bias)
        weighed = {key: _tensor(each) if isinstance(each, np.ndarray) else each for key, each in options.items()}
        return loss(Z, given, **weighed), weights, bias, data, Z

    def value(theta: Array, b: Array, X: Array, Y: Array, **options: Any) -> Array:
        """The mean."""
        return np.asarray(posed(theta, b, X, Y, **options)[0].numpy())

    def gradients(theta: Array, b: Array, X: Array, Y: Array, **options: Any) -> dict[str, Array]:
        """theta (L, d), b (L,), X (n, d), Z (n, L)."""
        return upstream(theta, b, X, Y, np.ones((), theta.dtype), **options)

    def upstream(theta: Array, b: Array, X: Array, Y: Array, c: Array, **options: Any) -> dict[str, Array]:
        """The same of c times the loss."""
        result, *variables = posed(theta, b, X, Y, **options)
        require_fits(c, result.ndim)
        found = result.gradient(*variables, gradient=_tensor(np.array(c)).cast(result.dtype).expand(result.shape))
        Tensor.realize(*found)  # as one schedule, which takes a third of the time of four
        return {key: np.asarray(each.numpy()) for key, each in zip(("theta", "b", "X", "Z"), found, strict=True)}

    takes = Takes(tuple(keyword_only(loss)), compiles=True)
    given = {"dtypes": ("float64", "float32"), "layout": Layout(samples="rows"), **declared}
    return Implementation(name, gradients, value, logits, softmax, takes=takes, uses={"upstream": upstream}, **given)


implementation = from_tinygrad(lambda Z, Y: Z.cross_entropy(Y), name="tinygrad")
