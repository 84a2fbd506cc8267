"""Whether what a framework computes, and the truth, lie within the running error of a text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from benchmarks.random.frameworks import FRAMEWORKS, by_numpy
from gradcheck import precision
from gradcheck.readings.balls import Balls
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted

Array = Any
BITS = 300


@dataclass(frozen=True)
class Given:
    """Inputs, how far each may be off, inputs that are so; and what makes a number of a result that is an array."""

    arrays: list[Array]
    errors: list[Array]
    moved: list[Array]
    weight: Array | None = None


def compiled(text: str) -> Callable[..., Any]:
    """The function of a text."""
    space: dict[str, Any] = {}
    exec(text, space)  # of our own drawing
    return space["loss"]


def allowed(program: Any, given: Given, flushed: bool) -> list[Any]:
    """Value and gradients, as they may be computed; where subnormals are flushed, also then."""
    dtype = given.arrays[0].dtype
    with granted(dtype, precision.granted(dtype.name, "", flushed)):
        pairs = zip(given.arrays, given.errors, strict=True)
        inputs = [Running.given(Running(x.astype(np.float64), e, dtype)) for x, e in pairs]
        seed = None if given.weight is None else Running.exact(given.weight)
        return by_numpy(program, inputs, seed)


def truth(program: Any, given: Given) -> list[Any]:
    """By balls."""
    with flint.ctx.workprec(BITS):
        inputs = [Balls.exact(x.astype(np.float64)) for x in given.moved]
        return by_numpy(program, inputs, None if given.weight is None else Balls.exact(given.weight.astype(np.float64)))


def ratios(computed: Array, limit: Any) -> Array:
    """How far off, over how far it may be; infinite where it may not."""
    found = np.asarray(computed).astype(np.longdouble)
    with np.errstate(all="ignore"):
        off = abs(found - limit.value)
        same = (found == limit.value) | np.isnan(found) & np.isnan(limit.value) | np.isinf(limit.error)
        ratio = np.where(same, 0.0, np.where(np.isnan(off), np.inf, off / limit.error))
    return np.where(np.isnan(ratio), np.inf, ratio).astype(float)


def true_ratios(exact: Balls, limit: Any) -> Array:
    """The same of the truth, where float64 has it."""
    value, radius = exact.values(), exact.radii()
    with np.errstate(all="ignore"):
        off = abs(value - limit.value) - radius - 2.0**-50 * abs(value)  # the midpoint, and the difference, are rounded
        beyond = ~np.isfinite(value) | ~np.isfinite(radius) | np.isinf(limit.error)
        ratio = off / limit.error
    return np.where(beyond | (off <= 0), 0.0, ratio)


def judged(program: Any, given: Given, frameworks: tuple[str, ...]) -> Iterator[tuple[str, int, Array]]:
    """Of each framework, and of the truth: of which result (0 the value), the ratio of each entry."""
    flushing = {False, *(name == "jax" for name in frameworks)}
    limits = {flushed: allowed(program, given, flushed) for flushed in flushing}
    exact = truth(program, given)
    for place, (ball, limit) in enumerate(zip(exact, limits[False], strict=True)):
        if limit is not None:
            yield "truth", place, true_ratios(ball, limit)
    for name in frameworks:
        with np.errstate(all="ignore"):
            found = FRAMEWORKS[name](program, given.moved, given.weight)
        for place, (computed, limit) in enumerate(zip(found, limits[name == "jax"], strict=True)):
            if limit is not None:
                yield name, place, ratios(computed, limit)
