"""`torch`: F.cross_entropy on the CPU, its gradients by autograd. The only door to PyTorch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradcheck.implementations.record import Implementation

Array = NDArray[Any]


def _tensor(array: Array) -> torch.Tensor:
    """from_numpy wants writable memory and positive strides; a copy has both."""
    plain = array.flags.writeable and all(stride > 0 for stride in array.strides)
    return torch.from_numpy(array if plain else array.copy())


def _labels(Y: Array, dtype: torch.dtype) -> torch.Tensor:
    """Class indices (n,) where every column is one-hot, otherwise a distribution over the classes (n, L)."""
    labels = _tensor(Y).T
    one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(dim=1) == 1).all()
    return labels.argmax(dim=1) if one_hot else labels.to(dtype)


def _logits(theta: torch.Tensor, b: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(X.T.to(theta.dtype), theta, b[:, 0])


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(L, n)"""
    return _logits(_tensor(theta), _tensor(b), _tensor(X)).T.numpy()


def softmax(Z: Array) -> Array:
    """(L, n)"""
    return torch.softmax(_tensor(Z), dim=0).numpy()


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """F.cross_entropy with the mean over samples."""
    Z = _logits(_tensor(theta), _tensor(b), _tensor(X))
    return float(torch.nn.functional.cross_entropy(Z, _labels(Y, Z.dtype)))


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L, 1), Z (L, n), by one backward pass."""
    weights, bias = _tensor(theta).detach().requires_grad_(), _tensor(b).detach().requires_grad_()
    Z = _logits(weights, bias, _tensor(X))
    value = torch.nn.functional.cross_entropy(Z, _labels(Y, Z.dtype))
    d_theta, d_b, d_Z = torch.autograd.grad(value, (weights, bias, Z))
    return {"theta": d_theta.numpy(), "b": d_b.numpy(), "Z": np.ascontiguousarray(d_Z.T.numpy())}


def softmax_jacobian(z: Array) -> Array:
    """(L, L)"""
    return torch.func.jacrev(lambda column: torch.softmax(column, dim=0))(_tensor(z)).numpy()


implementation = Implementation(
    "torch", gradients, loss, logits, softmax, softmax_jacobian, dtypes=("float64", "float32")
)
