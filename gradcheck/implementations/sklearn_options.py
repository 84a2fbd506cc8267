"""`sklearn-options`: LinearModelLoss with class_weight and l2, as LogisticRegression has them; problems vary both.

A class weight becomes the weight of its samples, and the mean divides by their sum. The penalty is l2/2 |theta|^2, beside the mean
and not of it, and without the intercepts: LogisticRegression's l2 is 1/(C sum of the weights).
"""

from dataclasses import replace

from gradcheck.implementations import sklearn
from gradcheck.implementations.sklearn import Array, posed
from gradcheck.implementations.takes import Takes
from gradcheck.law import CrossEntropy


def _weights(y: Array, class_weight: Array) -> Array:
    return class_weight[y]


def loss(theta: Array, b: Array, X: Array, y: Array, *, class_weight: Array, l2: float) -> float:
    """The weighted mean over samples, and the penalty."""
    loss, *arrays = posed(theta, b, X, y)
    return float(loss.loss(*arrays, sample_weight=_weights(y, class_weight), l2_reg_strength=l2))


def gradients(theta: Array, b: Array, X: Array, y: Array, *, class_weight: Array, l2: float) -> dict[str, Array]:
    """theta (L, d), b (L,), Z (n, L); that with respect to Z is for the weighted sum over samples, and divided here."""
    loss, coefficients, data, labels = posed(theta, b, X, y)
    weights = _weights(y, class_weight)
    found = loss.gradient(coefficients, data, labels, sample_weight=weights, l2_reg_strength=l2)
    raw = loss.weight_intercept_raw(coefficients, data)[2]
    D = loss.base_loss.gradient(y_true=labels, raw_prediction=raw, sample_weight=weights) / weights.sum()
    return {"theta": found[:, :-1], "b": found[:, -1], "Z": D}


implementation = replace(
    sklearn.implementation,
    name="sklearn-options",
    gradients=gradients,
    loss=loss,
    softmax=None,
    law=CrossEntropy(mean_of="weights"),
    takes=Takes(("class_weight", "l2")),
)
