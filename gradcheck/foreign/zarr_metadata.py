"""What a Zarr array says of itself, read before Zarr reads it: the file chooses its decoders, and only known ones are admitted.

numcodecs has a codec `pickle`, which runs what it decodes. Here one codec at most changes the size of a chunk, and it is one
of which the decoded size can be known beforehand (`decoded`).
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.foreign.files import MIB, text
from gradcheck.foreign.texts import parsed, record

COMPRESSORS = ("blosc", "gzip", "zlib", "zstd", "lz4", "bz2", "lzma")
ATTRIBUTES = ".zattrs"
FILTERS = ("delta", "shuffle")  # of version 2, each once; delta must leave the size as it is, too
KEEPING = ("bytes", "crc32c", "transpose", "endian")
CHUNKS = 2**18  # of one array: each is a file
_KINDS = re.compile(r"[<>|=](?:f[248]|[iu][1248]|V2)")
_NAMES = (
    "float64",
    "float32",
    "float16",
    "bfloat16",
    *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)),
)


@dataclass(frozen=True)
class Metadata:
    """Of one array: `chunk` is the shape of what one file holds, `compressor` what it is encoded by, or "". `inner` is the shape of
    a chunk within a shard, where a file is one. `separator` and `prefix` make the name of a chunk's file; `checksums` counts crc32c
    before and after the compressor.
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    itemsize: int
    compressor: str
    separator: str
    prefix: str
    inner: tuple[int, ...] = ()
    index_first: bool = False
    checksums: tuple[int, int] = (0, 0)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.chunk, strict=True))

    @property
    def bytes(self) -> int:
        """Of a chunk, decoded."""
        return math.prod(self.chunk) * self.itemsize

    def file(self, place: tuple[int, ...]) -> str:
        """The name of the file of the chunk at this place."""
        return self.prefix + self.separator.join(map(str, place)) if place or self.prefix else "0"


def read(folder: Path, at_most: int) -> Metadata:
    """The metadata of the array in this folder, whose chunks take no more than `at_most` bytes each."""
    found = [folder / name for name in ("zarr.json", ".zarray") if (folder / name).exists()]
    if len(found) != 1:
        raise Unusable(f"{folder} is no Zarr array: expected one of zarr.json and .zarray")
    (path,) = found
    if os.path.lexists(folder / ATTRIBUTES):  # zarr reads them, of either version, and we have no use for them
        parsed(text(folder / ATTRIBUTES, MIB), str(folder / ATTRIBUTES))
    told = parsed(text(path, MIB), str(path))
    made = (_third if path.name == "zarr.json" else _second)(told, str(path))
    if len(made.chunk) != len(made.shape) or 0 in made.chunk:
        raise Unusable(f"{path}: chunks of shape {made.chunk} do not make up an array of shape {made.shape}")
    if made.bytes > at_most:
        raise Unusable(f"{path}: a chunk takes {made.bytes >> 20} MiB; expected at most {at_most >> 20} (--memory)")
    if made.inner and len(made.inner) != len(made.chunk):
        raise Unusable(f"{path}: chunks of shape {made.inner} do not make up a shard of shape {made.chunk}")
    within = math.prod(size // step for size, step in zip(made.chunk, made.inner, strict=False))
    if within > CHUNKS:  # the index of a shard has an entry for each
        raise Unusable(f"{path} has {within} chunks in a shard; expected at most {CHUNKS}: larger ones")
    if math.prod(made.counts) > CHUNKS:
        raise Unusable(f"{path} has {math.prod(made.counts)} chunks; expected at most {CHUNKS}: larger ones")
    return made


def _second(told: Any, where: str) -> Metadata:
    record(told, {"shape": list, "chunks": list, "dtype": str}, where)
    if not _KINDS.fullmatch(told["dtype"]):
        raise Unusable(f"{where}: dtype {told['dtype'][:40]!r}; expected numbers")
    filters = [_name(codec, "id", where) for codec in _list(told.get("filters") or [], where)]
    _admitted([name for name in filters if name not in FILTERS], where)
    if len(set(filters)) != len(filters):
        raise Unusable(
            f"{where}: the filter {max(filters, key=filters.count)!r} is there more than once; expected it once"
        )
    for codec in told.get("filters") or []:
        if codec["id"] == "delta" and not {codec.get("dtype"), codec.get("astype", told["dtype"])} <= {told["dtype"]}:
            raise Unusable(f"{where}: the filter delta changes {told['dtype']} into something else; expected it kept")
    compressor = "" if told.get("compressor") is None else _name(told["compressor"], "id", where)
    _admitted([name for name in (compressor,) if name and name not in COMPRESSORS], where)
    separator = told.get("dimension_separator", ".")
    if separator not in (".", "/"):
        raise Unusable(f"{where}: dimension_separator {str(separator)[:40]!r}; expected . or /")
    itemsize = np.dtype(told["dtype"]).itemsize
    return Metadata(_sizes(told["shape"], where), _sizes(told["chunks"], where), itemsize, compressor, separator, "")


def _third(told: Any, where: str) -> Metadata:
    record(
        told, {"shape": list, "data_type": str, "chunk_grid": dict, "chunk_key_encoding": dict, "codecs": list}, where
    )
    if told["data_type"] not in _NAMES:
        raise Unusable(f"{where}: data_type {told['data_type'][:40]!r}; expected numbers")
    if _list(told.get("storage_transformers") or [], where):
        raise Unusable(f"{where}: storage_transformers are not known; expected none")
    grid = _configured(told["chunk_grid"], {"chunk_shape": list}, ("regular",), where)
    keys = told["chunk_key_encoding"]
    style = _name(keys, "name", where)
    separator = (keys.get("configuration") or {}).get("separator", "/" if style == "default" else ".")
    if style not in ("default", "v2") or separator not in (".", "/"):
        raise Unusable(f"{where}: chunk_key_encoding {style[:40]!r}; expected default or v2")
    itemsize = 2 if told["data_type"] == "bfloat16" else np.dtype(told["data_type"]).itemsize
    codecs, first = told["codecs"], False
    inner: tuple[int, ...] = ()
    if len(codecs) == 1 and _name(codecs[0], "name", where) == "sharding_indexed":
        said = _configured(
            codecs[0], {"chunk_shape": list, "codecs": list, "index_codecs": list}, ("sharding_indexed",), where
        )
        if [_name(codec, "name", where) for codec in said["index_codecs"]] != ["bytes", "crc32c"]:
            raise Unusable(f"{where}: index_codecs; expected bytes and crc32c")
        inner, codecs = _sizes(said["chunk_shape"], where), said["codecs"]
        first = said.get("index_location", "end") == "start"
        if 0 in inner:
            raise Unusable(f"{where}: chunks of shape {inner} within a shard")
    shape, chunk = _sizes(told["shape"], where), _sizes(grid["chunk_shape"], where)
    prefix = ("c" + separator if shape else "c") if style == "default" else ""
    compressor, checksums = _compressor(codecs, where)
    return Metadata(shape, chunk, itemsize, compressor, separator, prefix, inner, first, checksums)


def _compressor(codecs: list[Any], where: str) -> tuple[str, tuple[int, int]]:
    """The one codec of a pipeline that compresses, and how many checksums stand before and after it."""
    names = [_name(codec, "name", where) for codec in codecs]
    changing = [name for name in names if name not in KEEPING]
    plain = [name.removeprefix("numcodecs.") for name in changing]
    _admitted([name for name in plain if name not in COMPRESSORS], where)
    if len(changing) > 1:
        raise Unusable(f"{where}: two codecs that compress, {' and '.join(plain)}; expected one")
    at = names.index(changing[0]) if changing else len(names)
    return plain[0] if plain else "", (
        names[:at].count("crc32c") * bool(plain),
        names[at if plain else 0 :].count("crc32c"),
    )


def _admitted(others: list[str], where: str) -> None:
    if others:
        known = ", ".join((*COMPRESSORS, *FILTERS, "bytes", "transpose", "crc32c", "sharding_indexed"))
        raise Unusable(f"{where}: the codec {others[0][:40]!r} is not admitted; expected any of {known}")


def _configured(codec: Any, kinds: Mapping[str, type], names: tuple[str, ...], where: str) -> dict[str, Any]:
    if _name(codec, "name", where) not in names:
        raise Unusable(f"{where}: {codec['name'][:40]!r}; expected {' or '.join(names)}")
    configuration: dict[str, Any] = codec.get("configuration") or {}
    record(configuration, kinds, where)
    return configuration


def _name(codec: Any, key: str, where: str) -> str:
    return str(record(codec, {key: str}, where)[key])


def _list(given: Any, where: str) -> list[Any]:
    if not isinstance(given, list):
        raise Unusable(f"{where}: expected a list of codecs")
    return given


def _sizes(given: Any, where: str) -> tuple[int, ...]:
    found = tuple(_list(given, where))
    if len(found) > 4 or not all(type(size) is int and 0 <= size < 2**62 for size in found):
        raise Unusable(f"{where}: {str(found)[:80]} is no shape of an array of numbers")
    return found
