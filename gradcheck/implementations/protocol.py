"""What gradcheck and an implementation in another process say to each other: version 1, described in docs/protocol.md.

A message is one line of JSON, then the bytes of its arrays: little-endian, C order, one after the other. Where the other side
asks for JSON numbers, the line holds them and no bytes follow. Knows nothing of processes.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.problem import Array

VERSION = 1
ENCODINGS = ("raw", "json")
DTYPES: dict[str, np.dtype] = {
    "int64": np.dtype("<i8"),
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
}


class Garbled(Exception):
    """A message that is none; the text says what was received."""


def dtype_named(name: object) -> np.dtype:
    """The NumPy dtype of an array on the wire."""
    if name == "bfloat16":
        return precision.named("bfloat16").dtype
    if not isinstance(name, str) or name not in DTYPES:
        raise Garbled(f"an array of dtype {name!r}; expected one of {', '.join(DTYPES)}, bfloat16")
    return DTYPES[name]


def message(header: Mapping[str, Any], arrays: Mapping[str, Array], encoding: str = "raw") -> bytes:
    """A header and its arrays. Every array is listed as [name, dtype, size, size...]."""
    listed = [[name, array.dtype.name, *array.shape] for name, array in arrays.items()]
    whole = {**header, "arrays": listed}
    if encoding == "json":
        whole["values"] = {name: _plain(array.astype(float).tolist()) for name, array in arrays.items()}
    line = json.dumps(whole, allow_nan=False).encode() + b"\n"
    if encoding == "json":
        return line
    return line + b"".join(a.astype(dtype_named(a.dtype.name), copy=False).tobytes() for a in arrays.values())


def _plain(value: Any) -> Any:
    """Nested lists of numbers, those that JSON has no word for as text."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value if math.isfinite(value) else str(value)


def header(line: bytes) -> dict[str, Any]:
    """The header of a message, from its line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Garbled(f"{line[:60]!r}, which is no line of JSON in braces")
    return found


def read_arrays(found: Mapping[str, Any], read: Callable[[int], bytes], default: str) -> dict[str, Array]:
    """The arrays of a message, whose bytes are asked for with `read(count)`; JSON numbers take the dtype `default`."""
    if "values" in found:
        return _from_json(found, default)
    arrays = {}
    for entry in found.get("arrays", []):
        if not isinstance(entry, list) or len(entry) < 2 or not all(isinstance(k, int) and k >= 0 for k in entry[2:]):
            raise Garbled(f"the array {entry!r}; expected [name, dtype, size, size...]")
        name, dtype, shape = str(entry[0]), dtype_named(entry[1]), tuple(entry[2:])
        data = read(math.prod(shape) * dtype.itemsize)
        arrays[name] = np.frombuffer(data, dtype=dtype).reshape(shape).copy()
    return arrays


def _from_json(found: Mapping[str, Any], default: str) -> dict[str, Array]:
    values = found["values"]
    if not isinstance(values, dict):
        raise Garbled(f"values {values!r}; expected names with numbers")
    dtypes = {entry[0]: entry[1] for entry in found.get("arrays", []) if isinstance(entry, list) and len(entry) > 1}
    try:
        return {
            name: np.array(value, dtype=float).astype(dtype_named(dtypes.get(name, default)))
            for name, value in values.items()
        }
    except (TypeError, ValueError):
        raise Garbled("values that are no numbers, or rows of unequal length") from None
