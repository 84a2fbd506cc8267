"""Equations that keep what they come to on the way along an axis, from the beginning or from the end."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.readings.jaxpr.step import Step
from gradcheck.readings.primitives.factored import running_product
from gradcheck.readings.primitives.moving import CONCATENATE, moved, taken
from gradcheck.readings.primitives.sums import CUMSUM, from_the_end

MOST = 256  # factors, each of which is multiplied by all before it


def summed(step: Step, x: Any) -> Any:
    """Running sums."""
    axis = step.params["axis"]
    return from_the_end(x, axis) if step.params["reverse"] else CUMSUM(x, axis=axis)


def multiplied(step: Step, x: Any) -> Any:
    """Running products, each multiplied in any order."""
    axis = step.params["axis"]
    if x.shape[axis] > MOST:
        raise Unusable(
            f"lax.cumprod of {x.shape[axis]} factors is longer than a traced loss may be; expected at most {MOST}"
        )
    return _turned(running_product(_turned(x, step), axis), step)


def chosen(choice: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The largest so far, or the least."""

    def rule(step: Step, x: Any) -> Any:
        axis, turned = step.params["axis"], _turned(x, step)
        found = accumulate((taken(turned, [k], axis) for k in range(x.shape[axis])), choice)
        return _turned(CONCATENATE(*found, axis=axis), step)

    return rule


def _turned(x: Any, step: Step) -> Any:
    """The other way round, where it goes from the end."""
    if not step.params["reverse"]:
        return x
    return moved(x, lambda standing: np.flip(standing, step.params["axis"]))
