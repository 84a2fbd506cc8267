"""`paddle-options`: paddle.nn.functional.cross_entropy of class indices with weight and ignore_index.

Its mean divides by the sum of the weights of the labels that count, and where none does it is 0. Of an ignore_index below 0 it is
over all samples, those that do not count among them (PaddlePaddle/Paddle#76033), which is declined.
"""

from typing import Any

import paddle

from gradcheck.implementations.adapter import Adapted, linear
from gradcheck.implementations.paddle import adapted, require_near
from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, y: Any, *, weight: Any, ignore_index: int) -> Any:
    require_near(Z)
    if ignore_index < 0:
        raise NotPosed("its mean is over all samples where ignore_index is below 0 (PaddlePaddle/Paddle#76033)")
    return paddle.nn.functional.cross_entropy(Z, y, weight=weight, ignore_index=ignore_index)


implementation = adapted(
    Adapted(
        _cross_entropy,
        linear,
        Layout(samples="rows", labels="index"),
        CrossEntropy(mean_of="weights"),
        "paddle-options",
        ("float64", "float32"),
    )
)
