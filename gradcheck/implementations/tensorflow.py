"""`tensorflow`, and `from_tensorflow`: losses of tensors, their gradients by GradientTape. The only door to TensorFlow.

The target is tf.nn.sparse_softmax_cross_entropy_with_logits where every label is one-hot, otherwise that of distributions; samples
in rows, and the mean is the caller's. It takes subnormal numbers for zero on every device, and so is declared.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.adapter import Adapted, require_fits
from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout, NotPosed
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array


def adapted(of: Adapted) -> Implementation:
    """The loss that `gradcheck.from_tensorflow` was given."""

    def slopes(arrays: tuple[Array, ...], options: dict[str, Any], c: Array) -> list[Array | None]:
        *watched, Y = map(tf.constant, map(np.ascontiguousarray, arrays))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for each in watched:
                if each.dtype.is_floating:
                    tape.watch(each)
            value, watched = of.made(watched, Y, options)
        require_fits(c, value.ndim)
        upstream = tf.broadcast_to(tf.cast(tf.constant(c), value.dtype), value.shape)
        found = tape.gradient(value, watched, output_gradients=upstream)
        return [None if each is None else tf.convert_to_tensor(each).numpy() for each in found]

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arrays, **options: function(
            *map(tf.constant, map(np.ascontiguousarray, arrays)), **options
        ).numpy()

    return of.eager(slopes, called(of.value), called(of.logits or of.loss), arithmetic=Arithmetic(subnormals="flushed"))


def linear(theta: Any, b: Any, X: Any) -> Any:
    """(n, L)"""
    return tf.linalg.matmul(tf.cast(X, theta.dtype), theta, transpose_b=True) + b


def require_finite(Z: Any) -> None:
    """`NotPosed` where a class is masked."""
    if tf.reduce_any(-np.inf == Z):
        raise NotPosed(
            "softmax_cross_entropy_with_logits multiplies every logarithm with its label, and so declines -inf"
        )


def _cross_entropy(Z: Any, Y: Any) -> Any:
    require_unit_mass(Y.numpy())
    labels = tf.cast(Y, Z.dtype)
    if tf.reduce_all((labels == 0) | (labels == 1)):  # and they sum to 1
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.argmax(labels, 1), Z))
    require_finite(Z)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, Z))


implementation = adapted(
    Adapted(_cross_entropy, linear, Layout(samples="rows"), CrossEntropy(), "tensorflow", ("float64", "float32"))
)
