"""What theta makes of the probes of ∂ℒ/∂X: worked out once, before there are blocks of samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.rows import real, rowwise
from gradcheck.enclosure import Reals


@dataclass(frozen=True, eq=False)
class Turned:
    """`V` (L, k) is theta V, `weight` (L,) no less than |theta||V| of any probe: Σ |theta| over the features.

    `most` is max |theta|.
    """

    V: Reals
    weight: Reals
    most: float


def turned(dump: Dump, V: Reals) -> Turned:
    """Of the probes V (d, k)."""
    product, weight, most = np.empty((dump.L, V.shape[1])), np.empty(dump.L), np.empty(dump.L)

    def rowed(rows: slice, stored: Any) -> None:
        theta = real(stored)
        product[rows], size = theta @ V, abs(theta)
        weight[rows], most[rows] = size.sum(axis=1), size.max(axis=1)

    rowwise(dump.arrays["theta"], rowed)
    return Turned(product, weight, float(most.max()))
