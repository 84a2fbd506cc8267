"""`jax`: -sum Y jax.nn.log_softmax(Z), its gradients by jax.vjp and jax.grad. The only door to JAX.

JAX computes in float64 only where jax_enable_x64 is set, which changes the dtypes of everything that is made from then on. It is
set for the duration of a call that is handed float64, and left alone otherwise.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradcheck.implementations.record import Implementation, Layout

Array = NDArray[Any]


def called(function: Callable[..., Any], *arrays: Array) -> Any:
    """A function of JAX arrays, called with NumPy arrays, in their precision; what it returns as NumPy arrays."""
    with jax.enable_x64(arrays[0].dtype == np.float64):
        return jax.tree.map(np.asarray, function(*map(jnp.asarray, arrays)))


def from_jax(
    loss: Callable[..., jax.Array],
    *,
    logits: Callable[..., jax.Array] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = ("float64", "float32"),
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of JAX arrays in that layout, with its gradients by jax.grad.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        implementation = gradcheck.from_jax(
            my_fused_loss, logits=lambda theta, b, X: X @ theta.T + b, layout=Layout(samples="rows", labels="index")
        )
    """
    keys = ("theta",) if layout.bias == "absent" else ("theta", "b")

    def value(*arrays: jax.Array) -> jax.Array:
        *parameters, X, Y = arrays
        return loss(*parameters, X, Y) if logits is None else loss(logits(*parameters, X), Y)

    def gradients(*arrays: jax.Array) -> dict[str, jax.Array]:
        *parameters, X, Y = arrays
        if logits is None:
            return dict(
                zip(keys, jax.grad(lambda *p: loss(*p, X, Y).sum(), range(len(keys)))(*parameters), strict=True)
            )
        Z, pull = jax.vjp(lambda *p: logits(*p, X), *parameters)
        D = jax.grad(lambda Z: loss(Z, Y).sum())(Z)
        return {**dict(zip(keys, pull(D), strict=True)), "Z": D}

    return Implementation(
        name or getattr(loss, "__name__", "loss"),
        lambda *arrays: called(gradients, *arrays),
        lambda *arrays: called(value, *arrays),
        None if logits is None else lambda *arrays: called(logits, *arrays),
        dtypes=dtypes,
        layout=layout,
    )


def linear(theta: jax.Array, b: jax.Array, X: jax.Array) -> jax.Array:
    """(n, L)"""
    return X.astype(theta.dtype) @ theta.T + b


def _cross_entropy(Z: jax.Array, Y: jax.Array) -> jax.Array:
    return -(Y.astype(Z.dtype) * jax.nn.log_softmax(Z)).sum() / len(Z)


implementation = replace(
    from_jax(_cross_entropy, logits=linear, layout=Layout(samples="rows"), name="jax"),
    softmax=lambda Z: called(jax.nn.softmax, Z),
    softmax_jacobian=lambda z: called(jax.jacrev(jax.nn.softmax), z),
)
