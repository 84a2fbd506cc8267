"""`autograd`: autograd.scipy.special.logsumexp, its gradients by autograd.grad and make_vjp. The only door to autograd."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from autograd import grad, make_vjp
from autograd import numpy as anp
from autograd.core import VJPNode, backward_pass, vspace
from autograd.scipy.special import logsumexp
from autograd.tracer import trace
from numpy.typing import NDArray

from gradcheck.implementations.adapter import DTYPES, Adapted
from gradcheck.implementations.autograd_uses import uses
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.law import CrossEntropy

Array = NDArray[Any]


def from_autograd(
    loss: Callable[..., Any],
    *,
    logits: Callable[..., Any] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - immutable
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    name: str = "",
    dtypes: tuple[str, ...] = DTYPES,
) -> Implementation:
    """Any differentiable `loss(theta, b, X, Y)` written with autograd.numpy, with its gradients by autograd.grad.

    With `logits(theta, b, X)`, the loss is one of logits, `loss(Z, Y)`, and its gradient with respect to Z is judged, too:

        implementation = gradcheck.from_autograd(my_loss, logits=lambda theta, b, X: theta @ X + b)

    The gradient with respect to X is judged unless the loss has none: X as a constant, or in what autograd cannot differentiate.
    """
    adapted = Adapted(loss, logits, layout, law, name, dtypes)
    keys = adapted.keys

    def gradients(*arrays: Array, **options: Any) -> dict[str, Array]:
        *parameters, X, Y = arrays
        if logits is None:
            found = grad(lambda p: anp.sum(loss(*p, X, Y, **options)))(tuple(parameters))
            return {**dict(zip(keys, found, strict=True)), **_of_data(lambda X: loss(*parameters, X, Y, **options), X)}
        pull, Z = make_vjp(lambda p: logits(*p, X))(tuple(parameters))
        D = grad(lambda Z: anp.sum(loss(Z, Y, **options)))(Z)
        data = _of_data(lambda X: logits(*parameters, X), X, D)
        return {**dict(zip(keys, pull(D), strict=True)), **data, "Z": D}

    return adapted.implementation(gradients, adapted.value, logits, uses=uses(loss, logits, keys))


def _of_data(function: Callable[[Array], Any], X: Array, D: Array | None = None) -> dict[str, Array]:
    """The gradient with respect to X, of the sum of a loss, or of logits by what the loss has of them; none where there is none."""
    if X.dtype.kind != "f":
        return {}
    # code may have no gradient of the data, which are no parameters
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # autograd warns where it has none
        found, node = trace(VJPNode.new_root(), function, X)
        if node is not None:  # it does depend on them
            return {"X": backward_pass(vspace(found).ones() if D is None else D, node)}
    return {}


def _logits(theta: Array, b: Array, X: Array) -> Array:
    return anp.dot(theta, X.astype(theta.dtype)) + b


def _cross_entropy(Z: Array, Y: Array) -> Any:
    labels, used = Y.astype(Z.dtype), Y > 0
    lse = anp.sum(labels, axis=0) * logsumexp(Z, axis=0)
    return (anp.sum(lse) - anp.sum(labels[used] * Z[used])) / Z.shape[1]


implementation = from_autograd(_cross_entropy, logits=_logits, name="autograd")
