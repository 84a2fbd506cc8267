"""Files that must stay as they are while they are read."""

import os
from pathlib import Path

from gradcheck.errors import Unusable


class Watched:
    """What a file was when it was first looked at: its size, its time and its number on the disk."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int, int] | None] = {}

    def add(self, path: Path) -> None:
        """From now on it must not change."""
        self._seen.setdefault(path, _state(path))

    def require_unchanged(self) -> None:
        """`Unusable` where one of the files is not what it was; one that was unlinked is still mapped."""
        for path, before in list(self._seen.items()):
            now = _state(path)
            if now is not None and now != before:
                raise Unusable(f"{path} changed while it was read; expected a dump that nothing writes to any more")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
