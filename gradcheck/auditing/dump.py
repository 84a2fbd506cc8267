"""A dump: the arrays of one training step, in a folder or a file. Read as data, mapped rather than loaded, and validated here.

Knows formats and shapes, and nothing of how a dump is judged.
"""

import json
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.errors import Unusable

NEEDED = ("theta", "b", "X", "Y")
JUDGED = ("Z", "A", "loss", "grad_theta", "grad_b", "grad_Z")
NAMES = (*NEEDED, *JUDGED)
BY_SAMPLE = ("X", "Y", "Z", "A", "grad_Z")
LAYOUT = "layout.json"
SETTINGS = {"samples": ("columns", "rows"), "reduction": ("mean", "sum")}

Arrays = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Dump:
    """theta (L, d), b (L,), X (d, n), Y (L, n) or labels (n,), and what is to be judged; every array only sliced, never whole.

    `precision` is the coarsest precision that an array to be judged is stored in.
    """

    arrays: Arrays
    reduction: str = "mean"
    source: str = ""

    @property
    def L(self) -> int:
        """Number of classes."""
        return int(self.arrays["theta"].shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.arrays["theta"].shape[1])

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.arrays["X"].shape[1])

    @property
    def N(self) -> float:
        """What sums over samples are divided by."""
        return float(self.n) if self.reduction == "mean" else 1.0

    @property
    def index(self) -> bool:
        """Whether labels are class indices."""
        return len(self.arrays["Y"].shape) == 1

    @cached_property
    def precision(self) -> precision.Precision:
        """The precision under test."""
        judged = [a for name, a in self.arrays.items() if name in JUDGED and name != "loss"]
        found = [precision.of(a.dtype) for a in judged or [self.arrays["theta"]]]
        return max(found, key=lambda p: p.u)

    def samples(self, name: str, part: slice) -> Any:
        """The samples of an array that are `part`, as they are stored."""
        array = self.arrays[name]
        return np.asarray(array[part] if len(array.shape) == 1 else array[:, part])


@dataclass(frozen=True, eq=False)
class Transposed:
    """An array that is stored the other way round, and can only be sliced."""

    stored: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is seen."""
        return tuple(reversed(self.stored.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return np.dtype(self.stored.dtype)

    def __getitem__(self, place: Any) -> Any:
        rows, cols = place if isinstance(place, tuple) else (place, slice(None))
        return np.asarray(self.stored[cols, rows]).T


# ---- from arrays ----


def of(given: Arrays, *, samples: str = "columns", reduction: str = "mean", source: str = "arrays") -> Dump:
    """A dump of arrays in memory, or mapped; `Unusable` says what does not fit."""
    for name, value in (("samples", samples), ("reduction", reduction)):
        if value not in SETTINGS[name]:
            raise Unusable(f"{source}: {name} is {value!r}; expected {' or '.join(SETTINGS[name])}")
    missing = [name for name in NEEDED if name not in given]
    if missing:
        raise Unusable(
            f"{source}: {', '.join(missing)} missing; expected theta, b, X, Y and any of {', '.join(JUDGED)}"
        )
    seen = {name: _seen(name, given[name], samples, source) for name in NAMES if name in given}
    found = Dump(seen, reduction, source)
    _validate(found)
    return found


def _seen(name: str, array: Any, samples: str, source: str) -> Any:
    array = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
    kind = np.dtype(array.dtype)
    integral = name == "Y" and kind.kind in "iu"
    if not integral and kind.name not in precision.NAMES:
        raise Unusable(f"{source}: {name} has dtype {kind.name}; expected one of {', '.join(precision.NAMES)}")
    if name in ("b", "grad_b"):
        return np.asarray(array).reshape(-1)
    if samples == "rows" and name in BY_SAMPLE and len(array.shape) == 2:
        return array.T if isinstance(array, np.ndarray) else Transposed(array)
    return array


def _validate(dump: Dump) -> None:
    theta, X = dump.arrays["theta"], dump.arrays["X"]
    for name, array in (("theta", theta), ("X", X)):
        if len(array.shape) != 2 or 0 in array.shape:
            raise Unusable(
                f"{dump.source}: {name} has shape {tuple(array.shape)}; expected two dimensions, neither of them 0"
            )
    if dump.L < 2:
        raise Unusable(f"{dump.source}: theta has {dump.L} row; expected a row for each of at least two classes")
    L, d, n = dump.L, dump.d, dump.n
    Y = (n,) if dump.index else (L, n)
    shapes = {
        "b": (L,),
        "X": (d, n),
        "Y": Y,
        "Z": (L, n),
        "A": (L, n),
        "grad_theta": (L, d),
        "grad_b": (L,),
        "grad_Z": (L, n),
    }
    for name, shape in shapes.items():
        array = dump.arrays.get(name)
        if array is not None and tuple(array.shape) != shape:
            raise Unusable(
                f"{dump.source}: {name} is seen with shape {tuple(array.shape)}; expected {shape}, since theta is {(L, d)} and "
                f"X has {n} samples; --samples rows is for arrays with a sample in each row"
            )
    loss = dump.arrays.get("loss")
    if loss is not None and math.prod(loss.shape) != 1:
        raise Unusable(f"{dump.source}: loss has shape {tuple(loss.shape)}; expected one number")
    kind = np.dtype(dump.arrays["Y"].dtype).kind
    if dump.index != (kind in "iu"):
        raise Unusable(
            f"{dump.source}: Y has shape {Y} and dtype {dump.arrays['Y'].dtype}; expected whole numbers (n,) or weights (L, n)"
        )


# ---- from files ----


def load(path: Path, **given: str) -> Dump:
    """The dump in a folder (.npy files or a Zarr group) or in a file (.npz, .safetensors); `Unusable` where there is none.

    `given` are `samples` and `reduction`; without them, layout.json of a folder says, and otherwise columns and mean.
    """
    if not path.exists():
        raise Unusable(f"there is no file or folder {path}")
    reader = _reader(path)
    try:
        arrays, said = reader(path), _said(path)
    except Unusable:
        raise
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, struct.error) as problem:
        raise Unusable(f"{path} cannot be read as a dump: {' '.join(str(problem).split())}") from None
    return of(arrays, source=str(path), **{**said, **given})


def _said(path: Path) -> dict[str, str]:
    file = path / LAYOUT
    if not path.is_dir() or not file.is_file():
        return {}
    said = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(said, dict) or not all(said.get(name) in SETTINGS[name] for name in SETTINGS):
        raise Unusable(f"{file} does not say what samples and reduction are; expected {json.dumps(SETTINGS)}")
    return {name: said[name] for name in SETTINGS}


def _reader(path: Path) -> Callable[[Path], Arrays]:
    if path.is_dir():
        zarr = any((path / mark).exists() for mark in ("zarr.json", ".zgroup"))
        return _zarr if zarr else _folder
    if path.suffix not in READERS:
        raise Unusable(f"{path}: the ending {path.suffix!r} is not known; expected a folder, {' or '.join(READERS)}")
    return READERS[path.suffix]


def _folder(path: Path) -> Arrays:
    files = {name: path / f"{name}.npy" for name in NAMES}
    return {name: _mapped_npy(file) for name, file in files.items() if file.is_file()}


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
