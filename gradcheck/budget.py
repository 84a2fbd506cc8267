"""The seconds that a run may take, and by when each of its stages must be over, so that what fails comes to a story."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from gradcheck import clock
from gradcheck.clock import End, Late, Now
from gradcheck.errors import Unusable

# Which share of the budget is spent when a stage ends. Judging has almost all of it where nothing fails.
JUDGED, FAILING = 0.95, 0.4
SHRUNK, EXPLAINED, TOLD = 0.55, 0.9, 1.0
T = TypeVar("T")
LONGEST = 86_400 * 365  # seconds


class Budget:
    """`seconds` from now on, by the clock `now`; infinitely many where nobody says. `undone` is what there was no
    time for.

    Raises `Unusable` for what is no time.
    """

    def __init__(self, seconds: float | None = None, now: Now = time.monotonic) -> None:
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is not None and not (number and 0 < seconds <= LONGEST):
            raise Unusable(f"budget is {seconds!r:.40}; expected seconds above 0, up to {LONGEST}")
        self.seconds = math.inf if seconds is None else float(seconds)
        self.now = now
        self.began = now()
        self.undone: list[str] = []

    @property
    def limited(self) -> bool:
        """Whether there is any."""
        return self.seconds < math.inf

    def moment(self, share: float) -> float:
        """When this share of it is spent."""
        return self.began + share * self.seconds

    def left(self, share: float = TOLD) -> float:
        """Seconds up to then, below 0 where that is over."""
        return self.moment(share) - self.now()

    @contextlib.contextmanager
    def until(self, share: float) -> Iterator[End]:
        """Inside, no call of a target begins after this share; `Late` is raised in its place."""
        with clock.until(self.moment(share), self.now, calls=True) as end:
            yield end

    def spend(self, share: float, work: Callable[[], T], *, part: float = 1.0, what: str = "") -> T | None:
        """What work comes to, or None where the time is up before: this part of what is left up to that share.

        `what` it was is put among what is `undone` then.
        """
        moment = self.moment(share)
        if self.limited:
            moment -= (1 - part) * max(self.left(share), 0.0)
        try:
            with clock.until(moment, self.now, calls=True):
                return work()
        except Late:
            self.undone += filter(None, [what])
            return None

    def part(self, parts: int) -> "Budget":
        """What is left, divided by so many: for the first of them."""
        return Budget(max(self.left(), 1e-3) / parts, self.now) if self.limited else Budget(now=self.now)
