"""Signals that end a campaign: noted when they come, and looked at between two ticks, so that nothing is torn in the middle."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from gradcheck import supervisor

# Ctrl-C, a request to end, and a terminal that has gone. Windows has no SIGHUP.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextlib.contextmanager
def stoppable(stopped: threading.Event) -> Iterator[None]:
    """Each of these signals sets the event. A SIGHUP that is ignored, as it is under nohup, stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        supervisor.heard()

    before = {each: signal.signal(each, stop) for each in ENDING if not _under_nohup(each)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _under_nohup(number: signal.Signals) -> bool:
    return number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
