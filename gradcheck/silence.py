"""Standard output is one for all threads: whoever puts another in its place has it to himself until it is back."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from threading import RLock

LOCK = RLock()  # for as long as standard output is another


@contextmanager
def silent() -> Iterator[None]:
    """What is printed within it is lost. Nothing is to be done where another thread has seen to that: it is not waited for."""
    if not LOCK.acquire(blocking=False):
        yield
        return
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        LOCK.release()
