"""What a loss is given, as numbers: indices and labels are made of that, and not of what is computed."""

import numpy

from gradcheck.errors import Unusable
from gradcheck.law import functions
from gradcheck.law.functions import Array, Values
from gradcheck.readings.balls import Balls
from gradcheck.readings.running import Running
from gradcheck.readings.tape import Variable


def numbers(x: Values, name: str) -> Array:
    """Its numbers, where they are known beyond doubt."""
    doubtful = isinstance(x, Variable)
    if isinstance(x, Balls):
        doubtful = bool(x.radii().any())
    elif isinstance(x, Running):
        doubtful = bool(x.error.any())
    if doubtful:
        raise Unusable(f"{name} takes what is given, labels say; of what is computed, rounding may change it")
    return functions.values(x)


def whole(x: Values, name: str) -> Array:
    """Whole numbers."""
    found = numbers(x, name)
    if (found != numpy.trunc(found)).any():
        raise Unusable(f"{name} takes whole numbers; others were given")
    return found.astype(numpy.int64)
