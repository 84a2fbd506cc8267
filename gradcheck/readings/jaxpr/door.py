"""JAX, as far as a traced loss needs it: the jaxpr of the loss, that of its gradient, and single operations on whole numbers.

The only door to JAX of a loss of one's own. Traced as it runs: with 64 bits where the arrays have them, otherwise without.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradcheck.errors import Missing, Unusable, typed

Shaped = tuple[tuple[int, ...], np.dtype]
KEPT = 64  # traces, of so many shapes
_TRACES: "OrderedDict[Any, Any]" = OrderedDict()


@lru_cache(maxsize=1)
def jax() -> Any:
    """The package, when it is first needed."""
    try:
        import jax as found
    except ImportError:
        raise Missing.package("a loss that is traced", "jax") from None
    return found


def space() -> Any:
    """What a loss that has a parameter np is given."""
    return jax().numpy


def traced(
    function: Callable[..., Any], given: Mapping[str, Shaped], options: Mapping[str, Any], wrt: tuple[str, ...] = ()
) -> Any:
    """The closed jaxpr of a function of arrays by name, in order; with `wrt`, of what flows back to these from a seed, its last
    argument.
    """
    key = (function, tuple(given.items()), tuple(options.items()), wrt)
    found = _TRACES.get(key)
    if found is None:
        found = _TRACES[key] = _traced(function, given, options, wrt)
        if len(_TRACES) > KEPT:
            _TRACES.popitem(last=False)
    _TRACES.move_to_end(key)
    return found


def forget(function: Callable[..., Any]) -> None:
    """Trace it anew when it is next read: what changes from call to call is in no trace."""
    for key in [key for key in _TRACES if key[0] is function]:
        del _TRACES[key]


def _traced(function: Callable[..., Any], given: Mapping[str, Shaped], options: Mapping[str, Any], wrt: Any) -> Any:
    names = tuple(given)

    def loss(*arrays: Any) -> Any:
        found = function(**dict(zip(names, arrays, strict=True)), **options)
        if isinstance(found, Mapping):
            raise Unusable(f"returns {typed(found)}; expected one number")
        return found

    def back(*given: Any) -> Any:
        *arrays, seed = given
        held = dict(zip(names, arrays, strict=True))
        value, pull = jax().vjp(
            lambda *some: loss(*{**held, **dict(zip(wrt, some, strict=True))}.values()), *map(held.get, wrt)
        )
        return pull(seed.astype(value.dtype))

    shapes = [jax().ShapeDtypeStruct(shape, dtype) for shape, dtype in given.values()]
    wide = any(dtype == np.float64 for _, dtype in given.values())
    with jax().enable_x64(wide):
        if not wrt:
            return _with_constants(jax().make_jaxpr(loss)(*shapes))
        return _with_constants(jax().make_jaxpr(back)(*shapes, jax().ShapeDtypeStruct((), shapes[0].dtype)))


def _with_constants(closed: Any) -> Any:
    """Arrays of NumPy that a text has from elsewhere in the precision in which JAX takes them: without 64 bits in 32."""
    return SimpleNamespace(jaxpr=closed.jaxpr, consts=[np.asarray(jax().numpy.asarray(one)) for one in closed.consts])


def same(jaxpr: Any, name: str, options: tuple[tuple[str, Any], ...] = ()) -> bool:
    """Whether a jaxpr is that of a function of `jax.numpy` or `jax.nn`, whatever it is called."""
    given = tuple((variable.aval.shape, variable.aval.dtype) for variable in jaxpr.invars)
    return bool(_printed(jaxpr) == _text(name, given, options))


def _printed(jaxpr: Any) -> str:
    return str(jaxpr.pretty_print(use_color=False))


@lru_cache(maxsize=256)
def _text(name: str, given: Any, options: tuple[tuple[str, Any], ...]) -> str:
    space = jax().nn if hasattr(jax().nn, name) else jax().numpy
    with jax().enable_x64(any(dtype == np.float64 for _, dtype in given)):
        arrays = [jax().ShapeDtypeStruct(shape, dtype) for shape, dtype in given]
        (step,) = jax().make_jaxpr(lambda *xs: getattr(space, name)(*xs, **dict(options)))(*arrays).jaxpr.eqns
        return _printed(inner(step)[0])


def inner(step: Any) -> tuple[Any, list[Any]]:
    """The jaxpr that an equation calls, and its constants."""
    found = next(step.params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in step.params)
    return (found.jaxpr, found.consts) if hasattr(found, "consts") and hasattr(found, "jaxpr") else (found, [])


def bound(step: Any, arrays: Any, **changed: Any) -> list[Any]:
    """What JAX makes of arrays of whole numbers and truth values by an equation."""
    with jax().enable_x64(True):
        found = step.primitive.bind(*map(jax().numpy.asarray, arrays), **{**step.params, **changed})
    return [np.asarray(one) for one in (found if step.primitive.multiple_results else [found])]


def gathered(places: np.ndarray, indices: np.ndarray, params: Mapping[str, Any]) -> np.ndarray:
    """Which places a gather takes; negative where it takes none."""
    lax = jax().lax
    with jax().enable_x64(True):
        found = lax.gather(
            jax().numpy.asarray(places, np.int64),
            jax().numpy.asarray(indices),
            params["dimension_numbers"],
            params["slice_sizes"],
            mode=params["mode"],
            fill_value=-1,
        )
    return np.asarray(found)


def landing(places: np.ndarray, indices: np.ndarray, shape: tuple[int, ...], params: Mapping[str, Any]) -> np.ndarray:
    """Into which places a scatter of so many entries puts them: those that the opposite gather takes."""
    numbers = params["dimension_numbers"]
    gone = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    window = iter([shape[axis] for axis in numbers.update_window_dims])
    opposite = jax().lax.GatherDimensionNumbers(
        offset_dims=numbers.update_window_dims,
        collapsed_slice_dims=numbers.inserted_window_dims,
        start_index_map=numbers.scatter_dims_to_operand_dims,
        operand_batching_dims=numbers.operand_batching_dims,
        start_indices_batching_dims=numbers.scatter_indices_batching_dims,
    )
    sizes = tuple(1 if axis in gone else next(window) for axis in range(places.ndim))
    return gathered(places, indices, {"dimension_numbers": opposite, "slice_sizes": sizes, "mode": params["mode"]})
