"""A moment at which work must be over, looked at by our own long loops; never where a target's code could catch what is raised.

A budget of time ends a shard where it is, rather than the process that does it.
"""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

SKEW = 60.0  # seconds by which a wait may be longer than the budget before another machine's clock is not believed

_moment: ContextVar[float] = ContextVar("moment", default=float("inf"))


class Late(BaseException):
    """The moment has passed. No `Exception`: whoever catches those goes on, and Hypothesis would call it a failure."""


@contextlib.contextmanager
def until(moment: float) -> Iterator[None]:
    """Inside, `look` raises after this moment of `time.monotonic`."""
    before = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(before)


def look() -> None:
    """Raise `Late` where the moment has passed."""
    if time.monotonic() > _moment.get():
        raise Late


@dataclass(frozen=True)
class Left:
    """How many `seconds` are left, at the moment `handed` (by `time.time`) when work is handed to whoever will do it."""

    seconds: float
    handed: float

    def moment(self) -> float:
        """When it must be over, by the clock of the process that begins it now."""
        waited = time.time() - self.handed
        if not 0 <= waited <= self.seconds + SKEW:  # a clock that was set, or that of another machine
            waited = 0.0
        return time.monotonic() + self.seconds - waited
