"""`mlx-options`: mlx.nn.losses.cross_entropy of class indices with label_smoothing, and class weights.

A class weight becomes the weight of its samples, smoothed label and all, and the mean is over the samples, whatever they weigh.
"""

from typing import Any

from mlx import nn

from gradcheck.implementations.adapter import Adapted, linear
from gradcheck.implementations.mlx import adapted
from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, y: Any, *, class_weight: Any, label_smoothing: float) -> Any:
    if label_smoothing == 1:
        raise NotPosed("its label_smoothing is below 1")
    return nn.losses.cross_entropy(Z, y, class_weight[y], label_smoothing=label_smoothing, reduction="mean")


implementation = adapted(
    Adapted(
        _cross_entropy,
        linear,
        Layout(samples="rows", labels="index"),
        CrossEntropy(smoothing_weight="label"),
        "mlx-options",
        ("float32",),
    )
)
