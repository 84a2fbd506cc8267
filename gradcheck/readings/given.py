"""What a loss is given, as numbers: indices and labels are made of that, and not of what is computed."""

from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.law import functions
from gradcheck.law.functions import Array, Values
from gradcheck.readings.balls import Balls
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.places import axis_of
from gradcheck.readings.primitives.ordered import standing
from gradcheck.readings.running import Running
from gradcheck.readings.running.orders import shared
from gradcheck.readings.running.plans import spoil
from gradcheck.readings.tape import Variable


def numbers(x: Values, name: str) -> Array:
    """Its numbers, where they are known beyond doubt."""
    if _doubtful(x):
        raise Unusable(DOUBTFUL.format(name))
    return functions.values(x)


def _doubtful(x: Values) -> bool:
    """Whether it is computed, or known to within an error alone."""
    if isinstance(x, Balls):
        return bool(x.radii().any())
    return isinstance(x, Variable) or (isinstance(x, Running) and bool(x.error.any()))


def largest(x: Values, axis: int | None) -> Any:
    """Where the largest is, the first of equals: of what is given, of which labels that are read in fewer bits, or flushed, are in
    the same order; and of what is computed, where rounding cannot change it.
    """
    if not _doubtful(x):
        return numpy.argmax(functions.values(x), axis=axis)
    if not isinstance(x, Running):
        return _computed(x.array if isinstance(x, Variable) else x, axis)
    spoil()
    value, error = (
        numpy.moveaxis(part.ravel() if axis is None else part, axis or 0, -1) for part in (x.value, x.error)
    )
    found = value.argmax(axis=-1)
    top, off = (numpy.take_along_axis(part, found[..., None], axis=-1) for part in (value, error))
    certain = value + error < top - off
    certain |= numpy.arange(value.shape[-1]) == found[..., None]
    if hasattr(x, "told"):  # what is equal is read as what is equal
        certain |= value == top
    return _beyond_doubt(found, certain.all())


def _computed(x: Values, axis: int | None) -> Any:
    """By what stands last, once it is sorted."""
    held, along = (x.reshape(-1), 0) if axis is None else (x, axis_of(axis, x.ndim))
    where, numbers = standing(held, along)
    doubt = shared(numbers, along).take(-1, along).any()
    return _beyond_doubt(numpy.unravel_index(where.take(-1, along), tuple(held.shape))[along], not doubt)


def order(x: Values, axis: int) -> Array:
    """In each place of an axis that is sorted, the place in the list of what stands there, the first of equals: of what is given,
    and of what is computed where rounding cannot change it.
    """
    if not _doubtful(x):
        return standing(functions.values(x), axis)[0]
    found, several = standing(x.array if isinstance(x, Variable) else x, axis)
    return _beyond_doubt(found, not shared(several, axis).any(), "a sort")


def _beyond_doubt(found: Any, certain: Any, name: str = "argmax") -> Any:
    if not certain:
        raise Doubt(DOUBTFUL.format(name))
    return found


DOUBTFUL = "{} takes what is given, labels say; of what is computed, rounding may change it"


def whole(x: Values, name: str) -> Array:
    """Whole numbers."""
    found = numbers(x, name)
    if (found != numpy.trunc(found)).any():
        raise Unusable(f"{name} takes whole numbers; others were given")
    return found.astype(numpy.int64)
