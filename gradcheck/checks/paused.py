"""Two calls at once, the same way each time: one is held up at a line of its code while the other one runs to its end.

Threads that run as they like meet once in a thousand calls. Here the line at which they meet is chosen.
"""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
PATIENCE = 0.05  # seconds that a call is held up at most: the other one may wait for a lock that it holds
OURS = str(Path(__file__).parent)  # whose lines are not counted


class _Held:
    """A call in another thread, held up before one of its lines; none is the 0th."""

    def __init__(self, elsewhere: Executor, work: Work, line: int) -> None:
        self.work, self.line, self.lines = work, line, 0
        self.reached, self.go = threading.Event(), threading.Event()
        self.freed = False  # it went on by itself
        self.future = elsewhere.submit(self._run)

    def _run(self) -> Any:
        try:
            with np.errstate(all="ignore"):
                sys.settrace(self._traced)
                try:
                    return self.work()
                finally:
                    sys.settrace(None)
        finally:
            self.reached.set()

    def _traced(self, frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.line:
                self.reached.set()
                self.freed = not self.go.wait(PATIENCE)
        return self._traced

    def value(self) -> Any:
        """Its result, once it is done; raises what it raised."""
        self.go.set()
        return self.future.result()


def lines(elsewhere: Executor, work: Work) -> int:
    """How many lines of Python it runs."""
    held = _Held(elsewhere, work, 0)
    held.value()
    return held.lines


def both(elsewhere: Executor, one: Work, other: Work, line: int) -> tuple[Any, Any, bool]:
    """The results of both, where the first is held up before that line until the other is done; and whether that waited for it."""
    held = _Held(elsewhere, one, line)
    held.reached.wait()
    try:
        second = other()
    finally:
        held.go.set()
    return held.value(), second, held.freed
