"""`torch-probabilities`: F.cross_entropy of distributions over the classes, with weight and label_smoothing, which problems vary.

Labels are smoothed first and weighed then, and the mean is over all samples, whatever their weights; the same labels as indices
have another loss (pytorch/pytorch#61044). There is no ignore_index among distributions.
"""

import torch

from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.implementations.torch import F, from_torch, linear


def _cross_entropy(Z: torch.Tensor, Y: torch.Tensor, *, weight: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    if Z.isneginf().any():
        raise NotPosed("among distributions every logarithm is multiplied with its label: logits of -inf are declined")
    return F.cross_entropy(Z, Y.to(Z.dtype), weight=weight, label_smoothing=label_smoothing)


implementation = from_torch(
    _cross_entropy,
    logits=linear,
    layout=Layout(samples="rows"),
    name="torch-probabilities",
    dtypes=("float64", "float32", "float16", "bfloat16"),
)
