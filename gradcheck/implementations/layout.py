"""An implementation of any layout, presented in the paper's: transposed views on the way in and on the way out.

Nothing is copied, so that what the implementation does to its inputs is still seen. What it returns is passed on as it is
where it is no array: the checks judge it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.implementations.record import Function, Implementation, Layout
from gradcheck.problem import Array


class NotPosed(Exception):
    """This layout cannot express the problem; the message says why."""


def adapt(implementation: Implementation) -> Implementation:
    """The same implementation, to be called with the paper's arrays and returning the paper's arrays."""
    layout = implementation.layout
    if layout == Layout():
        return implementation
    wrapped: dict[str, Any] = {
        name: WRAPPERS[name](getattr(implementation, name), layout)
        for name in implementation.offers
        if name in WRAPPERS
    }
    return replace(implementation, layout=Layout(), **wrapped)


def _samples(layout: Layout, array: Any) -> Any:
    """X, Y, Z, A: between (., n) and (n, .)."""
    return array.T if layout.samples == "rows" else array


def _theta(layout: Layout, array: Any) -> Any:
    return array.T if layout.theta == "features-first" else array


def _labels(layout: Layout, Y: Array) -> Array:
    if layout.labels == "one-hot":
        return Y.T if layout.samples == "rows" else Y
    if not (((Y == 0) | (Y == 1)).all() and (Y.astype(float).sum(axis=0) == 1).all()):
        raise NotPosed("index labels cannot express these label masses")
    return Y.argmax(axis=0).astype(np.int64)


def _bias(layout: Layout, b: Array) -> Array:
    return b[:, 0] if layout.samples == "rows" else b


def _arguments(layout: Layout, theta: Array, b: Array, X: Array, *rest: Array) -> tuple[Array, ...]:
    return (_theta(layout, theta), _bias(layout, b), _samples(layout, X), *(_labels(layout, Y) for Y in rest))


def _turned(raw: Any, turn: Callable[[Array], Array]) -> Any:
    """An array turned; anything else, and what is no matrix, untouched."""
    array = raw if isinstance(raw, np.ndarray) else None
    return raw if array is None or array.ndim != 2 else turn(array)


def _column(raw: Any) -> Any:
    """A bias gradient of shape (L,) or (1, L), as row code returns it, as (L, 1)."""
    if isinstance(raw, np.ndarray) and (raw.ndim == 1 or (raw.ndim == 2 and raw.shape[0] == 1)):
        return raw.reshape(-1, 1)
    return raw


def _mean(layout: Layout, raw: Any, n: int) -> Any:
    """A sum as a mean: one rounding, which the bounds count already."""
    if layout.reduction == "mean" or raw is None or isinstance(raw, str):
        return raw
    return (raw / np.asarray(n).astype(raw.dtype)).astype(raw.dtype) if isinstance(raw, np.ndarray) else raw / n


def _gradients(function: Function, layout: Layout) -> Function:
    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> Any:
        raw = function(*_arguments(layout, theta, b, X, Y))
        if not isinstance(raw, Mapping):
            return raw
        turns: dict[str, Callable[[Any], Any]] = {
            "theta": lambda g: _turned(g, lambda a: _theta(layout, a)),
            "b": lambda g: _column(g) if layout.samples == "rows" else g,
            "Z": lambda g: _turned(g, lambda a: _samples(layout, a)),
        }
        return {key: _mean(layout, turns.get(key, lambda g: g)(value), X.shape[1]) for key, value in raw.items()}

    return gradients


def _loss(function: Function, layout: Layout) -> Function:
    return lambda theta, b, X, Y: _mean(layout, function(*_arguments(layout, theta, b, X, Y)), X.shape[1])


def _logits(function: Function, layout: Layout) -> Function:
    return lambda theta, b, X: _turned(function(*_arguments(layout, theta, b, X)), lambda a: _samples(layout, a))


def _softmax(function: Function, layout: Layout) -> Function:
    return lambda Z: _turned(function(_samples(layout, Z)), lambda a: _samples(layout, a))


WRAPPERS: dict[str, Callable[[Function, Layout], Function]] = {
    "gradients": _gradients,
    "loss": _loss,
    "logits": _logits,
    "softmax": _softmax,
}
