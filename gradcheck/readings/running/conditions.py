"""Comparisons of what is known up to an error, and the choice between two by one."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.enclosure import outward
from gradcheck.errors import Unusable
from gradcheck.problem import Array
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.running.parts import Parts, floored


class Condition:
    """What a comparison says, entry by entry, where the errors leave no doubt about it, and where it is of equals without an error.

    The choice between two functions that meet is the same there; the choice between their derivatives is in doubt. Of what is
    given and does not move, labels say, it is not: `even` becomes `tied` where it is of what is differentiated.
    """

    __slots__ = ("even", "read", "sure", "tied", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Array, sure: Array, tied: Any = False, read: Any = None, even: Any = False) -> None:
        self.value, self.sure, self.tied, self.even = value, sure, tied, even
        self.read = read  # makes numbers of the reading that it is of, where that is balls

    def moving(self) -> "Condition":
        """The same comparison, of what is differentiated."""
        return Condition(self.value, self.sure, self.even, self.read)

    def __invert__(self) -> "Condition":
        return Condition(~self.value, self.sure, self.tied, self.read)

    def __and__(self, other: Any) -> "Condition":
        more = of(other)
        return Condition(self.value & more.value, self.sure & more.sure, self.tied | more.tied, self.read or more.read)

    def __or__(self, other: Any) -> "Condition":
        return ~(~self & ~of(other))

    __rand__, __ror__ = __and__, __or__

    def __bool__(self) -> bool:
        if self.value.size != 1 or not np.all(self.kinked().sure):
            raise Unusable(
                "a loss decides by a comparison that rounding may turn; write it with where(condition, this, that)"
            )
        return bool(self.value.all())

    def __getitem__(self, index: Any) -> "Condition":
        shape = self.value.shape
        value, sure, tied = (np.broadcast_to(part, shape)[index] for part in (self.value, self.sure, self.tied))
        return Condition(value, sure, tied, self.read)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        found = LOGICAL.get(ufunc)
        if method != "__call__" or options:
            return NotImplemented
        if found is None and all(isinstance(x, NUMBERS) for x in operands):
            return ufunc(*(x.astype() if isinstance(x, Condition) else x for x in operands))
        return NotImplemented if found is None else found(*operands)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """In how many entries it holds: whole numbers, where there is no doubt."""
        if np.all(self.kinked().sure):
            return self.value.sum(axis=axis, keepdims=keepdims)
        return self.astype().sum(axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """In which share of them."""
        return self.sum(axis, keepdims) / (self.value.size // np.size(self.value.sum(axis=axis)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Truth values, where there is no doubt: of whatever NumPy makes an array."""
        if not np.all(self.kinked().sure):
            raise Doubt(
                "an array is made of a comparison that rounding may turn; write it with where(condition, this, that)"
            )
        return self.value.astype(dtype or bool)

    def _with(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        """As numbers; arrays of readings take over."""
        if not isinstance(other, NUMBERS):
            return NotImplemented
        return function(self.astype(), other.astype() if isinstance(other, Condition) else other)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, operator.mul)

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda one, another: another - one)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, operator.truediv)

    __rmul__, __radd__ = __mul__, __add__

    @property
    def T(self) -> "Condition":
        value, sure, tied = (np.broadcast_to(part, self.shape).T for part in (self.value, self.sure, self.tied))
        return Condition(value, sure, tied, self.read)

    def astype(self, dtype: Any = float) -> Any:
        """1 where it holds, otherwise 0; in doubt also where it ties."""
        if np.all(self.kinked().sure):
            return self.value.astype(dtype)
        zero = (self.read or _running)(np.zeros(self.shape))
        return zero + self

    def any(self, axis: Any = None, keepdims: bool = False) -> "Condition":
        """Whether one of them holds: beyond doubt where one does beyond doubt, or none is in doubt."""
        value, over = self.value, {"axis": axis, "keepdims": keepdims}
        both = (np.broadcast_to(part, self.shape) for part in (self.sure, self.kinked().sure))
        sure, plain = ((value & part).any(**over) | part.all(**over) for part in both)
        return Condition(value.any(**over), sure, sure & ~plain, self.read)

    def all(self, axis: Any = None, keepdims: bool = False) -> "Condition":
        """Whether each of them holds."""
        return ~(~self).any(axis, keepdims)

    def kinked(self) -> "Condition":
        """As a derivative hears it: in doubt at ties, too."""
        return Condition(self.value, self.sure & ~np.asarray(self.tied), False, self.read)

    @property
    def parts(self) -> Parts:
        """As numbers: 1 where it holds, otherwise 0."""
        return Parts(self.value.astype(float), np.where(self.sure & ~np.asarray(self.tied), 0.0, 1.0))


NUMBERS = (int, float, np.ndarray, np.generic, Condition)


def _running(array: Array) -> Any:
    from gradcheck.readings.running import Running

    return Running.exact(array)


def of(condition: Any) -> Condition:
    """An array of truth values, of which there is no doubt."""
    return condition if isinstance(condition, Condition) else Condition(np.asarray(condition), np.asarray(True))


LOGICAL: dict[np.ufunc, Callable[..., Condition]] = {
    **dict.fromkeys((np.logical_and, np.bitwise_and), lambda x, y: of(x) & of(y)),
    **dict.fromkeys((np.logical_or, np.bitwise_or), lambda x, y: of(x) | of(y)),
    **dict.fromkeys((np.logical_not, np.invert), lambda x: ~of(x)),
}


def compared(function: Callable[[Any, Any], Any], x: Parts, y: Parts) -> Condition:
    """In doubt where the errors reach from one to the other."""
    within = x.error + y.error
    sure = (abs(x.value - y.value) > within) | (within == 0)
    even = (within == 0) & (x.value == y.value) & np.isfinite(x.value)  # what is masked does not move
    return Condition(np.asarray(function(x.value, y.value)), np.asarray(sure), even=np.asarray(even))


def chosen(condition: Any, x: Parts, y: Parts) -> Parts:
    """Where the condition is in doubt it may be either, so that the error reaches from one to the other."""
    held = of(condition)
    value = np.where(held.value, x.value, y.value)
    sure = np.where(held.value, x.error, y.error)
    apart = np.where(x.value == y.value, 0.0, abs(x.value - y.value)) + x.error + y.error
    return floored(Parts(value, np.where(held.sure, sure, outward(apart))))


COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
