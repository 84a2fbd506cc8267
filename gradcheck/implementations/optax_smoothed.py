"""`optax-smoothed`: optax.smooth_labels, then softmax_cross_entropy; how much is smoothed varies by problem.

The share of the label moves to all classes, its own among them. Samples in rows; the mean over samples is the caller's.
"""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax

from gradcheck.implementations.jax import Array, from_jax, linear
from gradcheck.implementations.record import Layout, NotPosed


def _cross_entropy(Z: jax.Array, Y: jax.Array, *, label_smoothing: float) -> jax.Array:
    return optax.softmax_cross_entropy(Z, optax.smooth_labels(Y.astype(Z.dtype), label_smoothing)).mean()


_adapted = from_jax(_cross_entropy, logits=linear, layout=Layout(samples="rows"), name="optax-smoothed")


def _called(name: str) -> Any:
    def called(theta: Array, b: Array, X: Array, Y: Array, **options: float) -> Any:
        if np.isneginf(b).any():
            raise NotPosed(
                "softmax_cross_entropy takes no logits of -inf; optax has safe_softmax_cross_entropy for them"
            )
        return getattr(_adapted, name)(theta, b, X, Y, **options)

    return called


implementation = replace(_adapted, loss=_called("loss"), gradients=_called("gradients"))
