"""Where Python loses what is raised: an interrupt that arrives there is sent once more."""

import gc
import os
import threading
from types import FrameType

LATER = 0.02  # seconds


def here(frame: FrameType | None) -> bool:
    """Whether it is in a callback of the garbage collector or in a finaliser, of which exceptions are ignored.

    A signal that arrives while garbage is collected, as Hypothesis does before each problem, is first heard in such a callback.
    """
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def again(number: int) -> None:
    """Send the signal to this process in a moment."""
    timer = threading.Timer(LATER, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
