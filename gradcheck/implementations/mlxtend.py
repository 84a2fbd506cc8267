"""`mlxtend`: SoftmaxRegression's _forward, _cross_entropy, _cost and _backward; without a penalty. The only door to mlxtend.

Samples in rows, one-hot labels, theta (d, L). Its gradients are sums over the samples and its cost a mean, here times n.
"""

from typing import Any

import numpy as np
from mlxtend.classifier import SoftmaxRegression
from numpy.typing import NDArray

from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.law import CrossEntropy

Array = NDArray[Any]


def _model(theta: Array, b: Array) -> Any:
    model = SoftmaxRegression()
    model.w_, model.b_ = theta, b
    return model


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(n, L)"""
    return np.asarray(_model(theta, b)._net_input(X.astype(theta.dtype)))


def softmax(Z: Array) -> Array:
    """(n, L)"""
    return np.asarray(SoftmaxRegression()._softmax_activation(Z))


def loss(theta: Array, b: Array, X: Array, Y: Array) -> float:
    """n times what `fit` records as its cost."""
    require_unit_mass(Y)
    model = _model(theta, b)
    losses = model._cross_entropy(output=model._forward(X.astype(theta.dtype)), y_target=Y.astype(theta.dtype))
    return float(model._cost(losses)) * len(X)


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (d, L), b (L,)."""
    require_unit_mass(Y)
    model, data = _model(theta, b), X.astype(theta.dtype)
    d_theta, d_b = model._backward(data, y_true=Y.astype(theta.dtype), y_probas=model._forward(data))
    return {"theta": d_theta, "b": d_b}


HALVED = "_cost is half of the cross-entropy whose gradient _backward is"
LOGARITHM = "_cross_entropy takes the logarithm of probabilities: where one underflows, 0 log 0 is NaN"

implementation = Implementation(
    "mlxtend",
    gradients,
    loss,
    logits,
    softmax,
    dtypes=("float64", "float32"),
    layout=Layout(samples="rows", theta="features-first"),
    law=CrossEntropy(reduction="sum"),
    expected_failures={
        **dict.fromkeys(("loss", "loss_of_a_duplicated_batch", "gradient_of_its_own_loss"), HALVED),
        **dict.fromkeys(("finite", "loss_is_not_negative", "loss_is_convex"), LOGARITHM),
    },
)
