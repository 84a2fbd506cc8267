"""`paddle`, and `from_paddle`: losses of tensors on the CPU, their gradients by paddle.grad. The only door to Paddle.

The target is paddle.nn.functional.cross_entropy of class indices where every label is one-hot, otherwise of distributions; samples
in rows. It clips Z - max at -64, and declines what lies beyond: the loss is at most 64 + log L there (docs/findings.md).
Its exp is 5.6e-309 in float64 wherever it should be less, also where it should be 0. So flushed subnormals are declared.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle

from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.adapter import Adapted, linear, require_fits
from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout, NotPosed
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array

CLIPPED = 64


def _tensor(array: Array, *, leaf: bool = False) -> Any:
    return paddle.to_tensor(np.array(array, order="C"), place="cpu", stop_gradient=not leaf)


def adapted(of: Adapted) -> Implementation:
    """The loss that `gradcheck.from_paddle` was given."""

    def slopes(arrays: tuple[Array, ...], options: dict[str, Any], c: Array) -> list[Array | None]:
        *leaves, Y = (_tensor(each, leaf=each.dtype.kind == "f") for each in arrays)
        value, variables = of.made(leaves, Y, _given(options))
        require_fits(c, value.ndim)
        upstream = paddle.broadcast_to(_tensor(c).astype(value.dtype), value.shape)
        known = [each for each in variables if not each.stop_gradient]
        found = iter(paddle.grad([value], known, [upstream], allow_unused=True))
        return [_array(None if each.stop_gradient else next(found)) for each in variables]

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arrays, **options: function(*map(_tensor, arrays), **_given(options)).numpy()

    flushed = Arithmetic(subnormals="flushed")
    return of.eager(slopes, called(of.value), called(of.logits or of.loss), arithmetic=flushed)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: _tensor(each) if isinstance(each, np.ndarray) else each for key, each in options.items()}


def _array(found: Any) -> Array | None:
    return None if found is None else np.asarray(found.numpy())


def require_near(Z: Any) -> None:
    """`NotPosed` where a logit is so far below the largest that it is clipped."""
    if not float((Z.max(axis=1) - Z.min(axis=1)).max()) <= CLIPPED:
        raise NotPosed(f"Z - max is clipped at -{CLIPPED}, beyond which it is wrong (PaddlePaddle/Paddle#20994)")


def _cross_entropy(Z: Any, Y: Any) -> Any:
    require_near(Z)
    require_unit_mass(Y.astype("float64").numpy())
    labels = Y.astype(Z.dtype)
    if ((labels == 0) | (labels == 1)).all():  # and they sum to 1
        return paddle.nn.functional.cross_entropy(Z, labels.argmax(axis=1))
    return paddle.nn.functional.cross_entropy(Z, labels, soft_label=True)


implementation = adapted(
    Adapted(_cross_entropy, linear, Layout(samples="rows"), CrossEntropy(), "paddle", ("float64", "float32"))
)
