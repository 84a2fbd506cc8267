"""What gradcheck and an implementation in another process say to each other: versions 1 and 2, described in docs/protocol.md.

A message is one line of JSON, then the bytes of its arrays: little-endian, C order, one after the other. Where the other side
asks for JSON numbers, the line holds them and no bytes follow. Knows nothing of processes.
"""

import json
import math
from collections.abc import Callable, Mapping, Sized
from reprlib import repr as shown  # what others write may be of any length
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.implementations.takes import INTEGERS
from gradcheck.printable import number
from gradcheck.problem import Array

VERSION, OF_A_LAW = 1, 2  # what holds nothing that is newer is of version 1
ENCODINGS = ("raw", "json")
LONGEST = (
    1 << 28
)  # bytes of the arrays of a message: far above any problem, and below what would exhaust our own memory
LINE = 1 << 24  # bytes of its line: read as JSON it may take forty times as much, and no limit holds meanwhile
MOST = 64  # arrays of a message: the results, and what has become of inputs and of earlier results
DTYPES: dict[str, np.dtype] = {
    **{name: np.dtype(name).newbyteorder("<") for name in INTEGERS},
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
        raise Garbled(f"an array of dtype {shown(name)}; expected one of {', '.join(DTYPES)}, bfloat16")
    return DTYPES[name]


def message(
    header: Mapping[str, Any],
    arrays: Mapping[str, Array],
    encoding: str = "raw",
    law: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """A header and its arrays. Every array is listed as [name, dtype, size, size...]; the options of a loss stand last."""
    listed = [[name, array.dtype.name, *array.shape] for name, array in arrays.items()]
    whole = {**header, "arrays": listed}
    if encoding == "json":
        whole["values"] = {name: _numbers(array) for name, array in arrays.items()}
    if law:
        whole |= {"gradcheck_protocol": OF_A_LAW, "law": law}
    line = json.dumps(whole, allow_nan=False).encode() + b"\n"
    if encoding == "json":
        return line
    return line + b"".join(a.astype(dtype_named(a.dtype.name), copy=False).tobytes() for a in arrays.values())


def _numbers(array: Array) -> Any:
    """Nested lists of numbers: every one of them exact."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return array.tolist() if array.dtype.kind in "iu" else _plain(array.astype(float).tolist())


def _plain(value: Any) -> Any:
    """The same with those that JSON has no word for as text."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return number(value)


def header(line: bytes) -> dict[str, Any]:
    """The header of a message, from its line."""
    try:
        found = json.loads(line.decode("utf-8"))  # of bytes, `loads` guesses the encoding
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Garbled(f"{line[:60]!r}, which is no line of JSON in braces")
    return found


def read_arrays(found: Mapping[str, Any], read: Callable[[int], bytes], default: str) -> dict[str, Array]:
    """The arrays of a message, whose bytes are asked for with `read(count)`; JSON numbers not listed have the dtype `default`."""
    listed = _listed(found)
    if "values" in found:
        return _from_json(found["values"], listed, default)
    return {
        name: _shaped(name, np.frombuffer(read(math.prod(shape) * dtype.itemsize), dtype=dtype).copy(), shape)
        for name, (dtype, shape) in listed.items()
    }


def _listed(found: Mapping[str, Any]) -> dict[str, tuple[np.dtype, tuple[int, ...]]]:
    """The dtype and the shape of each array that a header announces."""
    entries = found.get("arrays", [])
    if not isinstance(entries, list):
        raise Garbled(f"arrays {shown(entries)}; expected a list of [name, dtype, size, size...]")
    _few(entries)
    listed = {}
    for entry in entries:
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[0], str):
            raise Garbled(f"the array {shown(entry)}; expected [name, dtype, size, size...]")
        name, dtype, shape = entry[0], dtype_named(entry[1]), tuple(entry[2:])
        if not all(type(size) is int and 0 <= size <= LONGEST for size in shape):
            raise Garbled(f"the array {shown(entry)}; expected whole numbers as sizes, up to {LONGEST}")
        if math.prod(shape) * dtype.itemsize > LONGEST:
            raise Garbled(f"the array {shown(entry)}; expected no more than {LONGEST} bytes")
        listed[name] = dtype, shape
    if sum(math.prod(shape) * dtype.itemsize for dtype, shape in listed.values()) > LONGEST:
        raise Garbled(f"{len(listed)} arrays of more than {LONGEST} bytes; expected no more than that together")
    return listed


def _few(arrays: Sized) -> None:
    if len(arrays) > MOST:
        raise Garbled(f"{len(arrays)} arrays; expected no more than {MOST}")


def _shaped(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    try:
        return array.reshape(shape)
    except ValueError:
        raise Garbled(f"the array {shown(name)} of shape {shown(array.shape)}, listed as {shown(shape)}") from None


def _from_json(
    values: object, listed: Mapping[str, tuple[np.dtype, tuple[int, ...]]], default: str
) -> dict[str, Array]:
    if not isinstance(values, dict):
        raise Garbled(f"values {shown(values)}; expected names with numbers")
    _few(values)
    arrays = {}
    for name, value in values.items():
        dtype = listed[name][0] if name in listed else dtype_named(default)
        try:
            with np.errstate(over="ignore"):
                array = np.array(value, dtype=dtype if dtype.kind in "iu" else float).astype(dtype)
        except (TypeError, ValueError, OverflowError):
            raise Garbled(f"{name[:60]} with values that are no numbers, or rows of unequal length") from None
        arrays[name] = _shaped(name, array, listed[name][1]) if name in listed else array
    return arrays
