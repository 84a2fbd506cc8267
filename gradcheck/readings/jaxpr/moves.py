"""Equations that move entries, and those that multiply and add along axes."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.functions import Array, Values
from gradcheck.readings.jaxpr import door
from gradcheck.readings.jaxpr.kinds import converted, each_part, known, whole
from gradcheck.readings.jaxpr.step import Step
from gradcheck.readings.places import places
from gradcheck.readings.primitives.arithmetic import ADD, MATMUL
from gradcheck.readings.primitives.moving import BROADCAST, CONCATENATE, PICK, RESHAPE, TRANSPOSE
from gradcheck.readings.running import Condition
from gradcheck.readings.running.conditions import of


def plain(x: Any) -> bool:
    """Whether NumPy itself can move it."""
    return known(x) or isinstance(x, Condition)


def reshaped(step: Step, x: Any, *_: Any) -> Any:
    shape = step.shape
    return each_part(x, lambda a: a.reshape(shape)) if plain(x) else RESHAPE(x, shape=shape)


def transposed(step: Step, x: Any) -> Any:
    axes = step.params["permutation"]
    return each_part(x, lambda a: a.transpose(axes)) if plain(x) else TRANSPOSE(x, axes=tuple(map(int, axes)))


def broadcast(step: Step, x: Any, *_: Any) -> Any:
    """With new axes, then as often as the shape needs it."""
    shape = step.shape
    axes = {int(axis): size for axis, size in zip(step.params["broadcast_dimensions"], x.shape, strict=True)}
    thin = tuple(axes.get(k, 1) for k in range(len(shape)))
    if plain(x):
        return each_part(x, lambda a: np.broadcast_to(a.reshape(thin), shape))
    thinned = x if x.shape == thin else RESHAPE(x, shape=thin)
    return thinned if thin == shape else BROADCAST(thinned, shape=shape)


def sliced(step: Step, x: Any) -> Any:
    p = step.params
    strides = p["strides"] or (1,) * len(p["start_indices"])
    index = tuple(map(slice, p["start_indices"], p["limit_indices"], strides))
    return picked(x, lambda a: a[index])


def reversed_(step: Step, x: Any) -> Any:
    return picked(x, lambda a: np.flip(a, step.params["dimensions"]))


def picked(x: Any, function: Any) -> Any:
    return each_part(x, function) if plain(x) else PICK(x, places=function(places(tuple(x.shape))))


def split(step: Step, x: Any) -> list[Any]:
    axis, ends = step.params["axis"], np.cumsum(step.params["sizes"])
    lead = (slice(None),) * axis
    parts = [slice(end - size, end) for size, end in zip(step.params["sizes"], ends, strict=True)]
    return [picked(x, lambda a, part=part: a[(*lead, part)]) for part in parts]


def concatenated(step: Step, *arrays: Any) -> Any:
    axis = step.params["dimension"]
    if all(map(plain, arrays)):
        return _together(arrays, lambda parts: np.concatenate(parts, axis=axis))
    return CONCATENATE(*arrays, axis=axis)


def joined(step: Step, *arrays: Any) -> Any:
    return stacked(arrays, step.params["axis"])


def stacked(arrays: Sequence[Any], axis: int = 0) -> Any:
    """One beside the other along a new axis."""
    if all(map(plain, arrays)):
        return _together(arrays, lambda parts: np.stack(parts, axis=axis))
    thin = list(arrays[0].shape)
    thin.insert(axis, 1)
    return CONCATENATE(*(RESHAPE(x, shape=tuple(thin)) for x in arrays), axis=axis)


def _together(arrays: Sequence[Any], function: Callable[[list[Array]], Array]) -> Any:
    """Of NumPy's arrays, or of conditions part by part."""
    if all(map(known, arrays)):
        return function(list(arrays))
    parts = [[np.broadcast_to(part, x.shape) for part in (x.value, x.sure, x.tied)] for x in map(of, arrays)]
    return Condition(*map(function, map(list, zip(*parts, strict=True))))


def in_a_row(*arrays: Any) -> Any:
    """All their entries."""
    if all(map(plain, arrays)):
        return _together([each_part(x, np.ravel) for x in arrays], np.concatenate)
    return CONCATENATE(*(RESHAPE(x, shape=(x.size,)) for x in arrays), axis=0)


def apart(step: Step, x: Any) -> list[Any]:
    lead = (slice(None),) * step.params["axis"]
    return [picked(x, lambda a, k=k: a[(*lead, k)]) for k in range(len(step.equation.outvars))]


def padded(step: Step, x: Any, filling: Any) -> Any:
    """As entries of x and the filling, one after the other, are taken."""
    standing = door.bound(step.equation, (places(tuple(x.shape)), np.asarray(x.size)))[0]
    every = filled(step, x, whole(filling, "pad") if plain(x) else filling)
    return picked(every, lambda a: a[standing])


def gathered(step: Step, x: Any, indices: Any) -> Any:
    standing = door.gathered(places(tuple(x.shape)), whole(indices, "an index"), step.params)
    beyond, filling = standing < 0, step.params.get("fill_value")
    if not beyond.any():
        return picked(x, lambda a: a.reshape(-1)[standing])
    if filling is None:
        raise Unusable("a traced loss takes entries beyond the end of an array")
    every = filled(step, x, np.asarray(filling))
    return picked(every, lambda a: a[np.where(beyond, x.size, standing)])


def filled(step: Step, x: Any, filling: Any) -> Any:
    """All entries in a row, and after them one number."""
    if isinstance(filling, np.ndarray) and not plain(x):
        filling = step.reading.constant(filling, step.dtype)
    return in_a_row(x, filling)


def _window(x: Any, starts: tuple[Any, ...], sizes: tuple[int, ...]) -> tuple[slice, ...]:
    """From where it is said: moved so that it stays within, as JAX does."""
    lasts = (n - size for n, size in zip(x.shape, sizes, strict=True))
    begin = [int(np.clip(whole(start, "an index"), 0, last)) for start, last in zip(starts, lasts, strict=True)]
    return tuple(slice(at, at + size) for at, size in zip(begin, sizes, strict=True))


def dynamic(step: Step, x: Any, *starts: Any) -> Any:
    """A slice from where it is said."""
    window = _window(x, starts, step.params["slice_sizes"])
    return picked(x, lambda a: a[window])


def updated(step: Step, x: Any, part: Any, *starts: Any) -> Any:
    """With a part in the place of what stood there."""
    standing = places(tuple(x.shape)).copy()
    standing[_window(x, starts, part.shape)] = x.size + places(tuple(part.shape))
    return picked(in_a_row(x, part), lambda a: a[standing])


def added(step: Step, x: Values, y: Values) -> Values:
    """A sum; of what is 0 throughout there is none."""
    if step.number(y) == 0 and tuple(x.shape) == step.shape:
        return x
    return ADD(x, y)


def product(step: Step, x: Any, y: Any) -> Any:
    """Of the axes that both have in a stack, over those that are contracted, in the precision of the result."""
    ((over, also), (stack, besides)) = step.params["dimension_numbers"]
    x, y = (converted(one, step.dtype, step.reading) for one in (x, y))
    rows = [k for k in range(x.ndim) if k not in (*over, *stack)]
    columns = [k for k in range(y.ndim) if k not in (*also, *besides)]
    sizes = [prod(x.shape[k] for k in axes) for axes in (rows, over)]
    last = prod(y.shape[k] for k in columns)
    lead = tuple(x.shape[k] for k in stack)
    left = RESHAPE(_ordered(x, (*stack, *rows, *over)), shape=(*lead, *sizes))
    right = RESHAPE(_ordered(y, (*besides, *also, *columns)), shape=(*lead, sizes[1], last))
    return RESHAPE(MATMUL(left, right), shape=step.shape)


def _ordered(x: Any, axes: tuple[int, ...]) -> Any:
    return x if axes == tuple(range(x.ndim)) else TRANSPOSE(x, axes=tuple(map(int, axes)))
