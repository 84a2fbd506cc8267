"""`sklearn`: LinearModelLoss with HalfMultinomialLoss, which LogisticRegression minimises; without a penalty.

Samples in rows, index labels as floats, the intercepts as the last column of the coefficients. Its loss is the mean over samples.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn._loss import HalfMultinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss

from gradcheck.implementations.record import Implementation, Layout

Array = NDArray[Any]


def posed(theta: Array, b: Array, X: Array, y: Array) -> tuple[Any, Array, Array, Array]:
    """The loss object, the coefficients, and X and y in the memory order and dtype that its Cython loops take."""
    loss = LinearModelLoss(HalfMultinomialLoss(n_classes=len(theta)), fit_intercept=True)
    return loss, np.column_stack([theta, b]), np.ascontiguousarray(X, theta.dtype), y.astype(theta.dtype)


def logits(theta: Array, b: Array, X: Array) -> Array:
    """(n, L): what scikit-learn calls raw_prediction."""
    loss, coefficients, data, _ = posed(theta, b, X, np.zeros(len(X)))
    return np.asarray(loss.weight_intercept_raw(coefficients, data)[2])


def loss(theta: Array, b: Array, X: Array, y: Array) -> float:
    """The mean over samples."""
    loss, *arrays = posed(theta, b, X, y)
    return float(loss.loss(*arrays))


def gradients(theta: Array, b: Array, X: Array, y: Array) -> dict[str, Array]:
    """theta (L, d), b (L,), Z (n, L); that with respect to Z is for the sum over samples, and divided by n here."""
    loss, coefficients, data, labels = posed(theta, b, X, y)
    found = loss.gradient(coefficients, data, labels)
    raw = loss.weight_intercept_raw(coefficients, data)[2]
    D = loss.base_loss.gradient(y_true=labels, raw_prediction=raw) / theta.dtype.type(len(X))
    return {"theta": found[:, :-1], "b": found[:, -1], "Z": D}


def softmax(Z: Array) -> Array:
    """(n, L): predict_proba."""
    return np.asarray(HalfMultinomialLoss(n_classes=Z.shape[1]).predict_proba(np.ascontiguousarray(Z)))


implementation = Implementation(
    "sklearn",
    gradients,
    loss,
    logits,
    softmax,
    dtypes=("float64", "float32"),
    layout=Layout(samples="rows", labels="index"),
)
