"""Dumps in folders and files: read as data, mapped rather than loaded. Knows formats; shapes are the dump's."""

import json
import math
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.arithmetic import FIELDS
from gradcheck.auditing import dump
from gradcheck.auditing.dump import BY_SAMPLE, NAMES, SETTINGS, Arrays, Dump, Parts
from gradcheck.errors import Unusable

LAYOUT = "layout.json"


def load(path: Path, **given: Any) -> Dump:
    """The dump in a folder (.npy files or a Zarr group) or in a file (.npz, .safetensors); `Unusable` where there is none.

    `given` are `samples`, `reduction` and fields of `Arithmetic`; without them, layout.json of a folder says, and otherwise the
    default holds.
    """
    if not path.exists():
        raise Unusable(f"there is no file or folder {path}")
    try:
        said = {**_said(path), **given}
        arrays = _reader(path, said)(path)
    except Unusable:
        raise
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, struct.error) as problem:
        raise Unusable(f"{path} cannot be read as a dump: {' '.join(str(problem).split())}") from None
    return dump.of(arrays, source=str(path), **said)


def _said(path: Path) -> dict[str, Any]:
    file = path / LAYOUT
    if not path.is_dir() or not file.is_file():
        return {}
    said = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(said, dict) or not all(said.get(name) in SETTINGS[name] for name in SETTINGS):
        raise Unusable(f"{file} does not say what samples and reduction are; expected {json.dumps(SETTINGS)}")
    return {name: said[name] for name in (*SETTINGS, *FIELDS) if name in said}


def _reader(path: Path, said: dict[str, Any]) -> Callable[[Path], Arrays]:
    if path.is_dir():
        zarr = any((path / mark).exists() for mark in ("zarr.json", ".zgroup"))
        return _zarr if zarr else partial(_folder, said=said)
    if path.suffix not in READERS:
        raise Unusable(f"{path}: the ending {path.suffix!r} is not known; expected a folder, {' or '.join(READERS)}")
    return READERS[path.suffix]


def _folder(path: Path, said: dict[str, Any]) -> Arrays:
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
        if whole.is_file():
            found[name] = _mapped_npy(whole)
        elif parts:
            found[name] = _joined([_mapped_npy(part) for part in parts], parts, said)
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


def _mapped_npy(file: Path) -> Any:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as problem:
        raise Unusable(f"{file} is not a whole .npy file: {' '.join(str(problem).split())}") from None
    return _named(file, array)


def _named(file: Path, array: Any) -> Any:
    """bfloat16 is written by NumPy as two bytes without a name."""
    if array.dtype.kind == "V" and array.dtype.itemsize == 2:
        return array.view(precision.named("bfloat16").dtype)
    return array


def _npz(path: Path) -> Arrays:
    """The members of an archive, mapped where they stand; a compressed one cannot be."""
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name not in NAMES:
                continue
            if member.compress_type != zipfile.ZIP_STORED:
                raise Unusable(
                    f"{path}: {name} is compressed, and cannot be mapped; expected numpy.savez, not savez_compressed"
                )
            file.seek(member.header_offset + 26)
            names, extra = struct.unpack("<HH", file.read(4))
            file.seek(member.header_offset + 30 + names + extra)
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
            if dtype.hasobject:
                raise Unusable(f"{path}: {name} holds objects; expected numbers")
            found[name] = _named(path, _map(path, dtype, file.tell(), shape, "F" if fortran else "C"))
    return found


def _map(path: Path, dtype: Any, offset: int, shape: tuple[int, ...], order: Any = "C") -> Any:
    if offset + math.prod(shape) * np.dtype(dtype).itemsize > path.stat().st_size:
        raise Unusable(f"{path} is cut short: an array of shape {shape} ends beyond its {path.stat().st_size} bytes")
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order=order)


SAFE = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32"}


def _safetensors(path: Path) -> Arrays:
    """Eight bytes of length, a JSON header, and the numbers: mapped where they stand."""
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        if length > path.stat().st_size:
            raise Unusable(f"{path} is cut short, or no safetensors file: its header is {length} bytes long")
        header = json.loads(file.read(length))
    found = {}
    for name in (name for name in NAMES if name in header):
        told = header[name]
        if told["dtype"] not in SAFE:
            raise Unusable(f"{path}: {name} has dtype {told['dtype']}; expected one of {', '.join(SAFE)}")
        kind = SAFE[told["dtype"]]
        dtype = precision.named(kind).dtype if kind in precision.NAMES else np.dtype(kind)
        found[name] = _map(path, dtype, 8 + length + int(told["data_offsets"][0]), tuple(told["shape"]))
    return found


def _zarr(path: Path) -> Arrays:
    from gradcheck.auditing import chunked

    return chunked.arrays(path, NAMES)


READERS: dict[str, Callable[[Path], Arrays]] = {".npz": _npz, ".safetensors": _safetensors}
