"""`from_tensorflow`: losses of tensors, their gradients by GradientTape. The only door to TensorFlow.

It takes subnormal numbers for zero on every device, and so is declared.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.adapter import Adapted, require_fits
from gradcheck.implementations.record import Implementation
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
