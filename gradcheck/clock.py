"""A moment at which work must be over, looked at by our own long loops; never where a target's code could catch what is raised.

A budget of time ends a shard, or a run, where it is, rather than the process that does it.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass

SKEW = 60.0  # seconds by which a wait may be longer than the budget before another machine's clock is not believed
Now = Callable[[], float]


@dataclass(eq=False)
class End:
    """A `moment` of the clock `now`; with `calls`, it is looked at before each call of a target, too."""

    moment: float
    now: Now = time.monotonic
    calls: bool = False

    def sooner(self, moment: float) -> None:
        """Never later than this."""
        self.moment = min(self.moment, moment)


_end: ContextVar[End | None] = ContextVar("end", default=None)


class Late(BaseException):
    """The moment has passed. No `Exception`: whoever catches those goes on, and Hypothesis would call it a failure."""


@contextlib.contextmanager
def until(moment: float, now: Now = time.monotonic, *, calls: bool = False) -> Iterator[End]:
    """Inside, `look` raises after this moment. What is yielded may be told that it is sooner."""
    end = End(moment, now, calls)
    before = _end.set(end)
    try:
        yield end
    finally:
        _end.reset(before)


def look(*, call: bool = False) -> None:
    """Raise `Late` where the moment has passed; before a `call` of a target only where calls are looked at."""
    end = _end.get()
    if end is not None and (end.calls or not call) and end.now() > end.moment:
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
