"""Whether what a framework computes, and the truth, lie within the running error of a text."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
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


def compiled(text: str) -> Callable[..., Any]:
    """The function of a text."""
    space: dict[str, Any] = {}
    exec(text, space)  # of our own drawing
    return space["loss"]


def allowed(program: Any, arrays: list[Array], errors: list[Array], weight: Array | None, flushed: bool, jumps: list[bool]) -> list[Any]:
    """Value and gradients, as they may be computed; where subnormals are flushed, also then."""
    dtype = arrays[0].dtype
    p = precision.granted(dtype.name, "", True)
    with granted(dtype, p) if flushed else nullcontext():
        inputs = [Running.given(Running(x.astype(np.float64), e, dtype)) for x, e in zip(arrays, errors, strict=True)]
        seed = None if weight is None else Running.exact(weight)
        return by_numpy(program, inputs, seed, jumps)


def truth(program: Any, arrays: list[Array], weight: Array | None) -> list[Any]:
    """By balls."""
    with flint.ctx.workprec(BITS):
        inputs = [Balls.exact(x.astype(np.float64)) for x in arrays]
        return by_numpy(program, inputs, None if weight is None else Balls.exact(weight.astype(np.float64)))


def ratios(computed: Array, limit: Any) -> Array:
    """How far off, over how far it may be; infinite where it may not."""
    found = np.asarray(computed).astype(np.longdouble)
    with np.errstate(all="ignore"):
        off = abs(found - limit.value)
        same = (found == limit.value) | np.isnan(found) & np.isnan(limit.value) | np.isinf(limit.error)
        ratio = np.where(same, 0.0, np.where(np.isnan(off), np.inf, off / limit.error))
    return np.where(np.isnan(ratio), np.inf, ratio).astype(float)


def true_ratios(exact: Balls, limit: Any, p: precision.Precision) -> Array:
    """The same of the truth; beyond the largest number, and below the smallest, what is computed is no longer the truth."""
    value, radius = exact.values(), exact.radii()
    with np.errstate(all="ignore"):
        off = abs(value - limit.value) - radius - 2.0**-50 * abs(value)  # the midpoint, and the difference, are rounded
        beyond = ~np.isfinite(limit.value) | ~np.isfinite(value) | ~np.isfinite(radius) | np.isinf(limit.error)
        ratio = off / (limit.error + 8 * p.eta)
    return np.where(beyond | (off <= 0), 0.0, ratio)


def judged(program: Any, arrays: list[Array], errors: list[Array], moved: list[Array], weight: Array | None,
           frameworks: tuple[str, ...]) -> Iterator[tuple[str, int, Array]]:  # fmt: skip
    """Of each framework, and of the truth: of which result (0 the value), the ratio of each entry."""
    p = precision.of(arrays[0].dtype)
    jumps: list[bool] = []
    limits = {flushed: allowed(program, arrays, errors, weight, flushed, jumps) for flushed in {name == "jax" for name in frameworks}}
    limits.setdefault(False, next(iter(limits.values())))
    exact = [] if any(jumps) else truth(program, moved, weight)
    for place, (ball, limit) in enumerate(zip(exact, limits[False], strict=False)):
        if limit is not None:
            yield "truth", place, true_ratios(ball, limit, p)
    for name in frameworks:
        with np.errstate(all="ignore"):
            found = FRAMEWORKS[name](program, moved, weight)
        for place, (computed, limit) in enumerate(zip(found, limits[name == "jax"], strict=True)):
            if limit is not None:
                yield name, place, ratios(computed, limit)
