"""What several processes of one session need, and one of them works out: files of JSON in a folder of that session's own.

Whoever asks first holds a lock while it works, and the others wait, which costs them nothing. The system gives a lock back when
its process ends, however it ends; then the next one works it out. Nothing is read that can do more than be read.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

WAIT = 0.1  # seconds, where a system has no lock that can be waited for


def once(folder: Path, key: str, make: Callable[[], Any]) -> Any:
    """What `make` comes to, made by one of the processes that share this folder; all of them have it as JSON would."""
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept = folder / f"{name}.json"
    with _locked(folder / f"{name}.lock"):
        with suppress(OSError, ValueError):
            return json.loads(kept.read_text(encoding="utf-8"))
        text = json.dumps(make())
        part = folder / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, kept)
        return json.loads(text)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        _lock(file)
        yield  # closing it gives the lock back


def _lock(file: IO[bytes]) -> None:
    """Wait until nobody else holds it."""
    try:
        import fcntl
    except ImportError:
        _lock_on_windows(file)
    else:
        fcntl.lockf(file, fcntl.LOCK_EX)  # of this process alone: what it forks does not hold it


def _lock_on_windows(file: IO[bytes]) -> None:
    import msvcrt

    while True:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            time.sleep(WAIT)
        else:
            return
