"""Products and sums of a device in float64, or, where it has none, in pairs of float32 that a term is carried in without error.

    TwoSum(a, b) = (s, e), a + b = s + e exactly        TwoProd(a, b) = (p, e), a b = p + e exactly       (Ogita, Rump, Oishi 2005)

Sums of N pairs (h, l) are formed in a tree of D = ⌈log₂ N⌉ levels: h by TwoSum, l by adding all errors. Of Σ|x y|, with u = 2⁻²⁴,
what a product is off by is at most u, what its other half adds (y = h + l) at most u, and what each level is off by at most u:
(D + 2) u that are added into l, where each meets no more than 2 D + 2 roundings. With what y is short of, the sum is off by no more
than ((D + 2)(2 D + 2) + 1) u² (1 + 2⁻¹⁰) Σ|x y|, less than 16 (N + 64) u² Σ|x y| for every N. So 64 additions more than there are
terms, of a unit roundoff of `PAIR` = 16 u² = 2⁻⁴⁴, are no less, and that is what is granted to us.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gradcheck.auditing.matrices.door import host
from gradcheck.enclosure import U64, Reals

PAIR = 2.0**-44
SPLIT = 4097.0  # 2^12 + 1: halves a float32 (Dekker 1971)
SAFE = 2.0**100  # above which halving, or a product, may overflow


class Sums(Protocol):
    """How a device multiplies and adds. What is returned comes to the host by `value`."""

    unit: float

    def given(self, V: Reals) -> Any:
        """Vectors (cols, k) of the host, there."""
        ...

    def product(self, M: Any, V: Any) -> Any:
        """M V (rows, k)."""
        ...

    def squares(self, M: Any) -> Any:
        """Of each row (rows,), their sum."""
        ...

    def total(self, terms: Any) -> Any:
        """Of (count, …), over the first axis."""
        ...

    def value(self, parts: list[Any]) -> Reals:
        """Parts that follow each other along the rows, on the host."""
        ...


@dataclass(frozen=True)
class Doubles:
    """In float64."""

    xp: Any
    device: Any
    unit: float = U64
    most: float = np.inf

    def given(self, V: Reals) -> Any:
        """Once for all rows."""
        return self.xp.asarray(np.ascontiguousarray(V), dtype=self.xp.float64, device=self.device)

    def product(self, M: Any, V: Any) -> Any:
        """By the device's own product."""
        return self.xp.matmul(self.xp.astype(M, self.xp.float64), V)

    def squares(self, M: Any) -> Any:
        """Likewise."""
        M = self.xp.astype(M, self.xp.float64)
        return self.xp.sum(M * M, axis=1)

    def total(self, terms: Any) -> Any:
        """By its own sum."""
        return self.xp.sum(terms, axis=0, dtype=self.xp.float64)

    def value(self, parts: list[Any]) -> Reals:
        """One copy."""
        return np.asarray(host(parts[0] if len(parts) == 1 else self.xp.concat(parts)))


@dataclass(frozen=True)
class Pairs:
    """In pairs of float32."""

    xp: Any
    device: Any
    unit: float = PAIR
    most: float = SAFE

    def given(self, V: Reals) -> Any:
        """V = h + l, but for a part of 2^-48; column by column."""
        h = V.astype(np.float32)
        halves = h, (V - h).astype(np.float32)
        return [
            tuple(self.xp.asarray(np.ascontiguousarray(x[:, j]), device=self.device) for x in halves)
            for j in range(V.shape[1])
        ]

    def product(self, M: Any, V: Any) -> Any:
        """A column at a time: what is added up is not formed for all of them at once."""
        M = self.xp.matrix_transpose(self.xp.astype(M, self.xp.float32))
        found = [self._tree(*self._times(M, h[:, None], l[:, None])) for h, l in V]
        return tuple(self.xp.stack([pair[k] for pair in found], axis=1) for k in (0, 1))

    def squares(self, M: Any) -> Any:
        """Likewise."""
        M = self.xp.matrix_transpose(self.xp.astype(M, self.xp.float32))
        return self._tree(*two_product(M, M))

    def total(self, terms: Any) -> Any:
        """Of numbers, or of the results of products."""
        terms = self.xp.astype(terms, self.xp.float32)
        return self._tree(terms, self.xp.zeros_like(terms))

    def value(self, parts: list[Any]) -> Reals:
        """h + l, in float64."""
        h, l = (np.concatenate([np.asarray(host(part[k])).astype(np.float64) for part in parts]) for k in (0, 1))
        return np.asarray(h + l)

    def _tree(self, h: Any, l: Any) -> Any:
        """Over the first axis: halves are added until one is left."""
        while h.shape[0] > 1:
            half, odd = divmod(h.shape[0], 2)
            (a, b), (c, d) = ((x[:half, ...], x[half : 2 * half, ...]) for x in (h, l))
            s, e = two_sum(a, b)
            t = (c + d) + e
            h, l = (self.xp.concat([x, y[-1:, ...]]) if odd else x for x, y in ((s, h), (t, l)))
        return h[0, ...], l[0, ...]

    @staticmethod
    def _times(a: Any, h: Any, l: Any) -> tuple[Any, Any]:
        p, e = two_product(a, h)
        return p, e + a * l


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b = s + e, whichever is larger (Knuth)."""
    s = a + b
    z = s - a
    return s, (a - (s - z)) + (b - z)


def halved(a: Any) -> tuple[Any, Any]:
    """a = x + y, each of no more than 12 bits (Dekker)."""
    c = a * SPLIT
    x = c - (c - a)
    return x, a - x


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """a b = p + e, where nothing underflows (Veltkamp): what that loses is below 2^-122."""
    p = a * b
    (x, y), (v, w) = halved(a), halved(b)
    return p, y * w - (((p - x * v) - y * v) - x * w)
