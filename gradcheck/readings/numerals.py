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
from gradcheck.readings.operators import METHODS
from gradcheck.readings.places import Axis
from gradcheck.readings.primitives.table import READERS, Primitive
from gradcheck.readings.running.arithmetic import count

WHOLE = 2.0**26  # as of options: below it sums and products are exact
# Nothing of these is rounded.
EXACT = {np.negative, np.positive, np.absolute, np.maximum, np.minimum, np.sign, np.floor, np.ceil, np.rint, np.trunc}
NUMBERS = (np.ndarray, np.generic, int, float)
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
        if not all(isinstance(x, NUMBERS) for x in plain):
            return getattr(ufunc, method)(*plain, **options)  # other arrays take over
        found = _computed(ufunc, method, plain, options)
        if not written:
            return found
        getattr(ufunc, method)(*plain, out=tuple(map(_plain, written)), **options)
        return found if hasattr(found, "applied") or hasattr(found, "error") else written[0]

    def __setitem__(self, index: Any, given: Any) -> None:
        """As NumPy has it: of what is read, the numbers."""
        super().__setitem__(index, given.values() if hasattr(given, "values") else given)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """A sum over the number of its terms."""
        return self.sum(axis=axis, keepdims=keepdims) / count(self.shape, axis)

    def var(self, *arguments: Any, **options: Any) -> Any:
        return METHODS["var"](self, *arguments, **options)

    def std(self, *arguments: Any, **options: Any) -> Any:
        return METHODS["std"](self, *arguments, **options)


def _computed(ufunc: np.ufunc, method: str, plain: list[Any], options: dict[str, Any]) -> Any:
    found, read = getattr(ufunc, method)(*plain, **options), READ.get()
    if read is None or not isinstance(found, np.ndarray | np.generic) or found.dtype.kind == "b":
        return found
    if ufunc in EXACT or _whole(found, *plain):
        return found.view(Numerals) if isinstance(found, np.ndarray) else found
    if method == "__call__":
        return ufunc(*map(_lifted, plain))
    if ufunc is np.add and method == "reduce":
        return _lifted(plain[0]).sum(axis=options.get("axis", 0), keepdims=options.get("keepdims", False))
    return found


def _lifted(x: Any) -> Any:
    read = READ.get()
    return read(np.array(x, dtype=np.float64)) if read is not None and isinstance(x, np.ndarray) else x


def _read(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A primitive of such numbers: as NumPy has it where nothing is rounded."""
    plain = tuple(map(_plain, operands))
    found = primitive(*plain, **options)
    if READ.get() is None or not isinstance(found, np.ndarray):
        return found
    if primitive.moves or _whole(found, *plain):
        return found.view(Numerals)
    return primitive(*map(_lifted, plain), **options)


READERS[Numerals] = 0, _read


def numerals(found: Array) -> Array:
    """An array that a text has made, where it is read."""
    return found if READ.get() is None or found.dtype.kind not in "iuf" else found.view(Numerals)


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if type(x) is Numerals else x


def _whole(*arrays: Any) -> bool:
    """Whether all of them are whole numbers, and not too large."""
    return all(np.all((np.trunc(x) == x) & (abs(np.asarray(x)) < WHOLE)) for x in arrays)
