"""What a loss is given, as numbers: indices and labels are made of that, and not of what is computed."""

from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.law import functions
from gradcheck.law.functions import Array, Values
from gradcheck.readings.balls import Balls
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.running import Running
from gradcheck.readings.running.plans import spoil
from gradcheck.readings.tape import Variable


def numbers(x: Values, name: str) -> Array:
    """Its numbers, where they are known beyond doubt."""
    doubtful = isinstance(x, Variable)
    if isinstance(x, Balls):
        doubtful = bool(x.radii().any())
    elif isinstance(x, Running):
        doubtful = bool(x.error.any())
    if doubtful:
        raise Unusable(DOUBTFUL.format(name))
    return functions.values(x)


def largest(x: Values, axis: int | None) -> Any:
    """Where the largest is, the first of equals. Labels that are read in fewer bits, or flushed, are in the same order."""
    if not (isinstance(x, Running) and x.error.any()):
        return numpy.argmax(numbers(x, "argmax"), axis=axis)
    spoil()
    value, error = (
        numpy.moveaxis(part.ravel() if axis is None else part, axis or 0, -1) for part in (x.value, x.error)
    )
    found = value.argmax(axis=-1)
    top, off = (numpy.take_along_axis(part, found[..., None], axis=-1) for part in (value, error))
    below = value + error < top - off
    equal = numpy.arange(value.shape[-1]) == found[..., None]
    told = hasattr(x, "told")
    if told:  # what is equal is read as what is equal
        equal |= value == top
    if not (below | equal).all():
        raise (Doubt if told else Unusable)(DOUBTFUL.format("argmax"))
    return found


DOUBTFUL = "{} takes what is given, labels say; of what is computed, rounding may change it"


def whole(x: Values, name: str) -> Array:
    """Whole numbers."""
    found = numbers(x, name)
    if (found != numpy.trunc(found)).any():
        raise Unusable(f"{name} takes whole numbers; others were given")
    return found.astype(numpy.int64)
