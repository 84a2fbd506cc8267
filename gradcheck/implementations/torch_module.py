"""A torch.nn.Module as an implementation: a layer, or a layer with its loss, by the .grad of its parameters."""

import copy
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

from gradcheck.errors import Unusable
from gradcheck.implementations.layout import hand
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.torch import Array, F, alone, array, tensor
from gradcheck.law import CrossEntropy

ROWS = Layout(samples="rows", labels="index")


def _sizes(module: torch.nn.Module) -> tuple[int, ...]:
    """The dimensions of its parameters: (2, 1) for weights and a bias, in the order in which they were registered."""
    return tuple(parameter.ndim for parameter in module.parameters())


def from_torch_module(
    module: torch.nn.Module,
    *,
    layout: Layout = ROWS,
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = ("float64", "float32"),
    takes: Takes | None = None,
) -> Implementation:
    """A module whose parameters are one matrix of weights and one bias, or the weights alone: a layer, or a layer with its loss.

    `module(X)` returns logits, of which F.cross_entropy is taken; `module(X, Y)` returns the loss. The problem's theta and b take
    the place of its parameters, in a copy of the module; the gradients are their .grad after `backward()`. A module of given
    in_features and out_features, or that raises where it gets others, is posed its own L and d; `takes=Takes()` says that it
    takes any.

        implementation = gradcheck.from_torch_module(MyLinear(4, 3))
    """
    if sorted(_sizes(module)) not in ([1, 2], [2]):
        raise Unusable(
            f"the module has parameters of {list(_sizes(module))} dimensions; expected one matrix, and perhaps one vector"
        )
    has_loss = len(inspect.signature(module.forward).parameters) > 1
    if not (has_loss or law.plain):
        raise Unusable(
            "the module returns logits, of which the mean cross-entropy is taken; expected one that returns its loss"
        )
    keys = tuple({2: "theta", 1: "b"}[size] for size in _sizes(module))
    if len(keys) == 1:
        layout = Layout(**{**vars(layout), "bias": "absent"})

    @cache
    def copied(dtype: torch.dtype) -> torch.nn.Module:
        return copy.deepcopy(module).to(dtype)

    def loaded(*parameters: Array) -> torch.nn.Module:
        """The copy of this dtype, with these parameters."""
        given = dict(zip(("theta", "b"), map(tensor, parameters), strict=False))
        own = copied(given["theta"].dtype)
        for key, parameter in zip(keys, own.parameters(), strict=True):
            parameter.data, parameter.grad = given[key], None
        return own

    def traced(*arrays: Array) -> tuple[torch.nn.Module, torch.Tensor]:
        *parameters, X, Y = arrays
        own, data = loaded(*parameters), tensor(X).to(tensor(parameters[0]).dtype)
        return own, own(data, tensor(Y)) if has_loss else F.cross_entropy(own(data), tensor(Y))

    def loss(*arrays: Array) -> Array:
        return array(traced(*arrays)[1], arrays[0])

    def gradients(*arrays: Array) -> dict[str, Array]:
        own, result = traced(*arrays)
        result.sum().backward()
        found = {key: parameter.grad for key, parameter in zip(keys, own.parameters(), strict=True)}
        return {key: array(grad, arrays[0]) for key, grad in found.items() if grad is not None}

    def logits(*arrays: Array) -> Array:
        *parameters, X = arrays
        own = loaded(*parameters)
        return array(own(tensor(X).to(tensor(parameters[0]).dtype)), arrays[0])

    offered: Any = None if has_loss else alone(logits)
    if takes is None:
        takes = _own_shape(module, layout, loss)
    return Implementation(
        name or type(module).__name__,
        alone(gradients),
        alone(loss),
        offered,
        dtypes=dtypes,
        layout=layout,
        law=law,
        takes=takes,
    )


def _own_shape(module: torch.nn.Module, layout: Layout, loss: Callable[..., Any]) -> Takes:
    """Its own numbers of classes and features, where it is of these alone; otherwise everything."""
    sizes = next(tuple(parameter.shape) for parameter in module.parameters() if parameter.ndim == 2)
    L, d = sizes[::-1] if layout.theta == "features-first" else sizes
    named = any(
        getattr(part, "in_features", None) == d and getattr(part, "out_features", None) == L
        for part in module.modules()
    )
    fixed = named or (_runs(loss, layout, L, d) and not _runs(loss, layout, L + 1, d + 1))
    return Takes(shapes=(f"L={L},d={d}",)) if fixed else Takes()


def _runs(loss: Callable[..., Any], layout: Layout, L: int, d: int) -> bool:
    """Whether it goes through with arrays of this shape."""
    bare, features = Implementation("", loss=loss, layout=layout), d - (layout.bias == "absent")
    Y = np.zeros((L, 3))
    Y[0] = 1
    handed = hand(bare, bare.law, np.zeros((L, features)), np.zeros((L, 1)), np.zeros((features, 3)), Y)
    try:
        loss(*handed.arguments)
    except Exception:
        return False
    return True
