"""The formats of others: what their writers write is read, and what asks for code, or for memory without end, is refused."""

import json
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hostile.kinds import NAME, step
from benchmarks.hostile.trying import whole
from gradcheck import foreign
from gradcheck.auditing import files, run
from gradcheck.auditing.run import audit_path
from gradcheck.errors import Unusable
from gradcheck.foreign import decoded, zarr_metadata

# ---- .npy ----

FORM = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }"
HEADERS = {
    "expected descr": [
        "((((",
        "-" * 9000,
        "{[]: 1}",
        "{'descr': '<f8'}",
        FORM % ("<f8", "True, True"),
        FORM % ("<f8", "-4, 5"),
    ],
    "expected numbers": [FORM % ("|O", "1,"), FORM % ("<M8[s]", "1,")],
    "cut short": [FORM % ("<f8", "1000000000000,")],
    "one that fits a file": [FORM % ("<f8", "0, 999999999999, 999999999999")],
}


@pytest.mark.parametrize(("words", "head"), [(words, head) for words, heads in HEADERS.items() for head in heads])
def test_a_header_is_read_and_never_evaluated(tmp_path, words, head):
    path = tmp_path / "X.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + b"\0" * 8)
    with pytest.raises(Unusable, match=words):
        foreign.array(path, 10**6)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize(
    "array", [np.ones(()), np.arange(3), np.ones((2, 3), order="F"), np.ones((0, 2)), np.ones(2, ">f4")], ids=str
)
def test_what_numpy_writes_is_read_as_numpy_reads_it(tmp_path, array, version):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, array, version)
    found = foreign.array(tmp_path / "a.npy", 10**6)
    assert found.dtype == array.dtype and np.array_equal(found, array)
    with pytest.raises(Unusable, match="expected at most"):
        foreign.array(tmp_path / "a.npy", array.nbytes - 1)


def test_others_write_the_same_entries_in_another_order(tmp_path):
    head = "{ 'shape' : (3,), \"fortran_order\":False, 'descr':'<f8' }"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + np.arange(3.0).tobytes()
    )
    assert foreign.array(tmp_path / "a.npy", 100).tolist() == [0, 1, 2]


# ---- JSON ----


@pytest.mark.parametrize(
    "text", ["[" * 65 + "]" * 65, '{"a": NaN}', '{"a": Infinity}', '{"a": 1, "a": 2}', "9" * 10_000, '"\\ud800', ""]
)
def test_json_of_others_is_taken_to_the_letter(text):
    with pytest.raises(Unusable, match="is not JSON"):
        foreign.parsed(text, "it.json")


def test_brackets_within_texts_are_not_depth():
    assert foreign.parsed(json.dumps({"a": "[" * 1000 + '"' + "{"}), "it.json") == {"a": "[" * 1000 + '"' + "{"}


@pytest.mark.parametrize("given", [[], {}, {"n": "1"}, {"n": True}, {"n": None}])
def test_entries_have_their_types(given):
    with pytest.raises(Unusable, match="expected"):
        foreign.record(given, {"n": int}, "it")


# ---- Zarr ----


class Runs:
    """What is decoded by pickle runs."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_a_codec_that_runs_code_is_not_admitted(tmp_path, place):
    """numcodecs has one, `pickle`."""
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        array = folder / NAME / "b"
        told = json.loads((array / ".zarray").read_text())
        codec = {"id": "pickle", "protocol": 5}
        (array / ".zarray").write_text(json.dumps({**told, place: [codec] if place == "filters" else codec}))
        (array / "0").write_bytes(pickle.dumps(Runs(tmp_path / "ran")))
        with pytest.raises(Unusable, match="codec 'pickle' is not admitted"):
            audit_path(folder / NAME)
    assert not (tmp_path / "ran").exists()


def zarr_array(folder, name, **changed):
    array = folder / NAME / name
    told = json.loads((array / ".zarray").read_text())
    (array / ".zarray").write_text(json.dumps({**told, **changed}))
    return array


def test_a_missing_chunk_is_missing_and_no_zeros():
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        (folder / NAME / "X" / "0.0").unlink()
        with pytest.raises(Unusable, match=r"0\.0 is missing"):
            audit_path(folder / NAME)


def test_a_chunk_that_is_a_bomb_is_not_decoded():
    """A few bytes that ask for a gigabyte."""
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        array = zarr_array(folder, "b", compressor={"id": "zlib", "level": 9})
        (array / "0").write_bytes(zlib.compress(bytes(10**6), 9))
        with pytest.raises(Unusable, match="larger than 24 bytes when it is decoded"):
            audit_path(folder / NAME)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"chunks": [0, 6]}, "do not make up"),
        ({"chunks": [2, 10**12]}, "a chunk takes"),
        ({"shape": [2, 10**12], "chunks": [1, 1]}, "chunks; expected at most"),
        ({"dtype": "|O"}, "expected numbers"),
        ({"shape": [2, -6]}, "no shape"),
        ({"filters": "pickle"}, "expected a list"),
    ],
)
def test_metadata_of_zarr_are_looked_at_first(changed, words):
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        zarr_array(folder, "X", **changed)
        with pytest.raises(Unusable, match=words):
            audit_path(folder / NAME)


@pytest.mark.parametrize(
    ("inner", "words"),
    [([1], "chunks in a shard; expected at most"), ([1, 1], "do not make up a shard"), ([0], "within a shard")],
)
def test_the_index_of_a_shard_is_of_bounded_length(tmp_path, inner, words):
    """Sparse, a gigabyte of it takes no room on a disk, and ten of memory."""
    codec = {
        "chunk_shape": inner,
        "codecs": [{"name": "bytes"}],
        "index_codecs": [{"name": "bytes"}, {"name": "crc32c"}],
    }
    told = {
        "shape": [2**26],
        "data_type": "float64",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2**26]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "sharding_indexed", "configuration": codec}],
    }
    (tmp_path / "zarr.json").write_text(json.dumps(told))
    with pytest.raises(Unusable, match=words):
        zarr_metadata.read(tmp_path, 2**30)


@pytest.mark.parametrize("kind", [{"astype": "|i1"}, {"astype": "<f4"}, {"dtype": "|i1"}], ids=str)
def test_a_filter_that_makes_more_of_what_it_is_given_is_not_admitted(kind):
    """delta may write other numbers than it reads: each time eight times as many bytes."""
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        zarr_array(folder, "X", filters=[{"id": "delta", "dtype": "<f8", "astype": "<f8", **kind}])
        with pytest.raises(Unusable, match="the filter delta changes"):
            audit_path(folder / NAME)
        zarr_array(folder, "X", filters=[{"id": "shuffle", "elementsize": 8}] * 2)
        with pytest.raises(Unusable, match="more than once"):
            audit_path(folder / NAME)


@pytest.mark.parametrize("order", [["crc32c"], ["gzip", "crc32c"], ["crc32c", "gzip"], ["crc32c", "crc32c"]], ids=str)
def test_checksums_are_part_of_a_chunk(tmp_path, order):
    """Before what compresses, and after."""
    zarr = pytest.importorskip("zarr", minversion="3")
    codecs = {"gzip": zarr.codecs.GzipCodec, "crc32c": zarr.codecs.Crc32cCodec}
    group = zarr.open_group(str(tmp_path / NAME), mode="w")
    for name, array in step().items():
        made = [codecs[codec]() for codec in order]
        group.create_array(name, shape=array.shape, dtype=array.dtype, compressors=made)[...] = array
    assert audit_path(tmp_path / NAME).status in (0, 3)


def test_a_chunk_that_goes_while_it_is_read_is_no_zeros(monkeypatch):
    """It was there when it was looked at."""
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        judged = run.judge

        def meanwhile(*given):
            (folder / NAME / "X" / "0.0").unlink()
            return judged(*given)

        monkeypatch.setattr(run, "judge", meanwhile)
        with pytest.raises(Unusable, match="changed while it was read"):
            audit_path(folder / NAME)


def test_a_row_is_read_and_not_the_array():
    """Of a matrix as large as a vocabulary."""
    pytest.importorskip("zarr")
    with whole("zarr 2") as folder:
        for row in range(2):
            (folder / NAME / "X" / f"{row}.0").write_bytes(step()["X"][row].tobytes())
        zarr_array(folder, "X", chunks=[1, 6], compressor=None)
        found = files.load(folder / NAME).arrays["X"]
        (folder / NAME / "X" / "0.0").unlink()
        assert np.array_equal(found[1], step()["X"][1]) and found[1, 2] == step()["X"][1, 2]


@pytest.mark.parametrize(
    "entry", [{"pieces": 10**400}, {"merged": 10**400}, {"merged": -1}, {"pieces": True}], ids=lambda e: next(iter(e))
)
def test_a_declaration_is_a_number_that_can_be_counted_with(entry):
    with whole("folder") as place:
        (place / NAME / "layout.json").write_text(json.dumps({"samples": "columns", "reduction": "mean", **entry}))
        with pytest.raises(Unusable, match="is not known"):
            audit_path(place / NAME)


def test_a_stream_is_decoded_no_further_than_its_limit():
    for name, encode in (
        ("zlib", zlib.compress),
        ("bz2", __import__("bz2").compress),
        ("lzma", __import__("lzma").compress),
    ):
        decoded.require(encode(bytes(1000)), name, 1000, "it")
        for bad, words in ((encode(bytes(3 * 10**6)), "larger than"), (encode(bytes(1000))[:-3], "cannot be decoded")):
            with pytest.raises(Unusable, match=words):
                decoded.require(bad, name, 1000, "it")


@pytest.mark.parametrize("options", [{}, {"shards": True}, {"codec": "gzip"}, {"codec": "zstd"}, {"codec": "blosc"}])
def test_what_zarr_writes_is_read(tmp_path, options):
    """Version 3, with shards and each of its codecs."""
    zarr = pytest.importorskip("zarr", minversion="3")
    codecs = {"gzip": zarr.codecs.GzipCodec, "zstd": zarr.codecs.ZstdCodec, "blosc": zarr.codecs.BloscCodec}
    group = zarr.open_group(str(tmp_path / NAME), mode="w")
    for name, array in step().items():
        given = {"compressors": [codecs[options["codec"]]()]} if "codec" in options else {}
        if array.ndim == 2 and options.get("shards"):
            given |= {"chunks": (1, 1), "shards": array.shape}
        group.create_array(name, shape=array.shape, dtype=array.dtype, **given)[...] = array
    assert audit_path(tmp_path / NAME).status in (0, 3)


# ---- safetensors, npz ----


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"data_offsets": [-8, 40]}, "no whole numbers"),
        ({"data_offsets": [0, 8]}, "expected what shape"),
        ({"data_offsets": [8, 56]}, "lie in the same bytes"),
        ({"shape": [10**30, 1]}, "no whole numbers"),
        ({"dtype": "\x1b[31m" * 100}, "has dtype"),
    ],
)
def test_tensors_take_bytes_of_their_own(entry, words):
    with whole("safetensors") as place:
        path = place / f"{NAME}.safetensors"
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        head = json.loads(data[8 : 8 + length])
        head["theta"] |= entry
        text = json.dumps(head).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
        with pytest.raises(Unusable, match=words):
            audit_path(path)


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    import zipfile

    np.savez(tmp_path / "it.npz", **step())
    with zipfile.ZipFile(tmp_path / "it.npz", "a") as archive, pytest.warns(UserWarning):
        archive.writestr("X.npy", archive.read("X.npy"))
    with pytest.raises(Unusable, match="holds X twice"):
        audit_path(tmp_path / "it.npz")
