"""How large an encoded chunk is, decoded: found before it is decoded, so that a few bytes cannot ask for all memory.

Containers that carry their size are asked for it; a stream without one is decoded piece by piece, and thrown away, up to the limit.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Any

from gradcheck.errors import Unusable

PIECE = 1 << 20


def require(encoded: bytes, compressor: str, at_most: int, where: str) -> None:
    """`Unusable` where the chunk is larger than `at_most` when it is decoded, or cannot be decoded at all."""
    try:
        within = _READERS[compressor](encoded, at_most)
    except (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError, struct.error, IndexError) as problem:
        raise Unusable(f"{where} cannot be decoded by {compressor}: {problem}") from None
    if not within:
        raise Unusable(f"{where} is larger than {at_most} bytes when it is decoded; expected no more")


def _plain(encoded: bytes, at_most: int) -> bool:
    return len(encoded) <= at_most


def _blosc(encoded: bytes, at_most: int) -> bool:
    return bool(struct.unpack_from("<I", encoded, 4)[0] <= at_most)


def _lz4(encoded: bytes, at_most: int) -> bool:
    """As numcodecs writes it: the size stands before the block."""
    return bool(struct.unpack_from("<I", encoded)[0] <= at_most)


def _zstd(encoded: bytes, at_most: int) -> bool:
    """RFC 8878, section 3.1.1.1: the content size of the first frame, which must be there."""
    if encoded[:4] != b"\x28\xb5\x2f\xfd":
        raise ValueError("it is no frame of Zstandard")
    described = encoded[4]
    flag, single = described >> 6, described >> 5 & 1
    if not (flag or single):
        raise ValueError("its frame does not say how large it is")
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[described & 3]
    width = (1, 2, 4, 8)[flag]
    field = encoded[start : start + width]
    if len(field) < width:
        raise ValueError("its frame is cut short")
    return int.from_bytes(field, "little") + (256 if width == 2 else 0) <= at_most


def _stream(begin: Callable[[], Any]) -> Callable[[bytes, int], bool]:
    """Decoded a piece at a time, one member after another."""

    def within(encoded: bytes, at_most: int) -> bool:
        total, rest = 0, encoded
        while rest:
            decoder = begin()
            while not decoder.eof:
                piece = decoder.decompress(rest, PIECE)
                rest = getattr(decoder, "unconsumed_tail", b"")  # bz2 and lzma keep it themselves
                total += len(piece)
                if total > at_most:
                    return False
                if not (piece or rest or decoder.eof):
                    raise EOFError("it is cut short")
            rest = decoder.unused_data
        return True

    return within


_READERS: dict[str, Callable[[bytes, int], bool]] = {
    "": _plain,
    "blosc": _blosc,
    "lz4": _lz4,
    "zstd": _zstd,
    "zlib": _stream(zlib.decompressobj),
    "gzip": _stream(lambda: zlib.decompressobj(wbits=31)),
    "bz2": _stream(bz2.BZ2Decompressor),
    "lzma": _stream(lambda: lzma.LZMADecompressor(memlimit=256 << 20)),
}
