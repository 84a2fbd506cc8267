"""`from_tensorflow`: losses of tensors, their gradients by GradientTape. The only door to TensorFlow.

It takes subnormal numbers for zero on every device, and so is declared.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.adapter import DTYPES, Adapted, require_fits
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.implementations.takes import Takes
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array


def from_tensorflow(
    loss: Callable[..., Any],
    *,
    logits: Callable[..., Any] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - immutable
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    takes: Takes = Takes(),  # noqa: B008 - immutable
) -> Implementation:
    """As `gradcheck.from_tensorflow`."""
    adapted = Adapted(loss, logits, layout, law, name, dtypes, takes)

    def slopes(arrays: tuple[Array, ...], options: dict[str, Any], c: Array) -> list[Array | None]:
        *watched, Y = map(tf.constant, map(np.ascontiguousarray, arrays))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for each in watched:
                if each.dtype.is_floating:
                    tape.watch(each)
            if logits is None:
                value = loss(*watched, Y, **options)
            else:
                watched.append(logits(*watched))
                value = loss(watched[-1], Y, **options)
        require_fits(c, value.ndim)
        upstream = tf.broadcast_to(tf.cast(tf.constant(c), value.dtype), value.shape)
        found = tape.gradient(value, watched, output_gradients=upstream)
        return [None if each is None else tf.convert_to_tensor(each).numpy() for each in found]

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arrays, **options: function(
            *map(tf.constant, map(np.ascontiguousarray, arrays)), **options
        ).numpy()

    return adapted.eager(
        slopes, called(adapted.value), called(logits or loss), arithmetic=Arithmetic(subnormals="flushed")
    )
