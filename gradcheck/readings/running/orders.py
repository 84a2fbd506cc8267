"""What is sorted: where each entry stands, as far as errors leave no doubt of it, and what may stand in each place."""

from collections.abc import Iterator

import numpy as np

from gradcheck.enclosure import outward
from gradcheck.precision import Precision
from gradcheck.problem import Array
from gradcheck.readings.places import groups, places
from gradcheck.readings.running.choices import end
from gradcheck.readings.running.parts import Parts, floored


def sorted_(x: Parts, p: Precision, axis: int) -> Parts:
    """The k-th lies between the k-th of all lower ends and the k-th of all upper ends: it grows with each entry."""
    value = np.sort(x.value, axis=axis)
    low, high = (np.sort(end(x, towards), axis=axis) for towards in (-np.inf, np.inf))
    known = (low == value) & (high == value)
    with np.errstate(invalid="ignore"):
        error = np.where(known, 0.0, outward(np.maximum(high - value, value - low), 2))
    return floored(Parts(value, error))


def standing(x: Parts, p: Precision, axis: int) -> Parts:
    """The place in the list of what stands in each place of the sorted axis: any other along it may, where there is an error."""
    order = np.argsort(x.value, axis=axis, kind="stable")
    low, high = (np.take_along_axis(end(x, towards), order, axis) for towards in (-np.inf, np.inf))
    most = np.maximum.accumulate(high, axis=axis)
    least = np.flip(np.minimum.accumulate(np.flip(low, axis), axis=axis), axis)
    before, after = (np.moveaxis(part, axis, -1) for part in (most, least))
    open_ = np.zeros(before.shape, dtype=bool)
    touching = ~(before[..., :-1] < after[..., 1:])  # also of NaN
    open_[..., :-1] |= touching
    open_[..., 1:] |= touching
    found = np.take_along_axis(places(x.value.shape), order, axis)
    return Parts(found.astype(float), np.where(np.moveaxis(open_, -1, axis), float(x.value.size), 0.0))


def either(g: Parts, p: Precision, doubt: Array, axis: int) -> Parts:
    """Where places are in doubt, side by side, whatever is in one of them may be in another."""
    value, error = g.value.ravel().copy(), g.error.ravel().copy()
    for run in runs(doubt, axis):
        low, high = outward_ends(value[run], error[run])
        value[run] = (low + high) / 2
        error[run] = outward(np.maximum(high - value[run], value[run] - low), 2)
    return floored(Parts(value.reshape(doubt.shape), error.reshape(doubt.shape)))


def outward_ends(value: Array, error: Array) -> tuple[float, float]:
    """The least and the largest that any of them may be."""
    return float(np.nextafter(np.min(value - error), -np.inf)), float(np.nextafter(np.max(value + error), np.inf))


def runs(doubt: Array, axis: int) -> Iterator[list[int]]:
    """The places in the list of each stretch along the axis that is in doubt."""
    said = doubt.ravel()
    for group in groups(doubt.shape, axis) if said.any() else ():
        run: list[int] = []
        for place in group:
            if said[place]:
                run.append(place)
            elif run:
                yield run
                run = []
        if run:
            yield run
