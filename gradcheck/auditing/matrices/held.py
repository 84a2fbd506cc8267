"""Matrices in NumPy's memory: walked through some rows at a time, so that what is read once stays in the cache."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.auditing.matrices.interface import Powers
from gradcheck.auditing.rows import CLASSES, INNER, cuts, few, norms, scratch
from gradcheck.enclosure import Reals
from gradcheck.precision import Precision
from gradcheck.referees import freivalds

COPIED = 2**15  # entries that are copied into float64 at a time, and multiplied where they are in the cache


@dataclass(frozen=True, eq=False)
class Held:
    """An array of NumPy, or a map of a file."""

    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        return tuple(self.array.shape)

    @property
    def T(self) -> "Held":
        """Without a copy."""
        return Held(self.array.T)

    def __getitem__(self, place: Any) -> Any:
        return self.array[place]

    def exact(self) -> "Held":
        """In float64, which every precision is a subset of."""
        return Held(np.asarray(self.array).astype(np.float64, copy=False))

    def finite(self) -> bool:
        """Looked at one by one only where the sum is not."""
        return bool(np.isfinite(self.array.sum())) or bool(np.isfinite(self.array).all())

    def right(self, V: Reals, *, absolute: bool = False) -> Reals:
        """Some rows at a time."""
        found = np.empty((V.shape[1], self.shape[0])).T
        for rows in cuts(self.shape[0], max(16, COPIED // self.shape[1])):
            found[rows] = self._copied(rows, absolute) @ V
        return found

    def left(self, V: Reals, *, absolute: bool = False) -> Reals:
        """Likewise, of the columns."""
        return self.T.right(V, absolute=absolute).T

    def norms(self) -> Reals:
        """In the precision that they are in, where that is float32."""
        return norms(self.array)

    def sizes(self) -> Reals:
        """As they are added up in float64."""
        return np.asarray(abs(self.array).sum(axis=1, dtype=np.float64))

    def most(self) -> Reals:
        """Exact."""
        return np.asarray(abs(self.array).max(axis=1)).astype(np.float64)

    def ends(self) -> tuple[Reals, Reals]:
        """Exact."""
        return np.asarray(self.array.max(axis=0)).astype(np.float64), np.asarray(self.array.min(axis=0)).astype(
            np.float64
        )

    def at(self, index: Any) -> Reals:
        """One by one."""
        return np.asarray(self.array[index, np.arange(len(index))]).astype(np.float64)

    def mapped(self, by: Callable[[Any], Any], own: Precision, name: str) -> "Held":
        """Into memory of this thread, in the order of the array."""
        found = scratch(name, self.shape, own.dtype, self._order)
        for rows in few(self):
            found[rows] = by(np.asarray(self.array[rows]).astype(own.dtype, copy=False))
        return Held(found)

    def logits(self, X: "Held", b: Reals, own: Precision) -> "Held":  # type: ignore[override]
        """Into memory of this thread; the result of some rows stays in the cache until it is added."""
        operand, of_rows = np.ascontiguousarray(X.array.astype(own.dtype)), b.astype(own.dtype)[:, np.newaxis]
        Z = scratch("logits", (self.shape[0], X.shape[1]), own.dtype, "C")
        for rows in cuts(self.shape[0], CLASSES):
            np.matmul(np.asarray(self.array[rows]).astype(own.dtype, copy=False), operand, out=Z[rows])
            Z[rows] += of_rows[rows]
        return Held(Z)

    @property
    def _order(self) -> str:
        return "F" if self.array.strides[0] < self.array.strides[1] else "C"

    def powers(self, own: Precision) -> Powers:
        """Into memory of this thread, in the order of the array."""
        p, m, s, reach = freivalds.powers(self.array, scratch("powers", self.shape, own.dtype, self._order))
        return Powers(Held(p), m, s, reach)

    def summed(self, factors: Reals, own: Precision, slopes: Any = None) -> Reals:
        """Some rows at a time, whose sums stay in the cache until all columns are added."""
        given, found = factors.astype(own.dtype), np.zeros((len(factors), self.shape[0]))
        for rows in cuts(self.shape[0], CLASSES):
            array = self.array[rows] if slopes is None else self.array[rows] * slopes[rows]
            into = found[:, rows]
            for part in cuts(self.shape[1], INNER):
                np.add(into, given[:, part] @ array[:, part].T, out=into)
        return found

    def _copied(self, rows: slice, absolute: bool) -> Any:
        """In float64, in memory of this thread where they have to be copied."""
        some = self.array[rows]
        if some.dtype == np.float64 and not absolute:
            return some
        copy = scratch("copied", some.shape, np.float64, self._order)
        if not absolute:
            np.copyto(copy, some)
        elif some.dtype == np.float64:
            np.abs(some, out=copy)
        else:
            np.copyto(copy, some)
            np.abs(copy, out=copy)
        return copy
