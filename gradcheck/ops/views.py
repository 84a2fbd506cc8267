"""How an array of a framework is seen: samples in rows, classes along them, and the way back to a place of the array itself."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from gradcheck import precision, tensors
from gradcheck.errors import Unusable
from gradcheck.problem import Array

SAMPLES = {"rows": -1, "columns": 0}  # along which axis the classes lie


@dataclass(frozen=True)
class View:
    """An array of this shape as rows (n, L), the classes along `axis`; where there is none, one entry a row."""

    shape: tuple[int, ...]
    axis: int | None = None

    def rows(self, array: Array) -> Array:
        """(n, L)."""
        if self.axis is None:
            return array.reshape(-1, 1)
        return np.moveaxis(array, self.axis, -1).reshape(-1, self.shape[self.axis])

    @property
    def whole(self) -> tuple[int, int]:
        """The shape (n, L)."""
        L = 1 if self.axis is None else self.shape[self.axis]
        return (prod(self.shape) // L if L else 0), L

    def place(self, row: int, column: int) -> tuple[int, ...]:
        """Where an entry stands in the array."""
        if self.axis is None:
            return tuple(int(i) for i in np.unravel_index(row, self.shape))
        k = self.axis % len(self.shape)
        others = self.shape[:k] + self.shape[k + 1 :]
        found = [int(i) for i in np.unravel_index(row, others)]
        return (*found[:k], column, *found[k:])


def plain(given: Any) -> Array:
    """An array of any framework as NumPy has it; what is masked in it (numpy.ma) may hold anything, and is refused."""
    if np.ma.is_masked(given):
        raise ValueError("some of its entries are masked; give those that are not, or fill them")
    return np.asarray(tensors.array(given))


def read(name: str, given: Any) -> Array:
    """The same; `Unusable` where it is none of real numbers."""
    try:
        found = plain(given)
    except Exception as wrong:
        raise Unusable(f"{name} cannot be read as an array: {wrong}") from None
    if found.dtype.kind in "iub" and isinstance(given, int | float | list | tuple):
        found = found.astype(np.float64)
    if found.dtype.name not in precision.NAMES:
        raise Unusable(f"{name} has dtype {found.dtype}; expected one of {', '.join(precision.NAMES)}")
    return found


def numbers(name: str, given: Any) -> Array:
    """One number, or an array of them."""
    if hasattr(given, "shape"):
        return read(name, given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Unusable(f"{name} is {given!r:.60}; expected a number, or an array")
    return np.full(1, float(given))


def labels(given: Any) -> Array:
    """Class indices, or probabilities, as they are."""
    try:
        found = plain(given)
    except Exception as wrong:
        raise Unusable(f"Y cannot be read as an array: {wrong}") from None
    if found.dtype.kind not in "iu" and found.dtype.name not in precision.NAMES:
        raise Unusable(f"Y has dtype {found.dtype}; expected class indices, or probabilities")
    return found


def ignored(index: Any) -> Any:
    """The label of samples that do not count, or None."""
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise Unusable(f"ignore_index={index!r:.60} is not known; expected a whole number, or None")
    return index


def axis_of(samples: str) -> int:
    """Along which axis classes lie."""
    if samples not in SAMPLES:
        raise Unusable(f"samples is {samples!r:.60}; expected rows or columns")
    return SAMPLES[samples]
