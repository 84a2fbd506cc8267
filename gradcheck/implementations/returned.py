"""What an implementation returns, in the paper's layout. What is no array is left as it is: the checks judge it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck import tensors
from gradcheck.implementations.record import Layout
from gradcheck.problem import Array, Problem

KEYS = ("theta", "b", "Z", "X")


def shapes(problem: Problem) -> dict[str, tuple[int, ...]]:
    """Of each gradient."""
    return {"theta": problem.theta.shape, "b": problem.b.shape, "Z": problem.Y.shape, "X": problem.X.shape}


def in_columns(layout: Layout, array: Any) -> Any:
    """X, Y, Z, A: between (., n) and (n, .)."""
    return array.T if layout.samples == "rows" else array


def named(raw: Any) -> Any:
    """Gradients by name: a mapping as it is; a tuple or list in the order theta, b, Z, X; theta alone; an object
    by its attributes.
    """
    if isinstance(raw, Mapping):
        return raw
    if isinstance(raw, np.ndarray) or hasattr(raw, "__array__"):
        return {"theta": raw}
    if isinstance(raw, tuple | list) and not hasattr(raw, "_fields"):
        return dict(zip(KEYS, raw, strict=False))
    found = {key: getattr(raw, key) for key in KEYS if hasattr(raw, key)}
    return found or raw


def as_array(raw: Any) -> Any:
    """What is an array by another name, a tensor or a list, as an array."""
    return tensors.array(raw) if hasattr(raw, "__array__") or isinstance(raw, list | tuple) else raw


def turned_matrix(raw: Any, turn: Callable[[Array], Array]) -> Any:
    """A matrix turned; anything else untouched."""
    return turn(raw) if isinstance(raw, np.ndarray) and raw.ndim == 2 else raw


def _column(layout: Layout, raw: Any) -> Any:
    """A flat bias gradient as (L, 1); with samples in rows (1, L) is a flat one, too."""
    if isinstance(raw, np.ndarray) and layout.flat_bias:
        row = layout.samples == "rows" and raw.ndim == 2 and raw.shape[0] == 1
        return raw.reshape(-1, 1) if raw.ndim == 1 or row else raw
    return raw


def with_bias(found: dict[str, Any], d: int) -> dict[str, Any]:
    """Where the bias is the weight of a feature that is always 1: its gradient apart, and that of the feature left out."""
    if getattr(found.get("theta"), "shape", ())[1:] == (d + 1,):
        found = {**found, "theta": found["theta"][:, :-1], "b": found["theta"][:, -1:]}
    if getattr(found.get("X"), "shape", ())[:1] == (d + 1,):
        found = {**found, "X": found["X"][:-1]}
    return found


def turned(layout: Layout, key: str, raw: Any) -> Any:
    """One gradient, as an array in the paper's layout; what is none is left as it is."""
    raw = as_array(raw)
    if key == "b":
        return _column(layout, raw)
    turns = layout.theta == "features-first" if key == "theta" else key in ("Z", "X") and layout.samples == "rows"
    return turned_matrix(raw, lambda array: array.T) if turns else raw
