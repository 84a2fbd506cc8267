"""A call that waits for what an earlier one holds, and does not come back: a lock that was left locked where that one broke off.

Only a wait is one: while the thread computes, or waits for a processor, it may yet come back.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck.checks.trial import Trial
from gradcheck.implementations.record import TargetFailed

LIMIT = 30.0  # seconds, and TIMES as long as it took before: what comes back at all has come back by then
TIMES = 100
AWAKE = 0.1  # of the time, from which on a thread is not taken for one that waits
COUNTED = 0.1  # seconds by which two counts of one thing may differ
LATE = "has not come back"
LOST = "a call of it has not come back, after one that raised; who calls it again may wait for ever"


def awake() -> float:
    """Seconds for which this thread has computed, or has waited for a processor. `OSError` where that is not to be had."""
    computed, waited, *_ = (int(number) / 1e9 for number in Path("/proc/thread-self/schedstat").read_text().split())
    if abs(computed - time.thread_time()) > COUNTED:
        raise OSError("the system does not count them")
    return computed + waited


def watched(trial: Trial, name: str, took: float) -> Trial:
    """The same, of which a call of this function is broken off where it waits much longer than it `took` before.

    The target is not called any more then: all that is asked of it is skipped.
    """
    function, limit = trial.function(name), LIMIT + TIMES * took

    def call(*arguments: Any) -> Any:
        try:
            with _alarm(limit):
                return function(*arguments)
        except _Waits:
            for each in (trial.implementation, made):  # what has another function has a home of its own
                each.home.lost = LOST
            raise TargetFailed(f"{LATE} in {limit:.3g} s, after a call of it that raised", fatal=True) from None

    calls: dict[str, Callable[..., Any]] = {name: call}
    made = replace(trial.implementation, **calls)  # type: ignore[arg-type]
    return Trial(made, trial.problem)


class _Waits(BaseException):
    """Raised in the call: whoever catches what is an `Exception` goes on."""


@contextmanager
def _alarm(limit: float) -> Iterator[None]:
    """Raise `_Waits` inside, where that thread has waited so long. Only the main thread is told of signals."""
    try:
        start = time.monotonic(), awake()
    except OSError:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    over = False

    def rung(number: int, frame: object) -> None:
        if over:  # it rang while it was taken back: set again, it would end the process
            return
        past, busy = time.monotonic() - start[0], awake() - start[1]
        if busy < AWAKE * past:
            raise _Waits
        signal.setitimer(signal.ITIMER_REAL, limit)

    handler = signal.signal(signal.SIGALRM, rung)
    left, interval = signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        try:
            yield
        finally:  # it may ring here, too: then what is below is still done
            over = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's clock goes on
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, left - (time.monotonic() - start[0])), interval)
