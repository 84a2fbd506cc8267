"""`sklearn-mlp`: MLPClassifier(hidden_layer_sizes=())._backprop with a softmax output; without a penalty.

Samples in rows, one-hot labels, theta (d, L), means over samples. `fit` has a softmax output from three classes on, and a single
logistic one for two; here it has a softmax for two, as well.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._base import ACTIVATIONS

from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout

Array = NDArray[Any]


def _network(theta: Array, b: Array) -> Any:
    """With the attributes that `fit` sets."""
    network = MLPClassifier(hidden_layer_sizes=(), alpha=0.0)
    network.n_layers_, network.out_activation_, network.loss = 2, "softmax", "log_loss"
    network.coefs_, network.intercepts_ = [theta], [b]
    return network


def _backprop(theta: Array, b: Array, X: Array, Y: Array) -> tuple[float, Array, Array, Array]:
    """The loss, and the gradients with respect to theta, b, and the sum's with respect to Z."""
    require_unit_mass(Y)
    data, labels = X.astype(theta.dtype), Y.astype(theta.dtype)
    deltas, weights, biases = [None], [np.empty_like(theta)], [np.empty_like(b)]
    network = _network(theta, b)
    value, weights, biases = network._backprop(data, labels, None, [data, None], deltas, weights, biases)
    return float(value), weights[0], biases[0], np.asarray(deltas[0])


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """The mean over samples."""
    return _backprop(theta, b, X, Y)[0]


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (d, L), b (L,), Z (n, L); its deltas are those of the sum over samples, and divided by n here."""
    _, d_theta, d_b, delta = _backprop(theta, b, X, Y)
    return {"theta": d_theta, "b": d_b, "Z": delta / theta.dtype.type(len(X))}


def softmax(Z: Array) -> Array:
    """(n, L)"""
    A = Z.copy()
    ACTIVATIONS["softmax"](A)
    return A


CLIPPED = "its loss clips probabilities to [eps, 1 - eps] and its gradient does not (scikit-learn/scikit-learn#16117)"

implementation = Implementation(
    "sklearn-mlp",
    gradients,
    loss,
    softmax=softmax,
    dtypes=("float64", "float32"),
    layout=Layout(samples="rows", theta="features-first"),
    expected_failures=dict.fromkeys(
        ("loss", "loss_of_a_duplicated_batch", "gradient_of_its_own_loss", "loss_is_convex"), CLIPPED
    ),
)
