"""`torch`: F.cross_entropy on the CPU, its gradients by autograd. The only door to PyTorch.

Labels are class indices where every column is one-hot, otherwise distributions over the classes.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradcheck.implementations import handing
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.implementations.told import keyword_only
from gradcheck.law import CrossEntropy

Array = NDArray[Any]
F = torch.nn.functional


def tensor(array: Array) -> torch.Tensor:
    """A view where PyTorch can have one: it wants writable memory and positive strides, and knows no bfloat16 of NumPy's."""
    plain = array.flags.writeable and all(stride > 0 for stride in array.strides)
    kept = array if plain else array.copy()
    made = (
        torch.from_numpy(kept.view(np.int16)).view(torch.bfloat16)
        if kept.dtype.name == "bfloat16"
        else torch.from_numpy(kept)
    )
    return handing.now().framework(("tensor",), array, made, _step)


def _step(kept: torch.Tensor, made: torch.Tensor) -> None:
    """New numbers, as an optimiser writes them: its version counter says so to whoever looks at that."""
    with torch.no_grad():
        kept.copy_(made.clone())


def leaf(array: Array, *, requires_grad: bool) -> torch.Tensor:
    """A parameter, or data by which is differentiated."""
    made = tensor(array).detach()
    if made.is_floating_point():
        made.requires_grad_(requires_grad)
    return handing.now().framework(("leaf", requires_grad), array, made, lambda kept, made: None)  # in one memory


def array(result: torch.Tensor, like: Array) -> Array:
    """The NumPy array of a result; bfloat16 by way of the dtype of `like`."""
    plain = result.detach()
    return plain.view(torch.int16).numpy().view(like.dtype) if plain.dtype is torch.bfloat16 else plain.numpy()


def alone(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function on one thread: even log_softmax of twelve numbers waits for all of them, milliseconds on a busy machine."""

    @wraps(function)
    def called(*arguments: Any, **options: Any) -> Any:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return function(*arguments, **options)
        finally:
            torch.set_num_threads(threads)

    return called


def from_torch(
    loss: Callable[..., torch.Tensor],
    *,
    logits: Callable[..., torch.Tensor] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - immutable
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = ("float64", "float32"),
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of tensors in that layout, with its gradients by autograd.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        implementation = gradcheck.from_torch(
            my_fused_loss, logits=lambda theta, b, X: X @ theta.T + b, layout=Layout(samples="rows", labels="index")
        )

    Options of a loss that are keyword-only parameters, such as `weight` or `label_smoothing`, are varied.
    """
    keys = ("theta",) if layout.bias == "absent" else ("theta", "b")

    def traced(
        arrays: tuple[Array, ...], given: dict[str, Any], *, leaves: bool
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        options = {key: tensor(each) if isinstance(each, np.ndarray) else each for key, each in given.items()}
        *parameters, X = (leaf(each, requires_grad=leaves) for each in arrays[:-1])
        Y = tensor(arrays[-1])
        named = dict(zip(keys, parameters, strict=True))
        if X.is_floating_point():
            named["X"] = X
        if logits is None:
            return loss(*parameters, X, Y, **options), named
        named["Z"] = Z = logits(*parameters, X)
        return loss(Z, Y, **options), named

    def value(*arrays: Array, **options: Any) -> Array:
        return array(traced(arrays, options, leaves=False)[0], arrays[0])

    def gradients(*arrays: Array, **options: Any) -> dict[str, Array]:
        result, variables = traced(arrays, options, leaves=True)
        found = torch.autograd.grad(result.sum(), list(variables.values()), allow_unused=True)
        named = zip(variables, found, strict=True)
        # code may have no gradient of the data, which are no parameters
        return {key: array(each, arrays[0]) for key, each in named if not (key == "X" and each is None)}

    def linear_part(*arrays: Array) -> Array:
        assert logits is not None
        return array(logits(*map(tensor, arrays)), arrays[0])

    return Implementation(
        name or getattr(loss, "__name__", "loss"),
        alone(gradients),
        alone(value),
        None if logits is None else alone(linear_part),
        dtypes=dtypes,
        layout=layout,
        law=law,
        takes=tuple(keyword_only(loss)),
    )


def linear(theta: torch.Tensor, b: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    """(n, L)"""
    return F.linear(X.to(theta.dtype), theta, b)


def _cross_entropy(Z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(dim=1) == 1).all()
    return F.cross_entropy(Z, labels.argmax(dim=1) if one_hot else labels.to(Z.dtype))


@alone
def softmax(Z: Array) -> Array:
    """(n, L)"""
    return array(torch.softmax(tensor(Z), dim=1), Z)


@alone
def softmax_jacobian(z: Array) -> Array:
    """(L, L)"""
    return array(torch.func.jacrev(lambda column: torch.softmax(column, dim=0))(tensor(z)), z)


implementation = replace(
    from_torch(
        _cross_entropy,
        logits=linear,
        layout=Layout(samples="rows"),
        name="torch",
        dtypes=("float64", "float32", "float16", "bfloat16"),
    ),
    softmax=softmax,
    softmax_jacobian=softmax_jacobian,
)
