"""Two calls at once, the same way each time: one is held up at a line of its code while the other one runs to its end.

Threads that run as they like meet once in a thousand calls. Here the line at which they meet is chosen.
"""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
PATIENCE = 0.05  # seconds in which a second call is done, if it does not wait for the first one, which may hold a lock
OURS = str(Path(__file__).parent)  # whose lines are not counted


class _Call:
    """A call in a thread of its own: what it returns or raises, and how many lines it has run."""

    def __init__(self, work: Work, stop: int = 0) -> None:
        self.work, self.stop, self.lines = work, stop, 0
        self.stopped, self.go, self.done = threading.Event(), threading.Event(), threading.Event()
        self.result: Any = None
        self.raised: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        sys.settrace(self._traced)
        try:
            with np.errstate(all="ignore"):
                self.result = self.work()
        except BaseException as exception:  # SystemExit too
            self.raised = exception
        finally:
            sys.settrace(None)
            self.done.set()
            self.stopped.set()

    def _traced(self, frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.stop:
                self.stopped.set()
                self.go.wait()
        return self._traced

    def value(self) -> Any:
        """Its result, once it is done; raises what it raised."""
        self.go.set()
        self.thread.join()
        if self.raised is not None:
            raise self.raised
        return self.result


def lines(work: Work) -> int:
    """How many lines of Python it runs."""
    call = _Call(work)
    call.value()
    return call.lines


def both(one: Work, other: Work, line: int, patience: float = PATIENCE) -> tuple[Any, Any, bool]:
    """The results of both, where the first is held up before that line of its code until the other is done; and whether it is,
    or waits for the first.
    """
    first = _Call(one, line)
    first.stopped.wait()
    second = _Call(other)
    done = second.done.wait(patience)
    return first.value(), second.value(), done
