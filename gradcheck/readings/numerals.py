"""Numbers that a text makes of numbers alone, by `np.arange` say: what is computed of them is read and rounded as any array is.

They are arrays of NumPy, which may be indices, and may be written into. Whole numbers are computed without rounding; of others
an array of the reading is made as soon as something is rounded, so that `1 - np.arange(n) / n` is exact in truth, and granted
each of its roundings.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from gradcheck.law.functions import Array, Values

WHOLE = 2.0**26  # as of options: below it sums and products are exact
# Nothing of these is rounded.
EXACT = {np.negative, np.positive, np.absolute, np.maximum, np.minimum, np.sign, np.floor, np.ceil, np.rint, np.trunc}
READ: ContextVar[Callable[[Array], Values] | None] = ContextVar("READ", default=None)


@contextmanager
def read_by(read: Callable[[Array], Values] | None) -> Iterator[None]:
    """Within it, arrays of numbers become those of this reading."""
    before = READ.set(read)
    try:
        yield
    finally:
        READ.reset(before)


class Numerals(np.ndarray):
    """An array of such numbers."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain, written = [_plain(x) for x in inputs], options.pop("out", None)
        if written:
            getattr(ufunc, method)(*plain, out=tuple(map(_plain, written)), **options)
            return written[0]
        found = getattr(ufunc, method)(*plain, **options)
        read = READ.get()
        if read is None or not isinstance(found, np.ndarray | np.generic) or found.dtype.kind == "b":
            return found  # of other arrays, too, which take over
        if ufunc in EXACT or _whole(found, *plain):
            return found.view(Numerals) if isinstance(found, np.ndarray) else found
        lifted = [read(np.asarray(x, dtype=np.float64)) if isinstance(x, np.ndarray) else x for x in plain]
        if method == "__call__":
            return ufunc(*lifted)
        if ufunc is np.add and method == "reduce":
            return lifted[0].sum(axis=options.get("axis", 0), keepdims=options.get("keepdims", False))
        return found


def numerals(found: Array) -> Array:
    """An array that a text has made, where it is read."""
    return found if READ.get() is None or found.dtype.kind not in "iuf" else found.view(Numerals)


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if type(x) is Numerals else x


def _whole(*arrays: Any) -> bool:
    """Whether all of them are whole numbers, and not too large."""
    return all(np.all((np.trunc(x) == x) & (abs(np.asarray(x)) < WHOLE)) for x in arrays)
