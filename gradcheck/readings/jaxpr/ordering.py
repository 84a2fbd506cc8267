"""Equations that sort. Where an entry stands is a whole number, and so beyond doubt, or nothing is known of the problem."""

from typing import Any

import numpy as np

from gradcheck.law.functions import Array
from gradcheck.readings import given
from gradcheck.readings.jaxpr.kinds import known, whole
from gradcheck.readings.jaxpr.step import Step
from gradcheck.readings.places import places
from gradcheck.readings.primitives.moving import PICK
from gradcheck.readings.primitives.ordered import SORT


def sort(step: Step, *arrays: Any) -> list[Any]:
    """The first from the least to the largest, and the others as that goes."""
    axis, keys = step.params["dimension"], arrays[: step.params["num_keys"]]
    if len(arrays) == 1:
        return [SORT(arrays[0], axis=axis)]
    order = given.order(keys[0], axis) if len(keys) == 1 else _by_several(keys, axis)
    return [_moved(x, order) for x in arrays]


def _by_several(keys: tuple[Any, ...], axis: int) -> Array:
    found = np.lexsort([whole(key, "a sort by several arrays") for key in keys[::-1]], axis=axis)
    return np.take_along_axis(places(tuple(keys[0].shape)), found, axis)


def _moved(x: Any, order: Array) -> Any:
    return x.reshape(-1)[order] if known(x) else PICK(x, places=order)


def top(step: Step, x: Any) -> list[Any]:
    """The k largest along the last axis, the largest first, and which these are."""
    axis = step.params.get("axis", -1) % x.ndim
    first = (*(slice(None),) * axis, slice(0, step.params["k"]))
    _, which = step.equation.outvars
    found, index = (-SORT(-x, axis=axis))[first], None
    if not unread(which):
        order = given.order(-x, axis)[first]
        index = np.unravel_index(order, tuple(x.shape))[axis].astype(which.aval.dtype)
    return [found, index]


def unread(variable: Any) -> bool:
    """Whether an equation makes it for nobody."""
    return type(variable).__name__ == "DropVar"
