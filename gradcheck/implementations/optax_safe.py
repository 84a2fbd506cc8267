"""`optax-safe`: optax.safe_softmax_cross_entropy, which takes classes that are masked by logits of -inf.

Samples in rows; the mean over samples is the caller's, and the gradients are JAX's, by the function's own rule.
"""

import optax

from gradcheck.implementations.jax import from_jax, linear
from gradcheck.implementations.record import Layout

implementation = from_jax(
    lambda Z, Y: optax.safe_softmax_cross_entropy(Z, Y.astype(Z.dtype)).mean(),
    logits=linear,
    layout=Layout(samples="rows"),
    name="optax-safe",
)
