"""Files that must stay as they are while they are read."""

import os
from pathlib import Path

from gradcheck.errors import Unusable


class Watched:
    """What a file was when it was first looked at: its size, its time and its number on the disk."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int, int] | None] = {}
        self._mapped: set[Path] = set()

    def add(self, path: Path, *, mapped: bool = False) -> None:
        """From now on it must not change. One that is `mapped` stays as it was when it is unlinked."""
        self._seen.setdefault(path, _state(path))
        if mapped:
            self._mapped.add(path)

    def require_unchanged(self) -> None:
        """`Unusable` where one of the files is not what it was."""
        for path, before in list(self._seen.items()):
            now = _state(path)
            if now != before and not (now is None and path in self._mapped):
                raise Unusable(f"{path} changed while it was read; expected a dump that nothing writes to any more")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
