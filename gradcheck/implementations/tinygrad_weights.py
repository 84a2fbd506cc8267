"""`tinygrad-weights`: Tensor.nll_loss of a log_softmax, with weight and ignore_index, which vary by problem.

Its mean divides by the sum of the weights of the labels that count, as PyTorch's does.
"""

from typing import Any

from gradcheck.implementations.record import Layout
from gradcheck.implementations.tinygrad import from_tinygrad
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, y: Any, *, weight: Any, ignore_index: int) -> Any:
    return Z.log_softmax().nll_loss(y, weight=weight, ignore_index=ignore_index)


implementation = from_tinygrad(
    _cross_entropy,
    name="tinygrad-weights",
    layout=Layout(samples="rows", labels="index"),
    law=CrossEntropy(mean_of="weights"),
)
