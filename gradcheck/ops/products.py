"""Products of matrices that are too large to be computed again: as what an audit probes, the logits of a linear layer.

Logits are Z = X θᵀ + b in rows, and a product a b is those of a and bᵀ.
"""

from typing import Any

import numpy as np

from gradcheck.ops.description import Probed
from gradcheck.problem import Array

MULTIPLIED, ENTRIES = 2**35, 2**26  # products of numbers, and entries of the result, beyond which it is probed


def plain(a: Array, b: Array, upstream: Array | None, wrt: str) -> Probed | None:
    """Of a b, or of one of its gradients: upstream bᵀ, and aᵀ upstream."""
    if a.ndim != 2 or b.ndim != 2 or (wrt and upstream is None):
        return None
    g: Any = upstream
    left, right = {"": (a, b), "a": (g, b.T), "b": (a.T, g)}[wrt]
    return _logits(left, right, np.zeros(right.shape[1], dtype=right.dtype))


def added(c: Array, a: Array, b: Array, wrt: str) -> Probed | None:
    """Of c + a b, where c is one number for each column."""
    if wrt or c.size != b.shape[1] or c.shape[-1:] != b.shape[1:]:
        return None
    return _logits(a, b, c.reshape(-1))


def _logits(a: Array, b: Array, c: Array) -> Probed | None:
    (n, k), m = a.shape, b.shape[1]
    if m < 2 or (n * m * k <= MULTIPLIED and n * m <= ENTRIES):
        return None
    return Probed("Z", {"X": a, "theta": b.T, "b": c, "Y": np.zeros(n, dtype=np.int64)}, turned=True)
