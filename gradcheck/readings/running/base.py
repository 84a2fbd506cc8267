"""What a running array has of an array: sizes, and the operators that are asked for all the time, by the shortest way."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gradcheck.enclosure import Reals
from gradcheck.readings.operators import METHODS
from gradcheck.readings.running import softmax
from gradcheck.readings.running.parts import Parts


class Base(NDArrayOperatorsMixin):
    """Sizes of `value`, and NumPy's mixin, past its dispatch where the other operand is one that the array type knows."""

    __slots__ = ()
    KNOWN: tuple[type, ...] = ()
    value: Reals

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def flags(self) -> Any:
        """Whether it may be written to, above all."""
        return self.value.flags

    def __len__(self) -> int:
        return len(self.value)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return partial(METHODS[name], self)
        raise AttributeError(f"arrays of a loss have no .{name}; gradcheck.numpy lists the functions that there are")

    def ravel(self) -> Any:
        return self.reshape(-1)

    def _made(self, operation: Callable[..., Parts], *more: Any) -> Any:
        """An array of the same type, by an operation on value and error."""
        raise NotImplementedError

    def softmax(self) -> Any:
        """Column by column, (L, n)."""
        return self._made(softmax.softmax)

    def log_softmax(self) -> Any:
        """Its logarithm, (L, n)."""
        return self._made(softmax.log_softmax)

    def log_sum_exp(self) -> Any:
        """Column by column, (1, n)."""
        return self._made(softmax.log_sum_exp)

    def read(self, ufunc: np.ufunc, *others: Any) -> Any:
        """The ufunc of this array and the others, all of types that are known."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return self.read(np.add, other) if isinstance(other, self.KNOWN) else super().__add__(other)

    def __sub__(self, other: Any) -> Any:
        return self.read(np.subtract, other) if isinstance(other, self.KNOWN) else super().__sub__(other)

    def __mul__(self, other: Any) -> Any:
        return self.read(np.multiply, other) if isinstance(other, self.KNOWN) else super().__mul__(other)

    def __truediv__(self, other: Any) -> Any:
        return self.read(np.true_divide, other) if isinstance(other, self.KNOWN) else super().__truediv__(other)

    def __matmul__(self, other: Any) -> Any:
        return self.read(np.matmul, other) if isinstance(other, self.KNOWN) else super().__matmul__(other)

    def __neg__(self) -> Any:
        return self.read(np.negative)
