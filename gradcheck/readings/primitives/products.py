"""Matrix products of balls, one or a stack."""

from itertools import product
from typing import Any

import flint
import numpy as np

from gradcheck.readings.balls import Balls
from gradcheck.readings.places import broadcast, places
from gradcheck.readings.primitives import arithmetic


def matrix_product(x: Balls, y: Balls) -> Balls:
    """Of (..., k, m) and (..., m, n); leading axes are broadcast."""
    if x.ndim < 2 or y.ndim < 2:
        return arithmetic.product(x, y)
    (rows, inner), columns = x.shape[-2:], y.shape[-1]
    if x.ndim == 2 and y.ndim == 2:
        return Balls(_one(x.entries, y.entries, rows, inner, columns), (rows, columns))
    lead = broadcast(x.shape[:-2], y.shape[:-2])
    left, right = (_stacked(part, lead) for part in (x, y))
    entries: list[Any] = []
    for index in product(*map(range, lead)):
        one, other = (
            [part.entries[place] for place in where[index].ravel()] for part, where in ((x, left), (y, right))
        )
        entries += _one(one, other, rows, inner, columns)
    return Balls(entries, (*lead, rows, columns))


def _stacked(x: Balls, lead: tuple[int, ...]) -> Any:

    return np.broadcast_to(places(x.shape), (*lead, *x.shape[-2:]))


def _one(x: list[Any], y: list[Any], rows: int, inner: int, columns: int) -> list[Any]:
    return list((flint.arb_mat(rows, inner, x) * flint.arb_mat(inner, columns, y)).entries())
