"""Which entry of a flat list stands where: shapes, and what moves, stretches and groups entries. Worked out once for each shape."""

from functools import cache
from math import prod

import numpy as np

from gradcheck.errors import Unusable

Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None


def axis_of(axis: int, ndim: int) -> int:
    """Counted from the first; `Unusable` where there is no such axis."""
    if not -ndim <= axis < ndim:
        raise Unusable(f"axis {axis} of an array of {ndim} axes; expected one from {-ndim} to {ndim - 1}")
    return axis % ndim


@cache
def places(shape: Shape) -> np.ndarray:
    """Of each entry, its place in the list."""
    return np.arange(prod(shape)).reshape(shape)


@cache
def transposition(shape: Shape) -> list[int]:
    """With the axes the other way round."""
    return list(places(shape).T.ravel().tolist())


@cache
def stretching(shape: Shape, to: Shape) -> list[int]:
    """Broadcast."""
    return list(np.broadcast_to(places(shape), to).ravel().tolist())


@cache
def broadcast(*shapes: Shape) -> Shape:
    """The shape of all of them together."""
    return np.broadcast_shapes(*shapes)


@cache
def reduced(shape: Shape, axis: Axis, keepdims: bool) -> Shape:
    """After a sum."""
    return np.empty(shape, dtype=bool).sum(axis=axis, keepdims=keepdims).shape


@cache
def groups(shape: Shape, axis: Axis) -> list[list[int]]:
    """The places of the terms of each sum."""
    axes = tuple(range(len(shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(k % len(shape) for k in axes)
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    terms = prod(shape[k] for k in axes)
    found = places(shape).transpose(*rest, *axes).reshape(prod(shape[k] for k in rest), terms)
    return list(found.tolist())
