"""The header of a .npy file, read by a grammar of its own: nothing in it is evaluated.

NumPy reads it with `ast.literal_eval`, after a tokenizer for what Python 2 wrote; both raise what they like. Here it is three
entries in any order (numpy.lib.format), and nothing else.
"""

import math
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.foreign.files import opened, reading

MAGIC = b"\x93NUMPY"
LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}  # of the length of the header, by version
LONGEST = 1 << 16  # bytes of a header
DIMENSIONS = 32
ENTRIES = 2**62  # beyond this a size has no meaning

_ENTRY = re.compile(
    r"""\s*(["'])(descr|fortran_order|shape)\1\s*:\s*(?:(["'])([^"'\\]{1,16})\3|(True|False)|\(([\dL,\s]*)\))\s*(?:,|$)"""
)
_SIZE = re.compile(r"\s*(\d{1,19})L?\s*")  # L: Python 2 wrote it
_PLACES = {"descr": 4, "fortran_order": 5, "shape": 6}  # the group of the value of each
_NUMBERS = re.compile(r"[<>|=](?:[fc](?:2|4|8|16|32)|[iu][1248]|b1|V2)")  # V2: bfloat16, as NumPy writes it


@dataclass(frozen=True)
class Header:
    """What stands before the numbers of an array; `offset` is where they begin in the file."""

    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    offset: int

    @property
    def end(self) -> int:
        """Where they end."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


def header(file: BinaryIO, path: Path, name: str = "") -> Header:
    """The header that begins here, of an array that lies whole within the file."""
    what = f"{path}: {name}" if name else str(path)
    if file.read(6) != MAGIC:
        raise Unusable(f"{what} is no .npy file: it does not begin with \\x93NUMPY")
    version = tuple(file.read(2))
    if version not in LENGTHS:
        raise Unusable(f"{what} is of .npy version {version}; expected one of {', '.join(map(str, LENGTHS))}")
    form = LENGTHS[version]
    (length,) = struct.unpack(form, _exactly(file, struct.calcsize(form), what))
    if length > LONGEST:
        raise Unusable(f"{what} has a header of {length} bytes; expected at most {LONGEST}")
    said = _said(_exactly(file, length, what).decode("latin-1").strip())
    shape = _shape(said["shape"]) if said else None
    if said is None or shape is None:
        raise Unusable(f"{what} has a header that is none of .npy; expected descr, fortran_order and a shape")
    if not _NUMBERS.fullmatch(said["descr"]):
        raise Unusable(f"{what} holds entries of type {said['descr']!r}; expected numbers")
    made = Header(np.dtype(said["descr"]), said["fortran_order"] == "True", shape, file.tell())
    if len(shape) > DIMENSIONS or math.prod(size for size in shape if size) > ENTRIES:
        raise Unusable(f"{what} declares the shape {shape}; expected one that fits a file")
    size = os.fstat(file.fileno()).st_size
    if made.end > size:
        raise Unusable(f"{what} is cut short: an array of shape {shape} ends beyond its {size} bytes")
    return made


def _said(words: str) -> dict[str, str] | None:
    """The three entries of a header as they stand there; None where they are not these three."""
    if not (words.startswith("{") and words.endswith("}")):
        return None
    rest, place, found = words[1:-1].rstrip(), 0, {}
    while place < len(rest):
        entry = _ENTRY.match(rest, place)
        value = entry and entry[_PLACES[entry[2]]]
        if entry is None or value is None or entry[2] in found:
            return None
        found[entry[2]], place = value, entry.end()
    return found if len(found) == len(_PLACES) else None


def _shape(words: str) -> tuple[int, ...] | None:
    sizes = words.split(",")
    if not sizes[-1].strip():  # () and (3,)
        sizes.pop()
    found = [_SIZE.fullmatch(size) for size in sizes]
    return tuple(int(size[1]) for size in found if size) if all(found) else None


def _exactly(file: BinaryIO, count: int, what: str) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise Unusable(f"{what} is cut short, within its header")
    return found


def array(path: Path, at_most: int) -> Any:
    """The array of a .npy file, in memory, if its numbers take no more than `at_most` bytes."""
    with opened(path) as file, reading(path):
        found = header(file, path)
        if found.end - found.offset > at_most:
            raise Unusable(f"{path} holds {found.end - found.offset} bytes; expected at most {at_most}")
        numbers = np.frombuffer(_exactly(file, found.end - found.offset, str(path)), found.dtype)
    return numbers.reshape(found.shape, order="F" if found.fortran else "C")
