"""`jax`: -sum Y jax.nn.log_softmax(Z), its gradients by jax.vjp and jax.grad. The only door to JAX.

JAX computes in float64 only where jax_enable_x64 is set, which changes the dtypes of everything that is made from then on. It is
set for the duration of a call that is handed float64, and left alone otherwise. Functions are compiled for each shape, as `jax.jit`
does by itself. Op by op, JAX compiles every operation for each shape, which takes longer; without optimisation, which takes less,
XLA computes a maximum anew that then equals no entry, so that its gradient is infinite, where what people run is right. XLA takes
subnormal numbers for zero on every device (jax-ml/jax#16200, works as intended), and so is declared.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from numpy.typing import NDArray

from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.adapter import DTYPES, Adapted, require_fits
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.law import CrossEntropy

Array = NDArray[Any]
Arrays = tuple[jax.Array, ...]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of JAX arrays as one of NumPy arrays, in their precision, that returns NumPy arrays."""
    jitted = jax.jit(function)

    def called(*arrays: Array, **options: Any) -> Any:
        with jax.enable_x64(arrays[0].dtype == np.float64):
            return jax.tree.map(np.asarray, jitted(*arrays, **options))

    return called


def from_jax(
    loss: Callable[..., jax.Array],
    *,
    logits: Callable[..., jax.Array] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - immutable
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of JAX arrays in that layout, with its gradients by jax.grad.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        implementation = gradcheck.from_jax(
            my_fused_loss, logits=lambda theta, b, X: X @ theta.T + b, layout=Layout(samples="rows", labels="index")
        )

    The gradient with respect to X is judged unless the loss has none: X in a stop_gradient, or in what JAX cannot differentiate.
    Options of a loss that are keyword-only parameters, such as `label_smoothing`, are varied; they are traced.
    """
    adapted = Adapted(loss, logits, layout, law, name, dtypes)
    keys, by_logits = adapted.keys, adapted.names[len(adapted.keys) + 1 :]

    def slopes(count: int, arrays: Arrays, options: dict[str, Any], c: jax.Array) -> Arrays:
        """Of c times the loss, by so many of the arrays, and by Z where the loss is one of logits."""
        held, Y = arrays[count:-1], arrays[-1]
        if logits is None:
            return _times(c, lambda p: loss(*p, *held, Y, **options), arrays[:count])
        Z, pull = jax.vjp(lambda *p: logits(*p, *held), *arrays[:count])
        D = _times(c, lambda Z: loss(Z, Y, **options), Z)
        return (*pull(D), D)

    def of(*arrays: jax.Array, upstream: jax.Array, **options: Any) -> dict[str, jax.Array]:
        if jnp.issubdtype(arrays[-2].dtype, jnp.floating):
            with suppress(Exception):  # code may have no gradient of the data, which are no parameters
                traced = jax.make_jaxpr(partial(slopes, len(keys) + 1))(arrays, options, upstream)
                found = jaxpr_as_fun(traced)(*jax.tree.leaves((arrays, options, upstream)))
                named = dict(zip((*keys, "X", *by_logits), found, strict=True))
                return (
                    named if _follows(traced.jaxpr, len(keys)) else {k: each for k, each in named.items() if k != "X"}
                )
        return dict(zip((*keys, *by_logits), slopes(len(keys), arrays, options, upstream), strict=True))

    scaled = compiled(of)  # for every upstream gradient, so that nothing more is compiled

    def gradients(*arrays: Array, **options: Any) -> Any:
        return scaled(*arrays, upstream=np.ones((), arrays[0].dtype), **options)

    def upstream(*arrays: Array, **options: Any) -> Any:
        return scaled(*arrays[:-1], upstream=np.array(arrays[-1]), **options)

    return adapted.implementation(
        gradients,
        compiled(adapted.value),
        compiled(logits) if logits else None,
        compiles=True,
        arithmetic=Arithmetic(subnormals="flushed"),
        uses={"upstream": upstream},
    )


def _times(c: jax.Array, function: Callable[..., jax.Array], at: Any) -> Any:
    """The gradient of c times a function; c is a number, or one for each of its values."""
    value, pull = jax.vjp(function, at)
    require_fits(c, value.ndim)
    return pull(jnp.broadcast_to(c.astype(value.dtype), value.shape))[0]


def _follows(traced: Any, place: int) -> bool:
    """Whether that result of a program depends on what it is given: a derivative that JAX does not have is a constant 0."""
    known = {id(variable) for variable in traced.invars}
    for step in traced.eqns:
        if any(id(variable) in known for variable in step.invars):
            known.update(map(id, step.outvars))
    return id(traced.outvars[place]) in known


def linear(theta: jax.Array, b: jax.Array, X: jax.Array) -> jax.Array:
    """(n, L)"""
    return X.astype(theta.dtype) @ theta.T + b


def _cross_entropy(Z: jax.Array, Y: jax.Array) -> jax.Array:
    log_A = jnp.where(Y > 0, jax.nn.log_softmax(Z), 0)  # a masked class has a logarithm of -inf, and no label
    return -(Y.astype(Z.dtype) * log_A).sum() / len(Z)


implementation = replace(
    from_jax(_cross_entropy, logits=linear, layout=Layout(samples="rows"), name="jax"),
    softmax=compiled(jax.nn.softmax),
    softmax_jacobian=compiled(jax.jacrev(jax.nn.softmax)),
)
