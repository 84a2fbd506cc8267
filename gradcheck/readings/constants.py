"""The numbers of a law, so that what is made of them, `1 - smoothing` say, is not rounded by Python before a reading sees it."""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.law import CrossEntropy
from gradcheck.law.functions import Values
from gradcheck.readings.primitives import table
from gradcheck.readings.primitives.table import Primitive

CALCULATED = ("smoothing", "l2")  # the others meet arrays as they are


class Constant(float):
    """A number whose sums, products and quotients with Python's numbers are arrays of a reading, of shape ()."""

    read: Callable[[Reals], Values]

    @property
    def array(self) -> Values:
        """As the reading has it."""
        return self.read(np.asarray(float(self)))

    def __rsub__(self, other: float) -> Values:
        return other - self.array

    def __truediv__(self, other: float) -> Values:
        return self.array / other


class Option(Constant):
    """The same of an option of one's own loss, of which nothing is known: every operation. Of whole numbers sums are exact."""

    def __add__(self, other: float) -> Values:
        return self._with(other, lambda x, y: x + y)

    def __sub__(self, other: float) -> Values:
        return self._with(other, lambda x, y: x - y)

    def __rsub__(self, other: float) -> Values:
        return self._with(other, lambda x, y: y - x)

    def __mul__(self, other: float) -> Values:
        return self._with(other, lambda x, y: x * y)

    def __truediv__(self, other: float) -> Values:
        return self._with(other, lambda x, y: x / y, exact=False)

    def __rtruediv__(self, other: float) -> Values:
        return self._with(other, lambda x, y: y / x, exact=False)

    def __pow__(self, other: float) -> Values:  # type: ignore[override]
        return self._with(other, lambda x, y: x**y, exact=False)

    def __rpow__(self, other: float) -> Values:  # type: ignore[override]
        return self._with(other, lambda x, y: y**x, exact=False)

    def __neg__(self) -> "Option":
        return self._like(-float(self))

    def __abs__(self) -> "Option":
        return self._like(abs(float(self)))

    __radd__, __rmul__ = __add__, __mul__

    def _like(self, value: float) -> "Option":
        found = Option(value)
        found.read = self.read
        return found

    def _with(self, other: Any, operation: Callable[[Any, Any], Any], *, exact: bool = True) -> Values:
        if not isinstance(other, int | float):
            return NotImplemented  # an array meets it as it is
        if exact and self.is_integer() and float(other).is_integer() and max(abs(self), abs(other)) < 2**26:
            return operation(float(self), other)
        return operation(self.array, other.array if isinstance(other, Constant) else other)


def _read(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Values:
    """A function of numbers alone, `np.cos(margin)` say."""
    return primitive(*(x.array if isinstance(x, Option) else x for x in operands), **options)


table.READERS[Option] = 0, _read


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
