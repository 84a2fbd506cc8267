"""Regular files, opened without waiting and read up to a limit."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gradcheck.errors import Unusable

MIB = 1 << 20
JSON_MOST = 64 * MIB  # of a text that is parsed at once

# A FIFO would be waited for, a device has no end, and a folder is none.
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFSOCK: "a socket",
}


@contextlib.contextmanager
def reading(path: Path, what: str = "") -> Iterator[None]:
    """Whatever a parser raises over this file, in one line: which of its exceptions there are is not for us to list."""
    try:
        yield
    except Unusable:
        raise
    except RecursionError:
        raise Unusable(f"{path} cannot be read{what}: it is nested too deeply") from None
    except MemoryError:
        raise Unusable(f"{path} cannot be read{what}: there is not enough memory for what it declares") from None
    except OSError as problem:
        raise Unusable(f"cannot read {path}: {problem.strerror or _line(problem)}") from None
    except Exception as problem:
        raise Unusable(f"{path} cannot be read{what}: {_line(problem)}") from None


def _line(problem: Exception) -> str:
    return " ".join(str(problem)[:500].split()) or type(problem).__name__


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, to be read; `Unusable` for anything else by that name."""
    with reading(path):
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
        with open(descriptor, "rb") as file:
            kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
            if kind != stat.S_IFREG:
                raise Unusable(f"{path} is {_KINDS.get(kind, 'no file')}; expected a regular file")
            yield file


def data(path: Path, at_most: int) -> bytes:
    """The bytes of a regular file, of which there must be no more than `at_most`, even if it grows while it is read."""
    with opened(path) as file:
        long = (
            os.fstat(file.fileno()).st_size > at_most
        )  # a sparse file takes no room on the disk, and as much memory as it says
        found = b"" if long else file.read(at_most + 1)
    if long or len(found) > at_most:
        raise Unusable(f"{path} is longer than {_size(at_most)}; expected no more")
    return found


def text(path: Path, at_most: int = JSON_MOST) -> str:
    """The same of a text in UTF-8."""
    try:
        return data(path, at_most).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise Unusable(f"{path} is no text in UTF-8: {problem.reason} at byte {problem.start}") from None


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count} bytes"
