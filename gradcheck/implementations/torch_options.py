"""`torch-options`: F.cross_entropy of class indices with weight, ignore_index and label_smoothing, which problems vary.

Its mean divides by the sum of the weights of the labels that count: their number, where weights are 1. Smoothed labels are weighed
by class, each by its own weight. Where no label counts, the mean is NaN, and its gradient 0.
"""

import torch

from gradcheck.implementations.record import Layout
from gradcheck.implementations.torch import F, from_torch, linear
from gradcheck.law import CrossEntropy


def _cross_entropy(
    Z: torch.Tensor, y: torch.Tensor, *, weight: torch.Tensor, ignore_index: int, label_smoothing: float
) -> torch.Tensor:
    return F.cross_entropy(Z, y, weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing)


implementation = from_torch(
    _cross_entropy,
    logits=linear,
    layout=Layout(samples="rows", labels="index"),
    law=CrossEntropy(mean_of="weights"),
    name="torch-options",
    dtypes=("float64", "float32", "float16", "bfloat16"),
)
