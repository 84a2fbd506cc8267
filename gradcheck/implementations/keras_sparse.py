"""`keras-sparse`: keras.losses.SparseCategoricalCrossentropy of logits with ignore_class, and class weights as `fit` takes them.

A class weight becomes the weight of its samples. The mean divides by the number of samples that are not ignored, whatever they
weigh; where none is left it is 0.
"""

from typing import Any

from gradcheck.implementations.keras import DTYPES, of_logits
from gradcheck.implementations.record import Layout
from gradcheck.implementations.torch import from_torch, linear
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, y: Any, *, class_weight: Any, ignore: int) -> Any:
    loss = of_logits("SparseCategoricalCrossentropy", Z, ignore_class=ignore)
    return loss(y, Z, sample_weight=class_weight[y.clamp(0, len(class_weight) - 1)])


implementation = from_torch(
    _cross_entropy,
    logits=linear,
    layout=Layout(samples="rows", labels="index"),
    law=CrossEntropy(mean_of="labelled"),
    name="keras-sparse",
    dtypes=DTYPES,
)
