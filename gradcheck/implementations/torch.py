"""`torch`: F.cross_entropy on the CPU, its gradients by autograd. The only door to PyTorch.

Labels are class indices where every column is one-hot, otherwise distributions over the classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from gradcheck.implementations.adapter import DTYPES, Adapted
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.torch_arrays import Array, alone, array, leaf, tensor
from gradcheck.implementations.torch_uses import ALL, Hook, Traced, given_options, uses
from gradcheck.law import CrossEntropy

F = torch.nn.functional


def from_torch(
    loss: Callable[..., torch.Tensor],
    *,
    logits: Callable[..., torch.Tensor] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - immutable
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    takes: Takes = Takes(),  # noqa: B008 - immutable
    device: str = "cpu",
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of tensors in that layout, with its gradients by autograd.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        implementation = gradcheck.from_torch(
            my_fused_loss, logits=lambda theta, b, X: X @ theta.T + b, layout=Layout(samples="rows", labels="index")
        )

    Options of a loss that are keyword-only parameters, such as `weight` or `label_smoothing`, are varied; of others, those that
    `takes` names. Tensors are made on the `device`; X requires a gradient, as parameters do.
    """
    adapted = Adapted(loss, logits, layout, law, name, dtypes, takes)
    keys = adapted.keys

    def traced(
        arrays: tuple[Array, ...], given: Mapping[str, Any], needed: frozenset[str] = ALL, hook: Hook | None = None
    ) -> Traced:
        options, names = given_options(given), (*keys, "X", "Y")
        every = [leaf(each, requires_grad=key in needed) for key, each in zip(names, arrays, strict=True)]
        named = {key: each for key, each in zip(names, every, strict=True) if each.is_floating_point()}
        *tensors, X, Y = every
        if logits is None:
            return Traced(loss(*tensors, X, Y, **options), named)
        named["Z"] = Z = logits(*tensors, X)
        return Traced(loss(Z if hook is None else hook(Z), Y, **options), named)

    def value(*arrays: Array, **options: Any) -> Array:
        return array(traced(arrays, options, frozenset()).loss, arrays[0])

    def gradients(*arrays: Array, **options: Any) -> dict[str, Array]:
        found = traced(arrays, options)
        variables = {key: each for key, each in found.variables.items() if key != "Y"}
        slopes = torch.autograd.grad(found.loss.sum(), list(variables.values()), allow_unused=True)
        named = dict(zip(variables, slopes, strict=True))
        if named.get("X") is None:  # code may have no gradient of the data, which are no parameters
            named.pop("X", None)
        unused = {key: torch.zeros_like(variables[key]) for key, slope in named.items() if slope is None}
        return {key: array(slope, arrays[0]) for key, slope in {**named, **unused}.items()}

    def linear_part(*arrays: Array) -> Array:
        assert logits is not None
        return array(logits(*map(tensor, arrays)), arrays[0])

    used = uses(traced, adapted.value, len(keys), of_logits=logits is not None, device=device)
    return adapted.implementation(alone(gradients, device), alone(value, device), alone(linear_part, device), uses=used)


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
