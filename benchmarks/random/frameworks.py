"""The names that programs are written in, in torch and JAX, and what each makes of a program: its value and its gradients."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import gradcheck.numpy
from gradcheck.readings.tape import Gradients, Variable

Array = Any
Found = list[Array]  # the value, then the gradient of each input
Program = Callable[..., Any]


def by_numpy(program: Program, arrays: list[Array], weight: Array | None = None) -> Found:
    """In NumPy, backward by the tape. A weight makes a number of what is an array."""
    variables = [Variable(array) for array in arrays]
    found = program(*variables, np=gradcheck.numpy)
    whole = found if weight is None else (found * weight).sum()
    known = Gradients(whole)
    return [found.array, *(known[v] if id(v) in known.uses else None for v in variables)]


def _torch() -> tuple[Any, Any]:
    import torch

    def axes(axis: Any) -> Any:
        return () if axis is None else axis

    names = {
        name: getattr(torch, name)
        for name in [
            "exp",
            "log",
            "log1p",
            "expm1",
            "tanh",
            "sqrt",
            "sin",
            "cos",
            "arccos",
            "arcsin",
            "arctan",
            "sinh",
            "cosh",
            "floor",
            "ceil",
            "round",
            "sigmoid",
            "abs",
            "sign",
            "square",
        ]
    }
    names |= {
        name: getattr(torch, name)
        for name in ["relu", "maximum", "minimum", "where", "logaddexp", "reciprocal", "matmul", "trace"]
    }
    names |= {name: getattr(torch, name) for name in ["flip", "einsum", "stack"]}
    lifted = {
        name: lambda x, y, f=names[name]: f(x, torch.as_tensor(y, dtype=x.dtype))
        for name in ("maximum", "minimum", "logaddexp")
    }
    space = SimpleNamespace(
        **{
            **names,
            **lifted,
            "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
            "log_sigmoid": torch.nn.functional.logsigmoid,
            "clip": torch.clamp,
            "power": torch.pow,
            "sum": lambda x, axis=None, keepdims=False: torch.sum(x, dim=axes(axis), keepdim=keepdims),
            "mean": lambda x, axis=None, keepdims=False: torch.mean(x, dim=axes(axis), keepdim=keepdims),
            "max": lambda x, axis=None, keepdims=False: torch.amax(x, dim=axes(axis), keepdim=keepdims),
            "min": lambda x, axis=None, keepdims=False: torch.amin(x, dim=axes(axis), keepdim=keepdims),
            "norm": lambda x, axis=None, keepdims=False: torch.sqrt(torch.sum(x * x, dim=axes(axis), keepdim=keepdims)),
            "cumsum": lambda x, axis: torch.cumsum(x, dim=axis),
            "prod": lambda x, axis: torch.prod(x, dim=axis),
            "sort": lambda x, axis: torch.sort(x, dim=axis).values,
            "median": lambda x, axis: torch.sort(x, dim=axis).values[1:3].sum(dim=0) / 2,  # of four rows
            "softmax": lambda x, axis=0: torch.softmax(x, dim=axis),
            "log_softmax": lambda x, axis=0: torch.log_softmax(x, dim=axis),
            "logsumexp": lambda x, axis=0, keepdims=False: torch.logsumexp(x, dim=axis, keepdim=keepdims),
            "transpose": lambda x, order=None: x.permute(*(order or range(x.ndim)[::-1])),
            "reshape": torch.reshape,
            "concatenate": lambda xs, axis=0: torch.cat(list(xs), dim=axis),
            "take_along_axis": lambda x, index, axis: torch.take_along_dim(x, torch.as_tensor(index), dim=axis),
            "take": lambda x, index, axis: torch.index_select(x, axis, torch.as_tensor(index)),
        }
    )
    return torch, space


def by_torch(program: Program, arrays: list[Array], weight: Array | None = None) -> Found:
    """In torch, backward by autograd."""
    torch, space = _once(TORCH, _torch)
    kind = getattr(torch, arrays[0].dtype.name)
    tensors = [torch.tensor(array.astype(np.float64), dtype=kind, requires_grad=True) for array in arrays]
    found = program(*tensors, np=space)
    whole = found if weight is None else (found * torch.tensor(weight.astype(np.float64), dtype=kind)).sum()
    whole.backward()
    return [
        part if part is None else part.detach().to(torch.float64).numpy()
        for part in (found, *(t.grad for t in tensors))
    ]


def _jax() -> tuple[Any, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    names = "exp log log1p expm1 tanh sqrt sin cos arccos arcsin arctan sinh cosh abs sign square maximum minimum where"
    more = "logaddexp reciprocal matmul trace flip einsum stack clip power sum mean max min cumsum prod sort median"
    most = "floor ceil round transpose reshape concatenate take_along_axis"
    space = SimpleNamespace(
        **{name: getattr(jnp, name) for name in f"{names} {more} {most}".split()},
        **{name: getattr(jax.nn, name) for name in ["sigmoid", "softplus", "log_sigmoid", "relu"]},
        take=lambda x, index, axis: jnp.take(x, np.array(index), axis=axis),
        softmax=lambda x, axis=0: jax.nn.softmax(x, axis=axis),
        log_softmax=lambda x, axis=0: jax.nn.log_softmax(x, axis=axis),
        logsumexp=lambda x, axis=0, keepdims=False: jax.nn.logsumexp(x, axis=axis, keepdims=keepdims),
        norm=lambda x, axis=None, keepdims=False: jnp.sqrt(jnp.sum(x * x, axis=axis, keepdims=keepdims)),
    )
    return jax, space


def by_jax(program: Program, arrays: list[Array], weight: Array | None = None) -> Found:
    """In JAX, one operation at a time, backward by its vjp."""
    jax, space = _once(JAX, _jax)
    found, back = jax.vjp(lambda *given: program(*given, np=space), *map(jax.numpy.asarray, arrays))
    seed = jax.numpy.ones_like(found) if weight is None else jax.numpy.asarray(weight)
    return [np.asarray(part) for part in (found, *back(seed.astype(found.dtype)))]


TORCH: list[Any] = []
JAX: list[Any] = []


def _once(kept: list[Any], make: Callable[[], Any]) -> Any:
    if not kept:
        kept.append(make())
    return kept[0]


FRAMEWORKS: dict[str, Callable[..., Found]] = {"numpy": by_numpy, "torch": by_torch, "jax": by_jax}
