"""The precision of balls. FLINT has one for the whole process: whoever works with balls has it to himself meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import flint

LOCK = RLock()


@contextmanager
def working(bits: int) -> Iterator[None]:
    """Within it, balls are computed with so many bits, by one thread at a time; afterwards with as many as before."""
    with LOCK, flint.ctx.workprec(bits):
        yield
