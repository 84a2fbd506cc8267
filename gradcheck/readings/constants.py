"""The numbers of a law, so that what is made of them, `1 - smoothing` say, is not rounded by Python before a reading sees it."""

from collections.abc import Callable
from copy import copy

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.law import CrossEntropy
from gradcheck.law.functions import Values

CALCULATED = ("smoothing", "l2")  # the others meet arrays as they are


class Constant(float):
    """A number whose sums and quotients with Python's numbers are arrays of a reading, of shape ()."""

    read: Callable[[Reals], Values]

    def __rsub__(self, other: float) -> Values:
        return other - self.read(np.asarray(float(self)))

    def __truediv__(self, other: float) -> Values:
        return self.read(np.asarray(float(self))) / other


def of(law: CrossEntropy, read: Callable[[Reals], Values]) -> CrossEntropy:
    """The same law, to be read so."""
    if law.plain:
        return law
    found = copy(law)
    for name in CALCULATED:
        number = Constant(getattr(law, name))
        number.read = read
        object.__setattr__(found, name, number)  # not one that is validated, which would be a float again
    return found
