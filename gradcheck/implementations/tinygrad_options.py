"""`tinygrad-options`: Tensor.sparse_categorical_crossentropy with ignore_index and label_smoothing, which vary by problem.

Its mean is over the samples that are not ignored. An ignore_index of -1, the default, ignores none.
"""

from typing import Any

from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.implementations.tinygrad import from_tinygrad
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, y: Any, *, ignore_index: int, label_smoothing: float) -> Any:
    if ignore_index == -1:
        raise NotPosed("an ignore_index of -1 is tinygrad's word for none")
    return Z.sparse_categorical_crossentropy(y, ignore_index=ignore_index, label_smoothing=label_smoothing)


implementation = from_tinygrad(
    _cross_entropy,
    name="tinygrad-options",
    layout=Layout(samples="rows", labels="index"),
    law=CrossEntropy(mean_of="labelled"),
)
