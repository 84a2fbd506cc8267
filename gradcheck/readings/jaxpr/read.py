"""A function of jax.numpy as a specification: called with arrays of a reading, it is traced for their shapes, and read."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values
from gradcheck.readings.jaxpr import door
from gradcheck.readings.jaxpr.interpret import Interpreter
from gradcheck.readings.jaxpr.kinds import Reading, under
from gradcheck.readings.running import Running
from gradcheck.readings.tape import Variable


def value(
    function: Callable[..., Any], given: Mapping[str, Values], options: Mapping[str, Any], *, wide: bool
) -> Values:
    """What the loss is of these arrays."""
    closed = door.traced(function, _shapes(given), _options(options))
    if len(closed.jaxpr.outvars) != 1:
        raise Unusable(f"returns {len(closed.jaxpr.outvars)} arrays; expected one number")
    arrays = list(given.values())
    like = next((x for x in arrays if isinstance(x, Variable)), arrays[0])
    reading = Reading(like, wide=wide)
    (found,) = Interpreter(reading).run(closed.jaxpr, closed.consts, arrays)
    return found


def flows(
    function: Callable[..., Any], given: Mapping[str, Running], options: Mapping[str, Any], seed: Running
) -> dict[str, Running]:
    """What flows back from the loss to each array but Y, of a seed: by the program that JAX differentiates it to."""
    wrt = tuple(name for name in given if name != "Y")
    closed = door.traced(function, _shapes(given), _options(options), wrt)
    arrays = list(given.values())
    found = Interpreter(Reading(arrays[0], wide=False)).run(closed.jaxpr, closed.consts, [*arrays, seed])
    return dict(zip(wrt, found, strict=True))


def _shapes(given: Mapping[str, Values]) -> dict[str, door.Shaped]:
    return {name: (tuple(x.shape), _dtype(x)) for name, x in given.items()}


def _dtype(x: Values) -> np.dtype:
    return np.dtype(getattr(under(x), "dtype", np.float64))


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """As JAX takes numbers."""
    return {
        name: float(x) if isinstance(x, float) else door.space() if name == "np" else x for name, x in options.items()
    }
