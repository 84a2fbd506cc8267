"""Arrays of a file that somebody else may have written: rows of hexadecimal floats, which lose nothing, or .npy files beside it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import foreign
from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable

Array = NDArray[Any]

LARGEST = 1 << 30  # bytes of an array in a file of its own


def array(path: Path, name: str, rows: Any, dtype: np.dtype) -> Array:
    """Rows of hexadecimal floats, or the name of a .npy file beside, as an array that holds exactly these numbers."""
    if isinstance(rows, str):
        return _rounded(path, name, _beside(path, name, rows), dtype)
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
        raise Unusable(f'{path}: {name} is not rows of hexadecimal floats, such as [["0x1.8p+0"]]')
    numbers = [[_exact(path, name, entry) for entry in row] for row in rows]
    if len({len(row) for row in rows}) != 1:
        raise Unusable(f"{path}: {name} has rows of unequal length")
    return _rounded(path, name, np.array(numbers, dtype=np.float64), dtype)


def _beside(path: Path, name: str, file: str) -> Reals:
    """The float64 numbers of a .npy file in the folder of the case, which holds arrays and no objects."""
    if Path(file).name != file or not file.endswith(".npy"):
        raise Unusable(f"{path}: {name} names {file[:60]!r}; expected the name of a .npy file in the same folder")
    try:
        found = foreign.array(path.parent / file, LARGEST)
    except Unusable as problem:
        raise Unusable(f"{path}: {name} cannot be read: {problem}") from None
    if found.dtype != np.float64 or found.ndim != 2:
        raise Unusable(f"{path}: {file} holds no float64 matrix; expected one for {name}")
    return np.asarray(found)


def _rounded(path: Path, name: str, real: Reals, dtype: np.dtype) -> Array:
    with np.errstate(over="ignore"):
        array = real.astype(dtype)
    if not np.array_equal(array.astype(np.float64), real):
        raise Unusable(f"{path}: {name} has numbers that are not exact in {dtype}")
    return array


def _exact(path: Path, name: str, entry: object) -> float:
    """A hexadecimal float as `float.hex` writes it, so that what is read is what stands there."""
    try:
        value = float.fromhex(entry) if isinstance(entry, str) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if value.hex() != entry:
        raise Unusable(f"{path}: {name} holds {repr(entry)[:60]}; expected a hexadecimal float such as {(1.5).hex()!r}")
    return value
