"""The operators of an array type, all by way of one method: `applied`."""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradcheck.errors import Unusable

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
    np.matmul: operator.matmul,
    np.negative: operator.neg,
    np.absolute: operator.abs,
    np.power: operator.pow,
    np.float_power: operator.pow,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
}

METHODS: dict[str, Callable[..., Any]] = {}  # of arrays, by name: functions whose first argument they are


class Operators:
    """What NumPy's mixin does, without the way through its dispatch, which takes longer than what is done to small arrays."""

    __slots__ = ()

    @staticmethod
    def applied(function: Callable[..., Any], *operands: Any) -> Any:
        """A function of `operator` or a ufunc, of operands of which one is of this type."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return self.applied(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return self.applied(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return self.applied(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.applied(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return self.applied(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.applied(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.applied(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.applied(operator.truediv, other, self)

    def __matmul__(self, other: Any) -> Any:
        return self.applied(operator.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self.applied(operator.matmul, other, self)

    def __neg__(self) -> Any:
        return self.applied(operator.neg, self)

    def __pow__(self, other: Any) -> Any:
        return self.applied(operator.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.applied(operator.pow, other, self)

    def __abs__(self) -> Any:
        return self.applied(operator.abs, self)

    def __pos__(self) -> Any:
        return self

    def __lt__(self, other: Any) -> Any:
        return self.applied(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return self.applied(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return self.applied(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return self.applied(operator.ge, self, other)

    def __eq__(self, other: Any) -> Any:
        return self.applied(operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return self.applied(operator.ne, self, other)

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return partial(METHODS[name], self)
        raise AttributeError(f"arrays of a loss have no .{name}; gradcheck.numpy lists the functions that there are")

    def __setitem__(self, index: Any, given: Any) -> None:
        raise Unusable("a loss writes into an array; write it with where(condition, this, that), or with concatenate")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        return self.applied(UFUNCS.get(ufunc, ufunc), *inputs)
