"""Matrices in NumPy's memory: walked through some rows at a time, so that what is read once stays in the cache."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from gradcheck.auditing.matrices.interface import Powers, Survey
from gradcheck.auditing.rows import CLASSES, INNER, bounded, cuts, dots, few, norms, scratch
from gradcheck.enclosure import Reals
from gradcheck.precision import Precision
from gradcheck.referees import freivalds

BROAD = {"F": 128, "C": 1024}  # columns of a piece, of an array that is stored by columns, or by rows
# Entries of a piece: with few vectors no operand is packed for its product (OpenBLAS: up to 10^6 products).
COPIED = 2**15
HOT = 2**18  # entries that are read twice, the second time from the cache


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

    def exact(self, name: str) -> "Held":
        """In float64, which every precision is a subset of, in memory of this thread."""
        return self if self.array.dtype == np.float64 else Held(self._copied((slice(None),), False, name))

    @property
    def squared(self) -> "Held":
        """In float64."""
        return Held(np.square(self.array, dtype=np.float64))

    def apart(self) -> Any:
        """A copy."""
        return np.array(self.array)

    def finite(self) -> bool:
        """Looked at one by one only where the sum is not."""
        return bool(np.isfinite(self.array.sum())) or bool(np.isfinite(self.array).all())

    def right(self, V: Reals, *, absolute: bool = False, into: Reals | None = None) -> Reals:
        """Some rows at a time, where these are copied."""
        given, by_rows = np.ascontiguousarray(V), self._order == "C"
        shape = (V.shape[1], self.shape[0])
        found = (np.zeros(shape) if by_rows else np.zeros(shape[::-1]).T) if into is None else into
        for rows, cols, some in self._pieces(absolute):
            if by_rows:
                found[:, rows] += given[cols].T @ some.T
            else:
                found[:, rows] += (some @ given[cols]).T
        return found.T

    def measured(self, V: Reals) -> tuple[Reals, Reals]:
        """Each part is in the cache when it is multiplied."""
        found, lengths = np.zeros((V.shape[1], self.shape[0])), np.empty(self.shape[0])
        for rows in cuts(self.shape[0], max(1, HOT // self.shape[1])):
            some = Held(self.array[rows])
            lengths[rows] = some.norms()
            some.right(V, into=found[:, rows])
        return found.T, lengths

    def moments(self, V: Reals, W: Reals, S: Reals) -> tuple[Reals, Reals, Reals]:
        """Of each piece all three."""
        given = [np.ascontiguousarray(by) for by in (V, W, S)]
        found = [np.zeros((self.shape[0], by.shape[1])) for by in given]
        for rows, cols, some in self._pieces():
            made = scratch("made", some.shape, np.float64, self._order)
            found[0][rows] += some @ given[0][cols]
            found[1][rows] += np.abs(some, out=made) @ given[1][cols]
            found[2][rows] += np.square(some, out=made) @ given[2][cols]
        return found[0], found[1], found[2]

    def left(self, V: Reals, *, absolute: bool = False) -> Reals:
        """Likewise, of the columns."""
        return self.T.right(V, absolute=absolute).T

    def norms(self) -> Reals:
        """In the precision that they are in, where that is float32."""
        return norms(self.array)

    def squares(self) -> Reals:
        """In float64."""
        copy = np.asarray(self.array).astype(np.float64, copy=False)
        return np.asarray(np.einsum("ij,ij->i", copy, copy))

    def sizes(self) -> tuple[Reals, Reals]:
        """Some rows at a time."""
        sums, most = np.empty(self.shape[0]), np.empty(self.shape[0])
        for rows in cuts(self.shape[0], max(1, COPIED // self.shape[1])):
            size = self._copied((rows,), True, "copied")
            sums[rows], most[rows] = size.sum(axis=1), size.max(axis=1)
        return sums, most

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

    def logits(self, X: Any, b: Reals, own: Precision) -> "Held":
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

    def summed(self, factors: Reals, own: Precision, slopes: Any = None, *, into: Reals | None = None) -> Reals:
        """Some rows at a time, whose sums stay in the cache until all columns are added."""
        given, found = factors.astype(own.dtype), np.zeros((len(factors), self.shape[0])) if into is None else into
        for rows in cuts(self.shape[0], CLASSES):
            array = self.array[rows] if slopes is None else self.array[rows] * slopes[rows]
            for part in cuts(self.shape[1], INNER):
                found[:, rows] += given[:, part] @ array[:, part].T
        return found

    def survey(self, V: Reals, W: Reals) -> Survey:
        """Of each piece everything, while it is in the cache."""
        (rows_of_all, d), by_rows, by_samples = self.shape, np.ascontiguousarray(V), np.ascontiguousarray(W)
        right, left = np.zeros((V.shape[1], rows_of_all)), np.zeros((d, W.shape[1]))
        squares, sizes, most = np.zeros((3, rows_of_all))
        ones = np.ones(d)
        for rows, cols, some in self._pieces():
            right[:, rows] += by_rows[cols].T @ some.T
            left[cols] += some.T @ by_samples[rows]
            squares[rows] += dots(some)
            size = np.abs(some, out=scratch("made", some.shape, np.float64, self._order))
            sizes[rows] += size @ ones[cols]
            np.maximum(most[rows], size.max(axis=1), out=most[rows])
        return Survey(right.T, left, bounded(squares, np.float64, d), sizes, most)

    def _pieces(self, absolute: bool = False) -> Iterator[tuple[slice, slice, Any]]:
        """In float64, in memory of this thread, in the order in which they lie there."""
        (L, d), order = self.shape, self._order
        each = min(d, BROAD[order])
        along, beside = list(cuts(L, max(1, COPIED // each))), list(cuts(d, each))
        places = product(along, beside) if order == "C" else ((rows, cols) for cols, rows in product(beside, along))
        exact = self.array.dtype == np.float64 and not absolute
        memory = scratch("copied", (0 if exact else min(L, max(1, COPIED // each)) * each,), np.float64, "C")
        for rows, cols in places:
            some = self.array[rows, cols]
            yield (
                rows,
                cols,
                some if exact else _into(memory[: some.size].reshape(some.shape, order=order), some, absolute),
            )

    def _copied(self, place: tuple[slice, ...], absolute: bool, name: str) -> Any:
        """In float64, in memory of this thread."""
        some = self.array[place]
        return _into(scratch(name, some.shape, np.float64, self._order), some, absolute)


def _into(copy: Reals, some: Any, absolute: bool) -> Reals:
    if absolute and some.dtype.name != "bfloat16":
        return np.abs(some, out=copy)
    np.copyto(copy, some)
    return np.abs(copy, out=copy) if absolute else copy
