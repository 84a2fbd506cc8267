"""`tensorflow-sparse`: tf.compat.v1.losses.sparse_softmax_cross_entropy, weights of 0 where a label does not count.

Its mean divides by the weights that are not 0: the labels that count. Where none does it is 0.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from gradcheck.implementations.adapter import Adapted
from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.implementations.tensorflow import adapted, linear
from gradcheck.law import CrossEntropy


def _cross_entropy(Z: Any, y: Any, *, ignore: int) -> Any:
    if tf.reduce_any(-np.inf == Z):
        raise NotPosed("a loss of infinity, as of a class at -inf, times a weight of 0 is NaN")
    counts = tf.cast(y != ignore, Z.dtype)
    return tf.compat.v1.losses.sparse_softmax_cross_entropy(tf.where(y == ignore, 0, y), Z, counts)


implementation = adapted(
    Adapted(
        _cross_entropy,
        linear,
        Layout(samples="rows", labels="index"),
        CrossEntropy(mean_of="labelled"),
        "tensorflow-sparse",
        ("float32",),
    )
)
