"""Shapes and values, drawn by Hypothesis. Few draws each: a row of bytes is one draw, and shrinks byte by byte to zero."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from gradcheck.problem import Reals


class Shape(NamedTuple):
    """Numbers of classes, features and samples."""

    L: int
    d: int
    n: int


def shapes(*, max_classes: int = 5, max_features: int = 5, max_samples: int = 7) -> st.SearchStrategy[Shape]:
    """(L, d, n) with L >= 2. Shrinks to two classes, one feature and one sample."""
    return st.builds(Shape, st.integers(2, max_classes), st.integers(1, max_features), st.integers(1, max_samples))


def short_decimals(rows: int, columns: int) -> st.SearchStrategy[Reals]:
    """Multiples of 1/8 from -16 to 15.875: exact in every precision and easy to read. Shrinks to zeros, entry by entry."""
    size = rows * columns

    def decode(octets: bytes) -> Reals:
        whole = np.frombuffer(octets, dtype=np.uint8).astype(np.float64)
        signed = np.where(whole % 2 == 0, whole / 2, -(whole + 1) / 2)  # 0, -1, 1, -2, ...: simple bytes, small numbers
        return (signed / 8).reshape(rows, columns)

    return st.binary(min_size=size, max_size=size).map(decode)


def wide_floats(rows: int, columns: int) -> st.SearchStrategy[Reals]:
    """Floats from -100 to 100 with full significands, each drawn by itself. Shrinks to zeros."""
    size = rows * columns
    entries = st.lists(st.floats(-100.0, 100.0), min_size=size, max_size=size)
    return entries.map(lambda values: np.array(values).reshape(rows, columns))


def blocks(rows: int, columns: int) -> st.SearchStrategy[Reals]:
    """Normal variates of one seed: many entries at the cost of one draw. Shrinks to the seed 0."""
    return st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(rows, columns)))


def indices(classes: int, samples: int) -> st.SearchStrategy[np.ndarray]:
    """The class of each sample, (n,). Shrinks to class 0."""
    return st.binary(min_size=samples, max_size=samples).map(
        lambda octets: np.frombuffer(octets, dtype=np.uint8).astype(np.int64) % classes
    )


def one_hot(index: np.ndarray, classes: int) -> Reals:
    """Y (L, n), C-ordered, unlike `np.eye(L)[:, index]`."""
    Y = np.zeros((classes, len(index)))
    Y[index, np.arange(len(index))] = 1
    return Y


def distributions(classes: int, samples: int) -> st.SearchStrategy[Reals]:
    """Y (L, n) of multiples of 1/64 whose columns sum to exactly 1 in every precision. Shrinks to the last class."""
    size = (classes - 1) * samples

    def decode(octets: bytes) -> Reals:
        cuts = np.frombuffer(octets, dtype=np.uint8).astype(np.int64).reshape(classes - 1, samples) % 65
        edges = np.vstack([np.zeros((1, samples)), np.sort(cuts, axis=0), np.full((1, samples), 64)])
        return np.diff(edges, axis=0) / 64

    return st.binary(min_size=size, max_size=size).map(decode)
