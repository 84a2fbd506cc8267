"""Dumps in folders and files: read as data, mapped rather than loaded. Knows formats; shapes are the dump's."""

import itertools
import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.auditing import dump, ranks
from gradcheck.auditing.dump import BY_SAMPLE, KNOWN, NAMES, SAMPLES, Arrays, Dump
from gradcheck.auditing.sliced import Parts
from gradcheck.errors import Unusable, typed
from gradcheck.foreign import Header, header, opened, parsed, reading, record, text
from gradcheck.foreign.files import MIB
from gradcheck.foreign.watched import Watched
from gradcheck.law import CrossEntropy

LAYOUT = "layout.json"
SETTINGS = {"samples": SAMPLES, "reduction": ("mean", "sum")}  # what it must say; a law says the second
MEMORY = 512 * MIB
SAFE_HEADER = 100 * MIB  # as the format has it


def load(path: Path, memory: int = MEMORY, **given: Any) -> Dump:
    """The dump in a folder (.npy files or a Zarr group) or in a file (.npz, .safetensors); `Unusable` where there is none.

    `given` are `samples`, fields of `CrossEntropy` and of `Arithmetic`; without them, layout.json of a folder says, and otherwise
    the default holds. Folders rank.0, rank.1 … are one step. No chunk of an array may take more than `memory` bytes.
    """
    with reading(path, " as a dump"):
        if not path.exists():
            raise Unusable(f"there is no file or folder {path}")
        watched, several = Watched(), ranks.folders(path)
        if several:
            said = {**ranks.said(path, [_said(folder) for folder in several]), **given}
            found = ranks.joined(path, said, lambda folder: _folder(folder, watched, said))
            said |= found.said
            return dump.of(
                found.arrays, source=str(path), watched=watched, classes=found.classes, parts=found.parts, **said
            )
        said = {**_said(path), **given}
        arrays = _reader(path, said, memory)(path, watched)
        return dump.of(arrays, source=str(path), watched=watched, **said)


def _said(path: Path) -> dict[str, Any]:
    file = path / LAYOUT
    if not path.is_dir() or not file.exists():
        return {}
    said = parsed(text(file, MIB), str(file))
    if isinstance(said, dict) and isinstance(said.get("law"), dict):
        law = CrossEntropy.read({"reduction": said.get("reduction", "mean"), **said["law"]})
        said = {**said, "reduction": law.reduction, **law.said}
    if not isinstance(said, dict) or not all(said.get(name) in SETTINGS[name] for name in SETTINGS):
        raise Unusable(f"{file} does not say what samples and reduction are; expected {json.dumps(SETTINGS)}")
    unknown = [name for name in said if name not in {*KNOWN, "law"}]
    if unknown:
        raise Unusable(f"{file} says {unknown[0]!r:.40}, which is not known; expected any of law, {', '.join(KNOWN)}")
    return {name: said[name] for name in KNOWN if name in said}


def _reader(path: Path, said: dict[str, Any], memory: int) -> Callable[[Path, Watched], Arrays]:
    if path.is_dir():
        zarr = any((path / mark).exists() for mark in ("zarr.json", ".zgroup"))
        return partial(_zarr, memory=memory) if zarr else partial(_folder, said=said)
    if path.suffix not in READERS:
        raise Unusable(f"{path}: the ending {path.suffix!r} is not known; expected a folder, {' or '.join(READERS)}")
    return READERS[path.suffix]


def _folder(path: Path, watched: Watched, said: dict[str, Any]) -> Arrays:
    """name.npy, or name.0.npy, name.1.npy and so on, which follow each other along the samples."""
    found: dict[str, Any] = {}
    for name in NAMES:
        whole, parts = path / f"{name}.npy", sorted(path.glob(f"{name}.*.npy"), key=_number)
        if parts and name not in BY_SAMPLE:
            raise Unusable(f"{parts[0]}: only {', '.join(BY_SAMPLE)} can be in parts; expected {whole}")
        if parts and (whole.exists() or [_number(part) for part in parts] != list(range(len(parts)))):
            raise Unusable(
                f"{path}: the parts of {name} are {', '.join(p.name for p in parts)}; expected 0, 1, 2 … and no {whole.name}"
            )
        if whole.exists():
            watched.add(whole, mapped=True)
            found[name] = _stored(whole, watched)[...]
        elif parts:
            found[name] = _joined([_stored(part, watched) for part in parts], parts, said)
    return found


def _number(part: Path) -> int:
    middle = part.name.split(".")[1]
    return int(middle) if middle.isdecimal() else -1


def _joined(arrays: list[Any], files: list[Path], said: dict[str, Any]) -> Parts:
    axis = 0 if arrays[0].ndim == 1 or said.get("samples") == "rows" else 1
    first = arrays[0]
    for array, file in zip(arrays, files, strict=True):
        others = [tuple(np.delete(a.shape, axis)) if a.ndim > axis else a.shape for a in (first, array)]
        if array.ndim != first.ndim or array.dtype != first.dtype or others[0] != others[1]:
            raise Unusable(
                f"{file} has shape {array.shape} and dtype {array.dtype}; expected it to continue {files[0].name}, with "
                f"{first.shape} and {first.dtype}, along the samples"
            )
    return Parts(tuple(arrays), axis)


@dataclass(frozen=True, eq=False)
class Stored:
    """An array within a file, mapped where it is sliced: of many files no more are open than are needed."""

    path: Path
    header: Header

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.header.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.header.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry; bfloat16 is written by NumPy as two bytes without a name."""
        dtype = self.header.dtype
        return precision.named("bfloat16").dtype if dtype.kind == "V" else dtype

    def __getitem__(self, place: Any) -> Any:
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)[place]
        order: Any = "F" if self.header.fortran else "C"
        with reading(self.path):
            mapped = np.memmap(self.path, self.dtype, "r", self.header.offset, self.shape, order)[place]
        return np.asarray(mapped)  # slices of a memmap take ten times as long


def _stored(path: Path, watched: Watched) -> Stored:
    watched.add(path)
    with opened(path) as file:
        return Stored(path, header(file, path))


def _npz(path: Path, watched: Watched) -> Arrays:
    """The members of an archive, mapped where they stand; a compressed one cannot be."""
    watched.add(path, mapped=True)
    found: dict[str, Any] = {}
    with opened(path) as file, zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name not in NAMES:
                continue
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                how = "encrypted" if member.flag_bits & 1 else "compressed"
                raise Unusable(
                    f"{path}: {name} is {how}, and cannot be mapped; expected numpy.savez, not savez_compressed"
                )
            if name in found:
                raise Unusable(f"{path} holds {name} twice; expected it once")
            file.seek(member.header_offset + 26)
            names, extra = struct.unpack("<HH", file.read(4))
            file.seek(member.header_offset + 30 + names + extra)
            told = header(file, path, name)
            if told.end - (member.header_offset + 30 + names + extra) != member.file_size:
                raise Unusable(f"{path}: {name} is not as long as its shape {told.shape} says")
            found[name] = Stored(path, told)[...]
    return found


SAFE = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32"}


def _safetensors(path: Path, watched: Watched) -> Arrays:
    """Eight bytes of length, a JSON header, and the numbers: mapped where they stand."""
    watched.add(path, mapped=True)
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, SAFE_HEADER):
            raise Unusable(f"{path} is cut short, or no safetensors file: its header is {length} bytes long")
        told = parsed(file.read(length), f"the header of {path}")
    if not isinstance(told, dict):
        raise Unusable(f"the header of {path} is {typed(told)}; expected an object")
    found = {name: _tensor(told[name], f"{path}: {name}", 8 + length) for name in NAMES if name in told}
    for name, tensor in found.items():
        if tensor.end > size:
            raise Unusable(f"{path} is cut short: {name} of shape {tensor.shape} ends beyond its {size} bytes")
    spans = sorted((tensor.offset, tensor.end, name) for name, tensor in found.items())
    for (_, end, first), (start, _, second) in itertools.pairwise(spans):
        if start < end:
            raise Unusable(f"{path}: {first} and {second} lie in the same bytes; expected one after the other")
    return {name: Stored(path, tensor)[...] for name, tensor in found.items()}


def _tensor(given: Any, where: str, start: int) -> Header:
    """What a header says of one tensor: its bytes must be what its shape takes."""
    told = record(given, {"dtype": str, "shape": list, "data_offsets": list}, where)
    if told["dtype"] not in SAFE:
        raise Unusable(f"{where} has dtype {told['dtype'][:40]}; expected one of {', '.join(SAFE)}")
    numbers = [*told["shape"], *told["data_offsets"]]
    if len(told["data_offsets"]) != 2 or not all(type(n) is int and 0 <= n < 2**62 for n in numbers):
        raise Unusable(f"{where} has a shape or offsets that are no whole numbers from 0")
    kind = SAFE[told["dtype"]]
    dtype = precision.named(kind).dtype if kind in precision.NAMES else np.dtype(kind)
    first, last = told["data_offsets"]
    found = Header(dtype, False, tuple(told["shape"]), start + first)
    if found.end != start + last:
        raise Unusable(
            f"{where} takes {last - first} bytes; expected what shape {found.shape} of {told['dtype']} takes"
        )
    return found


def _zarr(path: Path, watched: Watched, memory: int) -> Arrays:
    from gradcheck.auditing import chunked

    return chunked.arrays(path, NAMES, memory, watched)


READERS: dict[str, Callable[[Path, Watched], Arrays]] = {".npz": _npz, ".safetensors": _safetensors}
