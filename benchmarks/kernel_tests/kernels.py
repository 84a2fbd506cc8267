"""Right kernels: ∂ℒ/∂Z (n, L) as code has it, rounded where code rounds, each with what it would declare."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
F4 = np.float32
PAIRWISE = 64  # additions that a term of NumPy's pairwise sum goes through at most, of any row that fits into memory
TILE = 512
LOG2E = F4(1.4426950408889634)


def chain(most: int) -> dict[str, Any]:
    return {"sums": f"chain:{most}"}


@dataclass(frozen=True)
class Kernel:
    """`run(z, y, c)` of logits in float32, classes, and what the gradient of each sample is multiplied by, (n, 1)."""

    name: str
    run: Callable[[Array, Array, Array], Array]
    declares: Callable[[int], dict[str, Any]] = field(default=lambda L: chain(PAIRWISE))


def _subtracted(A: Array, y: Array, c: Array) -> Array:
    A = A.copy()
    A[np.arange(len(y)), y] -= F4(1)
    return np.asarray(A * c)


def direct(z: Array, y: Array, c: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return _subtracted(e / e.sum(axis=1, keepdims=True), y, c)


def reciprocal(z: Array, y: Array, c: Array) -> Array:
    """c first, times the reciprocal of the sum."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    A = e * (c / e.sum(axis=1, keepdims=True))
    A[np.arange(len(y)), y] -= c[:, 0]
    return A


def base_two(z: Array, y: Array, c: Array) -> Array:
    x = z * LOG2E
    e = np.exp2(x - x.max(axis=1, keepdims=True))
    return _subtracted(e / e.sum(axis=1, keepdims=True), y, c)


def by_logarithm(z: Array, y: Array, c: Array) -> Array:
    m = z.max(axis=1, keepdims=True)
    lse = m + np.log(np.exp(z - m).sum(axis=1, keepdims=True))
    return _subtracted(np.exp(z - lse), y, c)


def online(z: Array, y: Array, c: Array) -> Array:
    """Tile by tile: a running maximum, and a sum that is rescaled with it."""
    m = np.full((len(z), 1), -np.inf, dtype=F4)
    s = np.zeros_like(m)
    for at in range(0, z.shape[1], TILE):
        part = z[:, at : at + TILE]
        most = np.maximum(m, part.max(axis=1, keepdims=True))
        s = s * np.exp(m - most) + np.exp(part - most).sum(axis=1, keepdims=True)
        m = most
    return _subtracted(np.exp(z - m) / s, y, c)


def in_a_row(z: Array, y: Array, c: Array) -> Array:
    """One addition after the other."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return _subtracted(e / np.cumsum(e, axis=1, dtype=F4)[:, -1:], y, c)


KERNELS = (
    Kernel("direct", direct),
    Kernel("reciprocal", reciprocal),
    Kernel("base two", base_two),
    Kernel("by logarithm", by_logarithm),
    Kernel("online", online, lambda L: chain(PAIRWISE + L // TILE + 1)),
    Kernel("in a row", in_a_row, lambda L: {}),
)


def written(z: Array, y: Array, c: Array, dtype: Any) -> Array:
    """Array by array in 16 bits, sums in float32: nothing is declared."""

    def w(x: Array) -> Array:
        return x.astype(dtype).astype(F4)

    e = w(np.exp(w(z - z.max(axis=1, keepdims=True))))
    A = w(e / w(e.sum(axis=1, keepdims=True)))
    A[np.arange(len(y)), y] = w(A[np.arange(len(y)), y] - F4(1))
    return w(A * w(c))
