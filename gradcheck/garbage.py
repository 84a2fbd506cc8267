"""How often Python looks for garbage while problems are judged.

Judging one makes thousands of small objects, of which few are in cycles: looking through all of them after each 700 takes a
twentieth of the time, and finds next to nothing.
"""

import contextlib
import gc
from collections.abc import Iterator

SELDOM = 5_000  # objects, those of a dozen problems: what is in cycles may hold arrays


@contextlib.contextmanager
def seldom() -> Iterator[None]:
    """Within it, garbage is looked for after `SELDOM` objects, unless that is rarer already, or never."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], SELDOM) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
