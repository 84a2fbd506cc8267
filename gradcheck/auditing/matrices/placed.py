"""Matrices where a framework has them: functional, by the array API standard, so that torch, JAX and CuPy are one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.auditing.matrices.door import device as device_of
from gradcheck.auditing.matrices.door import doubled, dtype, host, namespace
from gradcheck.auditing.matrices.held import Held
from gradcheck.auditing.matrices.interface import Powers, Survey
from gradcheck.auditing.matrices.sums import Doubles, Pairs
from gradcheck.auditing.rows import INNER, cuts
from gradcheck.enclosure import Reals
from gradcheck.precision import Precision

COPIED = {Doubles: 2**25, Pairs: 2**22}  # entries that are copied at a time: of pairs, a term takes some ten numbers
LOST = 2.0**-120  # of a term, where a device takes subnormal numbers for zero, or a product of halves underflows


@dataclass(frozen=True, eq=False)
class Entries:
    """What the text of a loss asks of entries: functions of NumPy are those of the same name."""

    array: Any
    xp: Any

    def __mul__(self, other: Any) -> "Entries":
        return Entries(self.array * getattr(other, "array", other), self.xp)

    def __truediv__(self, other: float) -> "Entries":
        return Entries(self.array / other, self.xp)

    def __rsub__(self, other: float) -> "Entries":
        return Entries(other - self.array, self.xp)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> "Entries":
        return Entries(getattr(self.xp, ufunc.__name__)(inputs[0].array), self.xp)


@dataclass(frozen=True, eq=False)
class Placed:
    """An array of any framework. NumPy itself gets a copy of it, on the host."""

    array: Any

    walked = 2**62  # entries of a walk at a time: all of them

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        return tuple(int(n) for n in self.array.shape)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return dtype(self.array)

    @cached_property
    def xp(self) -> Any:
        """Its functions."""
        return namespace(self.array)

    @cached_property
    def sums(self) -> Doubles | Pairs:
        """How its device adds."""
        where = device_of(self.array)
        return Doubles(self.xp, where) if doubled(self.xp, where) else Pairs(self.xp, where)

    @property
    def T(self) -> "Placed":
        """As it lies."""
        return self._like(self.xp.matrix_transpose(self.array))

    def __getitem__(self, place: Any) -> "Placed":
        places = place if isinstance(place, tuple) else (place,)
        if isinstance(places[0], list):
            index = self.xp.asarray(places[0], device=device_of(self.array))
            return self._like(self.xp.take(self.array, index, axis=0))
        return self._like(self.array[(*places, ...)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """16 bits come over as float32, which has all of them, since not every framework can hand these to NumPy."""
        some = self.array
        if self.dtype.kind != "i" and self.dtype.itemsize == 2:
            some = self.xp.astype(some, self.xp.float32)
        return np.asarray(host(some)).astype(dtype or self.dtype, copy=False)

    def exact(self, name: str) -> "Placed":
        """As it is."""
        return self

    @property
    def squared(self) -> "Placed":
        """In float32 at least."""
        return self._like(self._computed * self._computed)

    def apart(self) -> "Placed":
        """As it is: nothing is written into."""
        return self

    def finite(self) -> bool:
        """All at once."""
        return bool(self.xp.all(self.xp.isfinite(self.array)))

    def right(self, V: Reals, *, absolute: bool = False, into: Reals | None = None) -> Reals:
        """Some rows at a time; on the host where pairs would overflow."""
        if into is not None:
            into += self.right(V, absolute=absolute).T
            return into.T
        sums = self.sums
        if not max(1.0, float(abs(V).max(initial=0.0))) * self._largest * len(V) < sums.most:
            return Held(np.asarray(self)).right(V, absolute=absolute)
        given, each = sums.given(V), max(1, COPIED[type(sums)] // self.shape[1])
        parts = (self.array[rows, :] for rows in cuts(self.shape[0], each))
        return sums.value([sums.product(self.xp.abs(part) if absolute else part, given) for part in parts])

    def left(self, V: Reals, *, absolute: bool = False) -> Reals:
        """The same of the transpose."""
        return self.T.right(V, absolute=absolute).T

    def measured(self, V: Reals) -> tuple[Reals, Reals]:
        """One after the other."""
        return self.right(V), self.norms()

    def moments(self, V: Reals, W: Reals, S: Reals) -> tuple[Reals, Reals, Reals]:
        """Likewise."""
        return self.right(V), self.right(W, absolute=True), self.squared.right(S)

    def survey(self, V: Reals, W: Reals) -> Survey:
        """Likewise."""
        left = self.T.right(W) if W.shape[1] else np.zeros((self.shape[1], 0))
        return Survey(self.right(V), left, self.norms(), *self.sizes())

    def norms(self) -> Reals:
        """Of numbers of which the largest of the row is 1, so that no square overflows or is lost; in float32."""
        xp, f = self.xp, self._computed
        most = xp.max(xp.abs(f), axis=1, keepdims=True)
        scaled = f / xp.where(most > 0, most, xp.ones_like(most))
        squares = self._host(xp.sum(scaled * scaled, axis=1))
        u, d = float(xp.finfo(f.dtype).eps), self.shape[1]
        # a quotient, its square and the sum; what is flushed beside 1
        return np.asarray(self._host(most[:, 0]) * (np.sqrt(squares * (1 + 2 * (d + 6) * u) + d * LOST) * (1 + u)))

    def squares(self) -> Reals:
        """Some rows at a time; on the host where pairs would overflow."""
        sums, each = self.sums, max(1, COPIED[type(self.sums)] // self.shape[1])
        if not self._largest**2 * self.shape[1] < sums.most:
            return Held(np.asarray(self)).squares()
        return sums.value([sums.squares(self.array[rows, :]) for rows in cuts(self.shape[0], each)])

    def sizes(self) -> tuple[Reals, Reals]:
        """|M| times a vector of ones, and what is exact."""
        most = self._host(self.xp.max(self.xp.abs(self.array), axis=1))
        return self.right(np.ones((self.shape[1], 1)), absolute=True)[:, 0], most

    def ends(self) -> tuple[Reals, Reals]:
        """Exact."""
        return self._host(self.xp.max(self.array, axis=0)), self._host(self.xp.min(self.array, axis=0))

    def at(self, index: Any) -> Reals:
        """As the standard gathers."""
        places = self.xp.asarray(np.asarray(index, np.int64)[np.newaxis], device=device_of(self.array))
        return self._host(self.xp.take_along_axis(self.array, places, axis=0)[0, :])

    def mapped(self, by: Callable[[Any], Any], own: Precision, name: str) -> "Placed":
        """All at once."""
        return self._like(by(Entries(self._own(own), self.xp)).array)

    def logits(self, X: Any, b: Reals, own: Precision) -> "Placed":
        """By the device's own product, which is pinned to be that of the precision."""
        found = self.xp.matmul(self._own(own), X._own(own))
        of_rows = np.ascontiguousarray(b.astype(own.dtype)[:, np.newaxis])
        return self._like(found + self.xp.asarray(of_rows, device=self.sums.device))

    def _own(self, own: Precision) -> Any:
        return self.xp.astype(self.array, getattr(self.xp, own.name))

    def powers(self, own: Precision) -> Powers:
        """All samples at once."""
        xp = self.xp
        Z = self._own(own)
        most, least = xp.max(Z, axis=0, keepdims=True), xp.min(Z, axis=0)
        p = xp.exp(Z - most)
        m, s = self._host(most[0, :]), self.sums.value([self.sums.total(p)])
        return Powers(self._like(p), m, s, m - self._host(least))

    def summed(self, factors: Reals, own: Precision, slopes: Any = None, *, into: Reals | None = None) -> Reals:
        """`INNER` columns of all blocks at once, and what is left of the last."""
        if into is not None:
            into += self.summed(factors, own, slopes)
            return into
        xp, sums, cols = self.xp, self.sums, self.shape[1]
        array = self.array if slopes is None else self.array * slopes.array
        given = xp.asarray(np.ascontiguousarray(factors.T.astype(own.dtype)), device=sums.device)
        whole = cols - cols % INNER
        parts = [(0, whole, INNER), (whole, cols, cols - whole)]
        found = []
        for start, stop, each in parts:
            if start < stop:
                blocks = xp.reshape(array[:, start:stop], (self.shape[0], -1, each))
                weights = xp.reshape(given[start:stop, :], (-1, each, len(factors)))
                found.append(xp.matmul(xp.permute_dims(blocks, (1, 0, 2)), weights))
        return np.asarray(sum(sums.value([sums.total(some)]) for some in found)).T

    @cached_property
    def _computed(self) -> Any:
        """In float32 at least."""
        return self.array if self.dtype.itemsize > 2 else self.xp.astype(self.array, self.xp.float32)

    @cached_property
    def _largest(self) -> float:
        return float(self.xp.max(self.xp.abs(self.array))) if self.sums.most < np.inf else 0.0

    def _host(self, some: Any) -> Reals:
        return np.asarray(self._like(some)).astype(np.float64)

    def _like(self, some: Any) -> "Placed":
        found = Placed(some)
        for name in ("xp", "sums"):  # of one device
            if name in self.__dict__:
                found.__dict__[name] = self.__dict__[name]
        return found
