"""The standard descriptors, below `sys.stdin`, `sys.stdout` and `sys.stderr`: put back where a target has changed them.

A library in C is silenced by turning descriptors 1 and 2 to nowhere, and a target that does so and does not undo it would silence
our results.
"""

import contextlib
import os
from collections.abc import Iterator

STANDARD = (0, 1, 2)
HIGHEST = 1023  # where those that close "all" files do not come to, mostly


@contextlib.contextmanager
def kept_descriptors() -> Iterator[None]:
    """The files behind them are the same afterwards. One that was closed before is let be."""
    open_now = {number: what for number in STANDARD if (what := _what(number)) is not None}
    copies = {number: (_copied(number), what) for number, what in open_now.items()}
    try:
        yield
    finally:
        for number, (copy, what) in copies.items():
            _restore(number, copy, what)


def _copied(number: int) -> int:
    """Another descriptor of the same file, with a number as high as may be."""
    try:
        import fcntl
        import resource
    except ImportError:
        return os.dup(number)
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], HIGHEST + 1) - 16
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, max(most, 3))


def _what(number: int) -> tuple[int, int] | None:
    """The file behind a descriptor; None where there is none."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _restore(number: int, copy: int, what: tuple[int, int]) -> None:
    if _what(copy) != what:  # it was closed, and perhaps is somebody else's by now
        return
    if _what(number) != what:
        os.dup2(copy, number)
    os.close(copy)
