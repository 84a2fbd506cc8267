"""`optax`: softmax_cross_entropy_with_integer_labels where every label is one-hot, otherwise softmax_cross_entropy.

The only door to optax. Samples in rows; the mean over samples is the caller's, and the gradients are JAX's.
"""

from typing import Any

import numpy as np
import optax

from gradcheck.implementations.jax import Array, from_jax, linear
from gradcheck.implementations.record import Implementation, Layout, NotPosed

ROWS = Layout(samples="rows")
indexed = from_jax(
    lambda Z, labels: optax.softmax_cross_entropy_with_integer_labels(Z, labels).mean(), logits=linear, layout=ROWS
)
spread = from_jax(lambda Z, Y: optax.softmax_cross_entropy(Z, Y.astype(Z.dtype)).mean(), logits=linear, layout=ROWS)


def _called(name: str, theta: Array, b: Array, X: Array, Y: Array) -> Any:
    one_hot = ((Y == 0) | (Y == 1)).all() and (Y.astype(float).sum(axis=1) == 1).all()
    if not one_hot and np.isneginf(b).any():
        raise NotPosed("softmax_cross_entropy takes no logits of -inf; optax has safe_softmax_cross_entropy for them")
    function = getattr(indexed if one_hot else spread, name)
    return function(theta, b, X, Y.argmax(axis=1).astype(np.int32) if one_hot else Y)


def loss(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """The mean over samples."""
    found: Array = _called("loss", theta, b, X, Y)
    return found


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L, d), b (L,), X (n, d), Z (n, L)."""
    found: dict[str, Array] = _called("gradients", theta, b, X, Y)
    return found


implementation = Implementation(
    "optax",
    gradients,
    loss,
    indexed.logits,
    dtypes=("float64", "float32"),
    layout=indexed.layout,
    arithmetic=indexed.arithmetic,
    takes=indexed.takes,
)
