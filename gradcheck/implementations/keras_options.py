"""`keras-options`: keras.losses.CategoricalCrossentropy of logits with label_smoothing, and class weights as `fit` takes them.

A class weight becomes the weight of its samples, smoothed label and all, and the mean is over the samples, whatever they weigh.
"""

from typing import Any

from gradcheck.implementations.keras import DTYPES, of_logits
from gradcheck.implementations.record import Layout
from gradcheck.implementations.torch import from_torch, linear
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, Y: Any, *, class_weight: Any, label_smoothing: float) -> Any:
    loss = of_logits("CategoricalCrossentropy", Z, label_smoothing=label_smoothing)
    labels = Y.to(Z.dtype)
    return loss(labels, Z, sample_weight=labels @ class_weight)


implementation = from_torch(
    _cross_entropy,
    logits=linear,
    layout=Layout(samples="rows"),
    law=CrossEntropy(smoothing_weight="label"),
    name="keras-options",
    dtypes=DTYPES,
)
