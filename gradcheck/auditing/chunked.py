"""Zarr groups. The only door to zarr, which decodes nothing that has not been looked at."""

import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import Missing, Unusable
from gradcheck.foreign import data, decoded, reading, zarr_metadata
from gradcheck.foreign.watched import Watched
from gradcheck.foreign.zarr_metadata import Metadata

SLACK = 1 << 16  # bytes by which an encoded chunk may be larger than its numbers
CHECKSUM = 4  # bytes of crc32c
SHARD_ENTRY = 16  # bytes of the index of a shard, for each chunk in it


def arrays(path: Path, names: tuple[str, ...], memory: int, watched: Watched) -> dict[str, Any]:
    """The arrays of a group, by name; they are read where they are sliced, in chunks of no more than `memory` bytes."""
    try:
        import zarr
    except ImportError:
        raise Missing.package(f"{path} is a Zarr group, which", "zarr") from None
    found = {}
    for name in names:
        folder = path / name
        if not folder.is_dir():
            continue
        metadata = zarr_metadata.read(folder, memory)
        watched.add(folder / "zarr.json")
        watched.add(folder / ".zarray")
        with reading(folder, " as a Zarr array"):
            stored = zarr.open_array(str(folder), mode="r")  # by itself: what a group says of it is not asked
            if tuple(stored.shape) != metadata.shape:
                raise Unusable(f"{folder} has shape {stored.shape} to zarr, and {metadata.shape} by its metadata")
        found[name] = Chunked(stored, folder, metadata, watched)
    return found


@dataclass(eq=False)
class Chunked:
    """An array of a group, whose chunks are looked at before they are decoded."""

    stored: Any
    folder: Path
    metadata: Metadata
    watched: Watched
    _known: set[tuple[int, ...]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.metadata.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return np.dtype(self.stored.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[...], dtype)

    def __getitem__(self, place: Any) -> Any:
        places = () if place is Ellipsis else place if isinstance(place, tuple) else (place,)
        whole = tuple(each if isinstance(each, slice) else slice(each, each + 1) for each in places)
        found = self._sliced(whole)
        return found[tuple(slice(None) if isinstance(each, slice) else 0 for each in places)]

    def _sliced(self, places: tuple[slice, ...]) -> Any:
        whole = (*places, *(slice(None),) * (len(self.shape) - len(places)))
        for chunk in itertools.product(*map(_touched, whole, self.shape, self.metadata.chunk)):
            with self._lock:  # nobody decodes what another is still looking at
                if chunk not in self._known:
                    self._look(self.folder / self.metadata.file(chunk))
                    self._known.add(chunk)
        with reading(self.folder):
            return np.asarray(self.stored[whole or ...])

    def _look(self, file: Path) -> None:
        """A chunk must be there, and must not be larger than it is declared to be."""
        if not file.exists():
            raise Unusable(f"{file} is missing; expected every chunk of {self.folder.name}, none left to a fill value")
        self.watched.add(file)
        told = self.metadata
        encoded = data(file, 2 * told.bytes + SLACK)
        if not told.inner:
            _require(encoded, told, told.bytes, str(file))
            return
        inner = int(np.prod(told.inner)) * told.itemsize
        for number, part in enumerate(_parts(encoded, told, str(file))):
            _require(part, told, inner, f"{file}: chunk {number} of the shard")


def _require(encoded: bytes, told: Metadata, size: int, where: str) -> None:
    """Numbers of this size, with the checksums that stand inside and outside of what is compressed."""
    end = len(encoded) - CHECKSUM * told.checksums[1]
    decoded.require(encoded[: max(end, 0)], told.compressor, size + CHECKSUM * told.checksums[0], where)


def _touched(part: slice, size: int, step: int) -> range:
    """The chunks along one axis that hold these entries."""
    low, high, stride = part.indices(size)
    if stride < 0:
        low, high = 0, size
    return range(low // step, -(-high // step)) if low < high else range(0)


def _parts(encoded: bytes, told: Metadata, where: str) -> list[bytes]:
    """The chunks in a shard, by its index: offset and length of each, and a checksum."""
    count = int(np.prod([c // i for c, i in zip(told.chunk, told.inner, strict=True)]))
    length = count * SHARD_ENTRY
    index = encoded[:length] if told.index_first else encoded[-length - 4 : -4]
    if len(index) < length:
        raise Unusable(f"{where} is cut short: it has no whole index of a shard")
    found = []
    for offset, size in np.frombuffer(index, "<u8").reshape(-1, 2).tolist():
        if offset == size == 2**64 - 1:
            raise Unusable(f"{where} lacks a chunk; expected every chunk of the shard")
        if offset + size > len(encoded):
            raise Unusable(f"{where} is cut short: a chunk of the shard ends beyond it")
        found.append(encoded[offset : offset + size])
    return found
