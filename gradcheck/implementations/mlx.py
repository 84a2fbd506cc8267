"""`mlx`, and `from_mlx`: losses of MLX arrays, their gradients by mlx.core.vjp. The only door to MLX.

The target is mlx.nn.losses.cross_entropy of class indices where every label is one-hot, otherwise of distributions; samples in
rows. MLX takes subnormal numbers for zero, and so is declared.
"""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from gradcheck import tensors
from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.adapter import Adapted, linear, require_fits
from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout, NotPosed
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array


def _array(array: Array) -> Any:
    return mx.array(np.array(array, order="C"))  # it takes no negative strides


def _back(found: Any) -> Array:
    return np.array(tensors.array(found))  # which NumPy cannot read in bfloat16


def adapted(of: Adapted) -> Implementation:
    """The loss that `gradcheck.from_mlx` was given."""

    def slopes(arrays: tuple[Array, ...], options: dict[str, Any], c: Array) -> list[Array | None]:
        *given, Y = map(_array, arrays)
        held = given[-1:] if arrays[-2].dtype.kind != "f" else []  # data that are whole numbers have no gradient
        leaves, options = given[: len(given) - len(held)], _given(options)

        def pulled(function: Callable[..., Any], at: list[Any], upstream: Any) -> list[Any]:
            return list(mx.vjp(function, at, [upstream])[1])

        def seed(value: Any) -> Any:
            require_fits(c, value.ndim)
            return mx.broadcast_to(_array(c).astype(value.dtype), value.shape)

        if of.logits is None:
            found = pulled(lambda *p: of.loss(*p, *held, Y, **options), leaves, seed(of.loss(*given, Y, **options)))
            ends = []
        else:
            logits, Z = of.logits, of.logits(*given)
            ends = pulled(lambda Z: of.loss(Z, Y, **options), [Z], seed(of.loss(Z, Y, **options)))
            found = pulled(lambda *p: logits(*p, *held), leaves, ends[0])
        return [*map(_back, found), *[None] * len(held), *map(_back, ends)]

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arrays, **options: _back(function(*map(_array, arrays), **_given(options)))

    flushed = Arithmetic(subnormals="flushed")
    return of.eager(slopes, called(of.value), called(of.logits or of.loss), arithmetic=flushed)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: _array(each) if isinstance(each, np.ndarray) else each for key, each in options.items()}


def _cross_entropy(Z: Any, Y: Any) -> Any:
    require_unit_mass(np.array(Y.astype(mx.float32)))
    labels = Y.astype(Z.dtype)
    if mx.all((labels == 0) | (labels == 1)):  # and they sum to 1
        return nn.losses.cross_entropy(Z, labels.argmax(axis=1), reduction="mean")
    if mx.any(-np.inf == Z):
        raise NotPosed("cross_entropy of distributions multiplies every logit with its label, and so declines -inf")
    return nn.losses.cross_entropy(Z, labels, reduction="mean")


implementation = adapted(
    Adapted(_cross_entropy, linear, Layout(samples="rows"), CrossEntropy(), "mlx", ("float32", "float16", "bfloat16"))
)
