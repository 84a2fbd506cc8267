"""What is sorted: where each entry stands, as far as errors leave no doubt of it, and what may stand in each place."""

from collections.abc import Iterator
from itertools import groupby

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
    found = np.take_along_axis(places(x.value.shape), order, axis)
    return Parts(found.astype(float), np.where(shared(stretches(x, axis), axis), float(x.value.size), 0.0))


def stretches(x: Parts, axis: int) -> Array:
    """Of each place of the sorted axis a number, the same for those whose entries may change places."""
    order = np.argsort(x.value, axis=axis, kind="stable")
    low, high = (np.take_along_axis(end(x, towards), order, axis) for towards in (-np.inf, np.inf))
    most = np.maximum.accumulate(high, axis=axis)
    least = np.flip(np.minimum.accumulate(np.flip(low, axis), axis=axis), axis)
    before, after = (np.moveaxis(part, axis, -1) for part in (most, least))
    apart = np.zeros(before.shape, dtype=int)
    apart[..., 1:] = before[..., :-1] < after[..., 1:]  # never with NaN
    return np.moveaxis(apart.cumsum(axis=-1), -1, axis)


def shared(numbers: Array, axis: int) -> Array:
    """Which places have one beside them of the same number."""
    along = np.moveaxis(numbers, axis, -1)
    found, same = np.zeros(along.shape, dtype=bool), along[..., :-1] == along[..., 1:]
    found[..., :-1] |= same
    found[..., 1:] |= same
    return np.moveaxis(found, -1, axis)


def either(g: Parts, p: Precision, numbers: Array, axis: int) -> Parts:
    """Whatever is in one of the places of a number may be in another of it."""
    value, error = g.value.ravel().copy(), g.error.ravel().copy()
    for run in runs(numbers, axis):
        low, high = outward_ends(value[run], error[run])
        value[run] = (low + high) / 2
        error[run] = outward(np.maximum(high - value[run], value[run] - low), 2)
    return floored(Parts(value.reshape(numbers.shape), error.reshape(numbers.shape)))


def outward_ends(value: Array, error: Array) -> tuple[float, float]:
    """The least and the largest that any of them may be."""
    return float(np.nextafter(np.min(value - error), -np.inf)), float(np.nextafter(np.max(value + error), np.inf))


def runs(numbers: Array, axis: int) -> Iterator[list[int]]:
    """The places in the list of each number that several have."""
    said = numbers.ravel()
    for group in groups(numbers.shape, axis):
        for _, run in groupby(group, said.__getitem__):
            places_of = list(run)
            if len(places_of) > 1:
                yield places_of
