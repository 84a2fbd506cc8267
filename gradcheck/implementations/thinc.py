"""`thinc`: a Softmax layer and CategoricalCrossentropy, whose get_grad the layer backpropagates. The only door to thinc.

Samples in rows, labels (n, L); its gradients are means over the samples.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from thinc.api import CategoricalCrossentropy, NumpyOps, Softmax

from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout

Array = NDArray[Any]


def _forward(theta: Array, b: Array, X: Array) -> tuple[Any, Array, Any]:
    """The layer, its probabilities, and its backward pass."""
    layer = Softmax(*theta.shape)
    layer.set_param("W", theta)
    layer.set_param("b", b)
    A, backprop = layer(X.astype(theta.dtype), is_train=True)
    return layer, A, backprop


def softmax(Z: Array) -> Array:
    """(n, L)"""
    return np.asarray(NumpyOps().softmax(Z))


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """What get_loss returns."""
    require_unit_mass(Y)
    return float(CategoricalCrossentropy().get_loss(_forward(theta, b, X)[1], Y.astype(theta.dtype)))


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L,), Z (n, L)."""
    require_unit_mass(Y)
    layer, A, backprop = _forward(theta, b, X)
    D = CategoricalCrossentropy().get_grad(A, Y.astype(theta.dtype))
    backprop(D)
    return {"theta": layer.get_grad("W"), "b": layer.get_grad("b"), "Z": D}


SQUARES = (
    "get_loss is the sum of the squares of get_grad, not the cross-entropy whose gradient that is (explosion/thinc#647)"
)

implementation = Implementation(
    "thinc",
    gradients,
    loss,
    softmax=softmax,
    dtypes=("float32",),
    layout=Layout(samples="rows"),
    expected_failures=dict.fromkeys(
        ("loss", "loss_of_a_duplicated_batch", "gradient_of_its_own_loss", "loss_is_convex"), SQUARES
    ),
)
