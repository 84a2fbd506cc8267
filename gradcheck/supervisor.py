"""A run in a process of its own, so that an exit status means that something was judged, and that nothing is left behind.

Three processes in one group of the terminal. The first is the one that the user has started: it passes on what the run says at
its end, and nothing that a target does by mistake can speak for it. The second adopts whatever the run leaves behind, in any
session, and ends it, also when the first is killed. In the third everything happens. All of them share a `Board`.
"""

import contextlib
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from gradcheck import lost, processes
from gradcheck.board import Board

INTERRUPTED = 130
UNHEEDED = 10  # seconds in which an interrupt must be taken in: code that is not Python's may never come back
ENOUGH = 3  # interrupts after which nobody waits any longer
ONCE = 0.5  # seconds within which a signal that comes by two ways is one
_TERMINAL = 0x80  # si_code of what the terminal has sent to the whole group
_FORKS = hasattr(os, "fork") and hasattr(signal, "pthread_sigmask")

_board: Board | None = None  # in the third process


def tell(text: str) -> None:
    """How far the run is, for the case that it does not live to say more."""
    if _board is not None:
        _board.tell(text)


def so_far() -> str:
    """What was told last, in brackets behind what is said of the run."""
    return f" ({_board.told})" if _board is not None and _board.told else ""


def heard() -> None:
    """An interrupt has been taken in: by a handler of somebody's own."""
    if _board is not None:
        _board.hear()


def supervised(work: Callable[[], int], fault: int, advice: str = "") -> int:
    """The status that `work` returns; `fault` where it does not return, and one line on standard error that says why.

    A fault of 1 is the target's.
    """
    if not _FORKS:
        return work()
    board, sent = Board(), _heeded()
    _flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*sent, signal.SIGCHLD, signal.SIGALRM})
    handlers = {each: signal.signal(each, processes.unheard) for each in (signal.SIGCHLD, signal.SIGALRM)}

    def restore() -> None:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    processes.adopt()
    first = os.getpid()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads: those of OpenBLAS are made for it
            second = os.fork()
    except OSError as problem:
        restore()
        _say(f"cannot start a process: {problem.strerror}")
        return 2
    if not second:
        try:
            _second(lambda: _run(work, board, sent, restore), board, first)
        finally:
            os._exit(1)
    since = processes.began(second)
    status = _Watch(second, 0).wait()
    processes.forget(sent)
    restore()
    if board.seen is None:  # the second was ended, and did not end the rest
        processes.end_descendants(first, since)
        board.see(os.waitstatus_to_exitcode(status or 0))
    if board.status is not None:
        return board.status
    return _told(board, fault, advice)


def _heeded() -> set[signal.Signals]:
    """What ends a run, unless whoever has started it said not to: nohup, or a shell in the background."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    found = (getattr(signal, name) for name in names if hasattr(signal, name))
    return {each for each in found if signal.getsignal(each) is not signal.SIG_IGN}


# ---- the third process ----


def _run(work: Callable[[], int], board: Board, sent: set[signal.Signals], begin: Callable[[], None]) -> NoReturn:
    """All of the run. No thread, no handler and nobody's `sys.exit` comes after its last word."""
    global _board
    _board, leave, last = board, os._exit, -ONCE

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        board.hear()
        if lost.here(frame):
            lost.again(number)
        elif (now := time.monotonic()) - last > ONCE:
            last = now
            raise KeyboardInterrupt

    for number in sent:
        signal.signal(number, interrupt)
    try:
        begin()
        status = work()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BaseException:
        traceback.print_exc()
        status = 2
    signal.pthread_sigmask(signal.SIG_BLOCK, sent)  # too late
    board.finish(_flushed(status))
    leave(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # nobody has given us one
            stream.flush()


def _flushed(status: int) -> int:
    """The status, where all that was written has arrived."""
    try:
        _flush()
    except BrokenPipeError:  # `| head`
        return status or 1
    except (OSError, ValueError) as problem:
        _say(f"cannot write to standard output: {getattr(problem, 'strerror', None) or problem}")
        return 2
    return status


# ---- the second and the first ----


def _second(run: Callable[[], NoReturn], board: Board, first: int) -> NoReturn:
    """Until the run has ended, or the first process has: then nothing that it has started goes on."""
    processes.adopt()
    processes.end_with(first, signal.SIGALRM)  # which is always awaited
    second, third = os.getpid(), os.fork()
    if not third:
        processes.end_with(second, signal.SIGKILL)
        run()
    status = _Watch(third, first, board).wait()
    if status is None and board.told and board.status is None:  # nobody else is left to say it
        _say(f"ended from outside ({board.told})")
    processes.end_descendants(second)
    if status is not None:
        board.see(os.waitstatus_to_exitcode(status))
    os._exit(0)


class _Watch:
    """Waits for a child, and passes on what is sent to this process. With a board, a child that heeds nothing is ended."""

    def __init__(self, child: int, parent: int, board: Board | None = None) -> None:
        self.child, self.parent, self.board = child, parent, board
        self.count, self.last = 0, -ONCE

    def wait(self) -> int | None:
        """The wait status of the child; None where the parent has ended."""
        awaited = {*_heeded(), signal.SIGCHLD, signal.SIGALRM}
        while True:
            number, by_terminal = _next(awaited)
            if self.parent and os.getppid() != self.parent:
                return None
            if number == signal.SIGCHLD:
                ended = processes.reap()
                if self.child in ended:
                    return ended[self.child]
            elif number != signal.SIGALRM:
                if not by_terminal:
                    self._send(number)
                self._send(signal.SIGCONT)  # one that a target has stopped hears of nothing
            self._heed(number)

    def _heed(self, number: int) -> None:
        if self.board is None or number == signal.SIGCHLD:
            return
        if number == signal.SIGALRM:
            if not self.board.heard:
                self._end()
            return
        now = time.monotonic()
        self.count += now - self.last > ONCE
        self.last = now
        signal.alarm(UNHEEDED)
        if self.count >= ENOUGH:
            self._end()

    def _end(self) -> None:
        assert self.board is not None
        self.board.overdue()
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child, number)


def _next(awaited: set[signal.Signals]) -> tuple[int, bool]:
    """The next signal, and whether the terminal has sent it, to the child as well."""
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(awaited)
        return info.si_signo, info.si_code == _TERMINAL
    return signal.sigwait(awaited), False


def _told(board: Board, fault: int, advice: str) -> int:
    """One line on a run that did not come to its end, and the exit status."""
    so_far = f" ({board.told})" if board.told else ", before anything was judged"
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, b"\r\x1b[K\x1b[?25h")  # a bar has hidden the cursor
    if board.late:
        _say(f"interrupted{so_far}; what was running did not heed it, and was ended")
        return INTERRUPTED
    code = board.seen or 0
    how = f"the run {processes.words(code)}"
    if code >= 0 and fault == 1:
        how = f"the target ended the run with exit status {code}"
    _say(f"{how}{so_far}{_HINTS.get(-code, '')}{advice}")
    return fault


_HINTS = {
    int(getattr(signal, "SIGBUS", 0)): "; a file that was being read has been cut short",
    int(getattr(signal, "SIGKILL", 0)): "; was memory short?",
}


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(f"gradcheck: {text}", file=sys.stderr, flush=True)
