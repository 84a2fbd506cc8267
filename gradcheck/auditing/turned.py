"""What theta makes of the probes of ∂ℒ/∂X: worked out once, before there are blocks of samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.matrices import matrix
from gradcheck.auditing.rows import rowwise
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
        theta = matrix(stored)
        product[rows], (weight[rows], most[rows]) = theta.right(V), theta.sizes()

    rowwise(dump.arrays["theta"], rowed)
    return Turned(product, weight + dump.d * dump.lost, float(most.max()))
