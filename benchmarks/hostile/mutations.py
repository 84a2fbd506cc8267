"""How a file is broken, with its structure in hand: JSON entry by entry, the header of a .npy file word by word, bytes as bytes.

Hypothesis draws and shrinks.
"""

import json
from typing import Any

import numpy as np
from hypothesis import strategies as st

LONG = "x" * 100_000
DEEP: Any = json.loads("[" * 100 + "]" * 100)
# what has once got through a reader, and its like
NUMBERS = [0, 1, -1, 2, 5, 10**6, 10**12, 10**30, 10**400, -(10**6), 0.5, float("nan"), float("inf"), None, True, False]
TEXTS = [
    "",
    "x",
    "0x1p+0",
    "0x1p+2000",
    "nan",
    "inf",
    LONG,
    "softmax",
    "no_such_check",
    "float32",
    "rows",
    "sum",
    "X.npy",
]
NAMES = ["../../it", "/tmp/it", ".", "..", "a\x00b", "a\nb", "\x1b[31m", "::error::x", "\ud800"]
CODECS = [
    "pickle",
    "zlib",
    "blosc",
    "numcodecs.pickle",
    "sharding_indexed",
    "<f8",
    "|O",
    "<M8[s]",
    "bfloat16",
    "F16",
    "BF16",
]
PIPELINES = [
    [{key: name} for name in names] for key in ("id", "name") for names in (["pickle"], ["gzip"], ["gzip", "zstd"])
]
SHAPES = [[], {}, [[]], [{}], [1, 2], [-1, 3], [0, 0], [10**12], [10**30, 1], DEEP, {"id": "pickle"}, {"id": "zlib"}]
LEAVES = st.sampled_from([*NUMBERS, *TEXTS, *NAMES, *CODECS, *PIPELINES, *SHAPES])
HEADER = ["", "((((", "-" * 9000, "{[]:1}", "\n  x\n x", "True", "None", "__import__('os')", "[('a', '<f8')]"]
DTYPES = ["'|O'", "'<M8[s]'", "'<f4'", "'>f8'", "'<f8, <f8'"]
SIZES = [
    "(True, True)",
    "(-4, 5)",
    "(1000000000000,)",
    f"(0, {10**30})",
    f"({'9' * 30},)",
    "(3, 2)",
    "(2, 3)",
    "()",
    "(6,)",
]
WORDS = st.sampled_from([word.encode() for word in (*HEADER, *DTYPES, *SIZES)])
ODD = [b"\x00", b"\xff" * 8, b"\xed\xa0\x80", b"1e999", b"\x1b[2J", b"\n::error::x\n", b"''", b'"""', b"[[[["]
ENDLESS = [b"[" * 5000, b'{"a":' * 2000, b"a." * 40_000, b"9" * 10_000]
TOKENS = st.sampled_from([*ODD, *ENDLESS])


@st.composite
def mangled(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes that are cut, flipped, doubled, or have something put into them."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["flip", "cut", "drop", "double", "insert"]))
        if how == "flip" and at < len(data):
            data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        elif how == "cut":
            data = data[:at]
        elif how == "drop":
            data = data[:at] + data[at + draw(st.integers(1, 64)) :]
        elif how == "double":
            data = data[:at] + data[max(0, at - 64) : at] + data[at:]
        else:
            data = data[:at] + draw(TOKENS) + data[at:]
    return data


@st.composite
def replaced(draw: st.DrawFn, told: Any) -> Any:
    """A JSON value in which one entry is another, is gone, or is new."""
    if not isinstance(told, dict | list) or not told or draw(st.integers(0, 4)) == 0:
        return draw(LEAVES)
    key: Any = draw(st.sampled_from(sorted(told)) if isinstance(told, dict) else st.integers(0, len(told) - 1))
    how = draw(st.sampled_from(["deeper", "deeper", "gone", "new"]))
    found = dict(told) if isinstance(told, dict) else list(told)
    if how == "gone":
        del found[key]
    elif how == "new" and isinstance(found, dict):
        found[draw(st.sampled_from([*found, "x", "filters", "compressor", "pieces", "merged", "stored", "\x00"]))] = (
            draw(LEAVES)
        )
    elif how == "new":
        found.insert(key, draw(LEAVES))
    else:
        found[key] = draw(replaced(found[key]))
    return found


@st.composite
def header_changed(draw: st.DrawFn, data: bytes) -> bytes:
    """A .npy file of which one word of the header is another; its length is set right again, or is not."""
    length = int.from_bytes(data[8:10], "little")
    words = data[10 : 10 + length].split(b" ")
    at = draw(st.integers(0, len(words) - 1))
    words[at] = draw(WORDS)
    head = b" ".join(words)
    told = len(head) if draw(st.booleans()) else draw(st.sampled_from([0, length, 65535]))
    version = draw(st.sampled_from([b"\x01\x00", b"\x01\x00", b"\x09\x09"]))
    return data[:6] + version + (told % 65536).to_bytes(2, "little") + head + data[10 + length :]


def _json(data: bytes) -> st.SearchStrategy[bytes]:
    return replaced(json.loads(data)).map(lambda told: json.dumps(told).encode("utf-8", "surrogatepass"))


def _safetensors(data: bytes) -> st.SearchStrategy[bytes]:
    length = int(np.frombuffer(data[:8], "<u8")[0])

    def joined(head: bytes) -> bytes:
        return len(head).to_bytes(8, "little") + head + data[8 + length :]

    return _json(data[8 : 8 + length]).map(joined) | mangled(data)


@st.composite
def one_line(draw: st.DrawFn, data: bytes) -> bytes:
    """Lines of JSON, of which one is broken."""
    lines = data.splitlines()
    at = draw(st.integers(0, len(lines) - 1))
    lines[at] = draw(_json(lines[at]))
    return b"\n".join(lines) + b"\n"


def broken(form: str, data: bytes) -> st.SearchStrategy[bytes]:
    """A file of this form, broken."""
    if form == "json":
        return _json(data) | mangled(data)
    if form == "lines":
        return one_line(data) | mangled(data)
    if form == "npy":
        return header_changed(data) | mangled(data)
    return _safetensors(data) if form == "safetensors" else mangled(data)
