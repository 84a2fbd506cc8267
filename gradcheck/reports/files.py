"""Report files: whole or not at all, and refused before the work rather than after it."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gradcheck import cases
from gradcheck.errors import Unusable
from gradcheck.reports import data, junit
from gradcheck.verify import Run

STANDARD_OUTPUT = Path("-")


def _page(runs: Sequence[Run]) -> str:
    from gradcheck.reports import pages  # which most runs write none of

    return pages.text(runs)


FORMATS: dict[str, Callable[[Sequence[Run]], str]] = {"json": data.text, "junit": junit.text, "html": _page}


def prepare(*paths: Path | None) -> None:
    """Raise `Unusable` where a report could not be written to one of these; nothing is created."""
    if paths.count(STANDARD_OUTPUT) > 1:
        raise Unusable("two reports are to be written to standard output; expected one")
    files = [path for path in paths if path is not None and path != STANDARD_OUTPUT]
    for path in files:
        _require_writable(path)
    lasting = [path for path in files if path.is_file() or not path.exists()]  # and no device, which keeps neither
    places = [path.resolve() for path in lasting]
    if twice := [path for path, place in zip(lasting, places, strict=True) if places.count(place) > 1]:
        raise Unusable(f"two reports are to be written to {twice[0]}; expected a file for each")


def _require_writable(given: Path) -> None:
    path = _followed(given)
    folder = path.parent
    if path.is_dir():
        raise Unusable(f"cannot write {path}: it is a folder; expected a file name")
    if not folder.is_dir():
        raise Unusable(f"cannot write {path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise Unusable(f"cannot write {path}: permission denied")
    if path.is_file() and not _begins_as_a_report(path):
        raise Unusable(f"cannot write {path}: it is there, and no report; name another file, or remove it first")


def _begins_as_a_report(path: Path) -> bool:
    """Whether a file may be replaced by one: JSON, XML and HTML may, and what is empty; a program or an array may not."""
    try:
        with path.open("rb") as file:
            return file.read(1) in (b"", b"{", b"[", b"<")
    except OSError:  # may be written and not read
        return True


def _followed(path: Path) -> Path:
    """The file that a symbolic link leads to, which is written in its place; whoever made the link wants it there."""
    if not path.is_symlink():
        return path
    try:
        found = path.resolve()
    except (OSError, RuntimeError):
        found = path
    if found.is_symlink():  # it leads to itself, which some versions of Python raise, and others do not
        raise Unusable(f"cannot write {path}: it is a symbolic link that leads nowhere")
    return found


def write(path: Path, text: str) -> None:
    """Replace the file by this text in one step, so that a reader never meets half a report."""
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    try:
        if path.exists() and not path.is_file():  # a pipe, or /dev/stdout
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        else:
            cases.write(_followed(path), text)
    except OSError as problem:
        raise Unusable(f"cannot write {path}: {problem.strerror}") from None
