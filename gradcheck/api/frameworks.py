"""`from_torch`, `from_torch_module`, `from_jax`, `from_autograd`, `from_tensorflow`, `from_mlx` and `from_paddle`.

Each imports its framework when it is called.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gradcheck.errors import Missing
from gradcheck.implementations import Implementation, Layout, Takes
from gradcheck.implementations.adapter import DTYPES, Adapted
from gradcheck.law import CrossEntropy

if TYPE_CHECKING:
    import jax
    import torch

PAPER, PLAIN, ROWS, ALL = Layout(), CrossEntropy(), Layout(samples="rows", labels="index"), Takes()


def from_torch(
    loss: "Callable[..., torch.Tensor]",
    *,
    logits: "Callable[..., torch.Tensor] | None" = None,
    layout: Layout = PAPER,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    takes: Takes = ALL,
    device: str = "cpu",
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of tensors in that layout, with its gradients by autograd.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        implementation = gradcheck.from_torch(
            my_fused_loss, logits=lambda theta, b, X: X @ theta.T + b, layout=Layout(samples="rows", labels="index")
        )

    Options of a loss that are keyword-only parameters, such as `weight` or `label_smoothing`, are varied; of others, those that
    `takes` names: `takes=Takes(options=("label_smoothing",))`. Tensors are made on the `device`, such as "cuda"; X requires a
    gradient, as parameters do, and has one that is judged.

        >>> import gradcheck, torch.nn.functional as F
        >>> it = gradcheck.from_torch(lambda theta, b, X, Y: F.cross_entropy((theta @ X + b).T, Y.T), name="mine")
        >>> gradcheck.check(it, checks=["theta_gradient"], max_examples=20)
        <Run mine float64: 1 agree on 20 problems (seed 0)>
    """
    with _needing("from_torch", "torch"):
        from gradcheck.implementations import torch as made

    return made.from_torch(
        loss, logits=logits, layout=layout, law=law, name=name, dtypes=dtypes, takes=takes, device=device
    )


def from_torch_module(
    module: "torch.nn.Module",
    *,
    layout: Layout = ROWS,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    takes: Takes | None = None,
) -> Implementation:
    """A module whose parameters are one matrix of weights and one bias, or the weights alone: a layer, or a layer with its loss.

    `module(X)` returns logits, of which F.cross_entropy is taken; `module(X, Y)` returns the loss. The problem's theta and b take
    the place of its parameters, in a copy of the module; the gradients are their .grad after `backward()`. A module of given
    in_features and out_features, or that raises where it gets others, is posed its own L and d; `takes=Takes()` says that it
    takes any.

        >>> import gradcheck, torch
        >>> gradcheck.check(gradcheck.from_torch_module(torch.nn.Linear(4, 3)), checks=["theta_gradient"], max_examples=20)
        <Run Linear float64: 1 agree on 20 problems (seed 0)>
    """
    with _needing("from_torch_module", "torch"):
        from gradcheck.implementations import torch_module as made

    return made.from_torch_module(module, layout=layout, law=law, name=name, dtypes=dtypes, takes=takes)


def from_jax(
    loss: "Callable[..., jax.Array]",
    *,
    logits: "Callable[..., jax.Array] | None" = None,
    layout: Layout = PAPER,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of JAX arrays in that layout, with its gradients by jax.grad.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too.
    Options of a loss that are keyword-only parameters, such as `label_smoothing`, are varied; they are traced.

        >>> import gradcheck, jax
        >>> def loss(Z, Y):
        ...     return -(Y * jax.nn.log_softmax(Z, axis=0)).sum() / Z.shape[1]
        >>> it = gradcheck.from_jax(loss, logits=lambda theta, b, X: theta @ X + b)
        >>> gradcheck.check(it, checks=["logits_gradient"], regimes=["two-classes"], max_examples=5)
        <Run loss float64: 1 agree on 5 problems (seed 0)>
    """
    with _needing("from_jax", "jax"):
        from gradcheck.implementations import jax as made

    return made.from_jax(loss, logits=logits, layout=layout, law=law, name=name, dtypes=dtypes)


def from_autograd(
    loss: Callable[..., Any],
    *,
    logits: Callable[..., Any] | None = None,
    layout: Layout = PAPER,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` written with autograd.numpy, with its gradients by autograd.grad.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        >>> import gradcheck, autograd.numpy as anp
        >>> from autograd.scipy.special import logsumexp
        >>> def loss(Z, Y):
        ...     return -anp.sum(Y * (Z - logsumexp(Z, axis=0, keepdims=True))) / Z.shape[1]
        >>> it = gradcheck.from_autograd(loss, logits=lambda theta, b, X: theta @ X + b)
        >>> gradcheck.check(it, checks=["logits_gradient"], max_examples=20)
        <Run loss float64: 1 agree on 20 problems (seed 0)>
    """
    with _needing("from_autograd", "autograd"):
        from gradcheck.implementations import autograd as made

    return made.from_autograd(loss, logits=logits, layout=layout, law=law, name=name, dtypes=dtypes)


def from_tensorflow(
    loss: Callable[..., Any],
    *,
    logits: Callable[..., Any] | None = None,
    layout: Layout = PAPER,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    takes: Takes = ALL,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of TensorFlow's tensors in that layout, with its gradients by GradientTape.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too.

        >>> import gradcheck, tensorflow as tf
        >>> def loss(theta, b, X, Y):
        ...     return -tf.reduce_sum(Y * tf.nn.log_softmax(theta @ X + b, axis=0)) / X.shape[1]
        >>> gradcheck.check(gradcheck.from_tensorflow(loss, name="mine"), checks=["theta_gradient"], max_examples=10)
        <Run mine float64: 1 agree on 10 problems (seed 0)>

    Options of a loss that are keyword-only parameters are varied, or those that `takes` names.
    TensorFlow takes subnormal numbers for zero, and so is declared.
    """
    with _needing("from_tensorflow", "tensorflow"):
        from gradcheck.implementations import tensorflow as made

    return made.adapted(Adapted(loss, logits, layout, law, name, dtypes, takes))


def from_mlx(
    loss: Callable[..., Any],
    *,
    logits: Callable[..., Any] | None = None,
    layout: Layout = PAPER,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = ("float32",),
    takes: Takes = ALL,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of MLX arrays in that layout, with its gradients by mlx.core.vjp.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too.

        >>> import gradcheck, mlx.core as mx
        >>> def loss(theta, b, X, Y):
        ...     Z = theta @ X + b
        ...     return (Y * (mx.logsumexp(Z, axis=0) - Z)).sum() / X.shape[1]
        >>> gradcheck.check(gradcheck.from_mlx(loss, name="mine"), checks=["theta_gradient"], max_examples=10)
        <Run mine float32: 1 agree on 10 problems (seed 0)>

    Options of a loss that are keyword-only parameters are varied, or those that `takes` names. MLX takes subnormal numbers for
    zero, and so is declared.
    """
    with _needing("from_mlx", "mlx"):
        from gradcheck.implementations import mlx as made

    return made.adapted(Adapted(loss, logits, layout, law, name, dtypes, takes))


def from_paddle(
    loss: Callable[..., Any],
    *,
    logits: Callable[..., Any] | None = None,
    layout: Layout = PAPER,
    law: CrossEntropy = PLAIN,
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    takes: Takes = ALL,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` of Paddle's tensors on the CPU in that layout, with its gradients by paddle.grad.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too.

        >>> import gradcheck, paddle
        >>> def loss(theta, b, X, Y):
        ...     Z = theta @ X + b
        ...     return (Y * (paddle.logsumexp(Z, 0) - Z)).sum() / X.shape[1]
        >>> gradcheck.check(gradcheck.from_paddle(loss, name="mine"), checks=["theta_gradient"], max_examples=10)
        <Run mine float64: 1 agree on 10 problems (seed 0)>

    Options of a loss that are keyword-only parameters are varied, or those that `takes` names. Paddle's exp is off where
    it is subnormal, and so flushed subnormals are declared.
    """
    with _needing("from_paddle", "paddle"):
        from gradcheck.implementations import paddle as made

    return made.adapted(Adapted(loss, logits, layout, law, name, dtypes, takes))


@contextmanager
def _needing(name: str, package: str) -> Iterator[None]:
    """A framework that is not installed is one line, with the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] == "gradcheck":
            raise
        raise Missing.package(f"gradcheck.{name}", package) from None
