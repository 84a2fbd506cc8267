"""What a running array has of an array: sizes, and the operators that are asked for all the time, by the shortest way."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gradcheck.enclosure import Reals


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

    def read(self, ufunc: np.ufunc, *others: Any) -> Any:
        """The ufunc of this array and the others, all of types that are known."""
        raise NotImplementedError

    def _by(self, ufunc: np.ufunc, other: Any, usual: Callable[[Any], Any]) -> Any:
        return self.read(ufunc, other) if isinstance(other, self.KNOWN) else usual(other)

    def __add__(self, other: Any) -> Any:
        return self._by(np.add, other, super().__add__)

    def __sub__(self, other: Any) -> Any:
        return self._by(np.subtract, other, super().__sub__)

    def __mul__(self, other: Any) -> Any:
        return self._by(np.multiply, other, super().__mul__)

    def __truediv__(self, other: Any) -> Any:
        return self._by(np.true_divide, other, super().__truediv__)

    def __matmul__(self, other: Any) -> Any:
        return self._by(np.matmul, other, super().__matmul__)

    def __neg__(self) -> Any:
        return self.read(np.negative)
