"""How long calls of a target take: a slow one is posed what is quick first."""

import time
from collections.abc import Callable
from dataclasses import dataclass

SLOW = 0.05  # seconds of a call
FIRST = 5  # calls after which it is known


@dataclass(eq=False)
class Pace:
    """`calls` of a target so far, and the `seconds` that they took by the clock `now`."""

    now: Callable[[], float] = time.perf_counter
    calls: int = 0
    seconds: float = 0.0

    def restart(self) -> None:
        """At the beginning of a run: targets may share a home, and not their pace."""
        self.calls, self.seconds = 0, 0.0

    def add(self, since: float) -> None:
        """One more call, which began then."""
        self.calls += 1
        self.seconds += self.now() - since

    @property
    def mean(self) -> float:
        """Seconds of a call; 0 where there was none."""
        return self.seconds / self.calls if self.calls else 0.0

    @property
    def slow(self) -> bool:
        """Whether a call takes more than `SLOW`, once there have been a few."""
        return self.calls >= FIRST and self.mean > SLOW
