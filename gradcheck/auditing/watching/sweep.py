"""One pass over an array where it is, some rows at a time, so that what is read once stays in the cache. Imports no framework."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.tensors import array

CACHED = 2**18  # entries of a block of rows
AGAIN = 2**20  # of one in float64, where a few rows are computed again
SHORT = ("torch.float16", "torch.bfloat16")


@dataclass(frozen=True, eq=False)
class Swept:
    """Of A (m, c): `right` are products A r (m,), `left` products Aᵀ l (c,), `rows` and `columns` the same of the squares of A."""

    right: list[Any]
    left: list[Any]
    rows: list[Any]
    columns: list[Any]


def wide(tensor: Any) -> Any:
    """In the precision that we add up in: float32, or float64 where it is of it."""
    return tensor.float() if str(tensor.dtype) in SHORT else tensor


def swept(
    A: Any,
    right: Sequence[Any] = (),
    left: Sequence[Any] = (),
    rows: Sequence[Any] = (),
    columns: Sequence[Any] = (),
) -> Swept:
    """A (m, c) with vectors (c,) to its right, and (m,) to its left; the squares of it with `rows` (c,) and `columns` (m,)."""
    if A.stride(0) < A.stride(1):
        found = swept(A.T, left, right, columns, rows)
        return Swept(found.left, found.right, found.columns, found.rows)
    m, c = A.shape
    kind = wide(A[:0])
    made = Swept(
        *([kind.new_zeros(size) for _ in some] for size, some in ((m, right), (c, left), (m, rows), (c, columns)))
    )
    each = max(1, CACHED // c)
    for at in range(0, m, each):
        part = slice(at, at + each)
        block = wide(A[part])
        _add(block, part, (right, left), (made.right, made.left))
        if rows or columns:
            _add(block.square(), part, (rows, columns), (made.rows, made.columns))
    return made


def _add(block: Any, part: slice, by: Sequence[Sequence[Any]], into: Sequence[Sequence[Any]]) -> None:
    for vector, total in zip(by[0], into[0], strict=True):
        total[part] = block.mv(vector)
    for vector, total in zip(by[1], into[1], strict=True):
        total.addmv_(block.T, vector[part])


def contracted(A: Any, vector: Any, *, over_rows: bool) -> tuple[Reals, Reals, Reals, Reals]:
    """In float64: Σ a v over the rows or the columns of A, Σ |a v|, Σ (a v)², and Σ |a|."""
    m, c = A.shape
    x = double(vector)
    found = x.new_zeros((4, c if over_rows else m))
    each = max(1, AGAIN // c)
    for at in range(0, m, each):
        part = slice(at, at + each)
        block = double(A[part])
        size = block.abs()
        if over_rows:
            y = x[part]
            found[0] += y @ block
            found[1] += y.abs() @ size
            found[2] += y.square() @ block.square()
            found[3] += size.sum(dim=0)
        else:
            parts = (block @ x, size @ x.abs(), block.square() @ x.square(), size.sum(dim=1))
            for row, values in enumerate(parts):
                found[row, part] = values
    value, size, squares, most = np.asarray(array(found))
    return value, size, squares, most


def double(tensor: Any) -> Any:
    """In float64, on its device where that has it."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()
