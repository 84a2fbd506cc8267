"""`tensorflow-options`: tf.compat.v1.losses.softmax_cross_entropy with label_smoothing, and class weights.

A class weight becomes the weight of its samples, smoothed label and all, and the mean is over the samples, whatever they weigh
(SUM_OVER_BATCH_SIZE). Losses are added up in float32, whatever the logits are.
"""

from typing import Any

import tensorflow as tf

from gradcheck.implementations.adapter import Adapted
from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Layout
from gradcheck.implementations.tensorflow import adapted, linear, require_finite
from gradcheck.law import CrossEntropy

losses = tf.compat.v1.losses


def _cross_entropy(Z: Any, Y: Any, *, class_weight: Any, label_smoothing: float) -> Any:
    require_finite(Z)
    require_unit_mass(Y.numpy())
    labels = tf.cast(Y, Z.dtype)
    weights = tf.linalg.matvec(labels, tf.constant(class_weight))
    mean = losses.Reduction.SUM_OVER_BATCH_SIZE
    return losses.softmax_cross_entropy(labels, Z, weights, label_smoothing=label_smoothing, reduction=mean)


implementation = adapted(
    Adapted(
        _cross_entropy,
        linear,
        Layout(samples="rows"),
        CrossEntropy(smoothing_weight="label"),
        "tensorflow-options",
        ("float32",),
    )
)
