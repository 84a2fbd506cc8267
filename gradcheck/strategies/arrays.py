"""Shapes and values, drawn by Hypothesis in few draws.

Everything is made of rows of bytes of a length of its own: Hypothesis tries constants that it finds in the modules of a project as
integers, floats and short bytes, so that with other draws the problems of a seed would depend on what else is imported.

A row of bytes is one draw, and shrinks byte by byte to zero. Its length does not depend on the shape, and each entry has its place
in it whatever the shape, so that a smaller shape keeps the numbers of its entries: what failed still fails.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from hypothesis import strategies as st

from gradcheck.problem import Reals

# The largest problems of which each number is drawn by itself; blocks may be larger.
SIDES = (5, 5, 7)
LARGER_SIDES = (10, 20, 40)
T = TypeVar("T")


class Shape(NamedTuple):
    """Numbers of classes, features and samples."""

    L: int
    d: int
    n: int


class Numbers(NamedTuple):
    """theta (L, d), b (L, 1), X (d, n), and the class of each sample (n,)."""

    theta: Reals
    b: Reals
    X: Reals
    classes: np.ndarray


class Octets:
    """A row of bytes, read as choices, one byte after the other; it begins again where it ends."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._next = 0

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1. A byte of zero is 0."""
        octet = self._octets[self._next % len(self._octets)]
        self._next += 1
        return octet % count

    def one_of(self, some: Sequence[T]) -> T:
        """One of these. A byte of zero is the first."""
        return some[self.below(len(some))]

    def grid(self, rows: int, columns: int) -> np.ndarray:
        """Whole numbers from 0 to 255, (rows, columns)."""
        return np.resize(np.frombuffer(self._octets, dtype=np.uint8).astype(np.int64), (rows, columns))


def shapes(
    *, max_classes: int = SIDES[0], max_features: int = SIDES[1], max_samples: int = SIDES[2]
) -> st.SearchStrategy[Shape]:
    """(L, d, n) with L >= 2. Shrinks to two classes, one feature and one sample."""
    return st.builds(Shape, st.integers(2, max_classes), st.integers(1, max_features), st.integers(1, max_samples))


def _cut(flat: Reals, shape: Shape) -> tuple[Reals, Reals, Reals]:
    """theta, b and X from a flat array, each from its own fixed grid."""
    L, d, n = SIDES
    theta, b, X = np.split(flat[: L * d + L + d * n], [L * d, L * d + L])
    grids = theta.reshape(L, d)[: shape.L, : shape.d], b.reshape(L, 1)[: shape.L], X.reshape(d, n)[: shape.d, : shape.n]
    return grids


COUNT = SIDES[0] * SIDES[1] + SIDES[0] + SIDES[1] * SIDES[2]
_octets = st.binary(min_size=COUNT + SIDES[2], max_size=COUNT + SIDES[2])
_floats = st.binary(min_size=12 * 8, max_size=12 * 8)


def _classes(octets: np.ndarray, shape: Shape) -> np.ndarray:
    return np.resize(octets[-SIDES[2] :].astype(np.int64) % shape.L, shape.n)


def short_decimals(draw: st.DrawFn, shape: Shape) -> Numbers:
    """Multiples of 1/8 from -16 to 15.875: exact in every precision and easy to read. Shrinks to zeros, entry by entry."""
    octets = np.frombuffer(draw(_octets, label="eighths"), dtype=np.uint8)
    whole = octets.astype(np.float64)
    signed = np.where(whole % 2 == 0, whole / 2, -(whole + 1) / 2)  # 0, -1, 1, -2, ...: simple bytes, small numbers
    return Numbers(*_cut(signed / 8, shape), _classes(octets, shape))


def wide_floats(draw: st.DrawFn, shape: Shape) -> Numbers:
    """Short decimals, the first entries of which are replaced by floats of full significands and of any size from 2**-120 to 64.

    Shrinks to zeros.
    """
    numbers = short_decimals(draw, shape)
    floats = _as_floats(draw(_floats, label="floats"))
    for array in (numbers.theta, numbers.b, numbers.X):
        used = min(array.size, 4)
        array.flat[:used], floats = floats[:used], floats[used:]
    return numbers


def _as_floats(octets: bytes) -> Reals:
    """Of eight bytes each: the sign and the exponent from the first, the significand from the others; zeros are 0."""
    rows = np.frombuffer(octets, dtype=np.uint8).reshape(-1, 8)
    significand = np.zeros(len(rows), dtype=np.uint64)
    for place in range(1, 8):
        significand = significand * np.uint64(256) + rows[:, place]
    kind = rows[:, 0].astype(np.int64)
    exponent = np.where(kind < 192, 6 - kind // 2 % 16, 6 - (kind - 192) * 2)
    sizes = np.ldexp(significand.astype(np.float64) / 2.0**56, exponent)
    return np.where(kind % 2 == 0, sizes, -sizes)


def full_significands(draw: st.DrawFn, shape: Shape) -> Numbers:
    """Short decimals times constants that no precision holds exactly. Shrinks to zeros, entry by entry."""
    theta, b, X, index = short_decimals(draw, shape)
    return Numbers(theta / 3, b / 7, X / 11, index)


def blocks(draw: st.DrawFn, shape: Shape) -> Numbers:
    """Normal variates, seeded by the bytes of which `short_decimals` are made: any size at the cost of one draw.

    Shrinks to the seed of zeros; as a choice among sources, to the short decimals of the same bytes.
    """
    octets = draw(_octets, label="eighths")
    rng = np.random.default_rng(zlib.crc32(octets))
    L, d, n = shape
    return Numbers(rng.normal(size=(L, d)), rng.normal(size=(L, 1)), rng.normal(size=(d, n)), rng.integers(0, L, n))


Source = Callable[[st.DrawFn, Shape], Numbers]


def distributions(classes: int, samples: int) -> st.SearchStrategy[Reals]:
    """Y (L, n) of multiples of 1/64 whose columns sum to exactly 1 in every precision. Shrinks to the last class."""
    size = (classes - 1) * samples
    rows = st.binary(min_size=size, max_size=size)
    return rows.map(lambda octets: cuts(Octets(octets).grid(classes - 1, samples)))


def cuts(octets: np.ndarray) -> Reals:
    """Y (L, n) of multiples of 1/64 from bytes (L - 1, n), each of which cuts the mass of its column."""
    edges = np.sort(octets % 65, axis=0)
    first, last = np.zeros_like(edges[:1]), np.full_like(edges[:1], 64)
    return np.diff(np.concatenate([first, edges, last]), axis=0) / 64
