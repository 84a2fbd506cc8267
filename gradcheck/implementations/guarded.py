"""A program under a guard (`gradcheck.guard`), with the pipes to both: what it says, its last words, and how it ended."""

import contextlib
import os
import select
import subprocess
from collections.abc import Callable, Sequence
from typing import IO, Protocol

from gradcheck import guard, processes

KEPT = 2000  # bytes of standard error: enough for its last words
STOP_LIMIT = 5.0  # seconds in which a guard ends everything; one that the program has stopped does not
CHUNK = 1 << 16  # bytes written at once; as many as a pipe holds


class Begun(Protocol):
    """A guard, and the pipes of its program, as `subprocess.Popen` has them."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def wait(self, timeout: float | None = None) -> object:
        """Until it has ended; `subprocess.TimeoutExpired` where that takes longer."""

    def kill(self) -> None:
        """At once, if it has not."""


Begin = Callable[[int, int, int], Begun]  # of the ends that a guard has of both its pipes, and MiB


def started(*program: str, shared: Sequence[int] = ()) -> Begin:
    """A guard of this program, which inherits what is `shared`."""

    def begin(lifeline: int, told: int, mebibytes: int) -> Begun:
        return subprocess.Popen(
            guard.command(lifeline, told, mebibytes, program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(lifeline, told, *shared),
            start_new_session=True,  # Ctrl-C is ours to handle
        )

    return begin


class Guarded:
    """Begun at once. Raises `OSError` or `ValueError` where no process can be had."""

    def __init__(self, begin: Begin, mebibytes: int) -> None:
        self.last = b""
        self.errno = 0  # of a program that did not begin
        self._stopped = False
        lifeline, self._lifeline = os.pipe()
        self._told, told = os.pipe()
        try:
            self.process = begin(lifeline, told, mebibytes)
        except BaseException:
            os.close(self._lifeline)
            os.close(self._told)
            raise
        finally:
            os.close(lifeline)
            os.close(told)
        self.streams = [stream for stream in (self.process.stdin, self.process.stdout, self.process.stderr) if stream]
        self.stdin, self.stdout, self.stderr = (stream.fileno() for stream in self.streams)
        for stream in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(stream, False)
        self.speaks = True  # on standard error, until that is closed

    def hear(self) -> None:
        """Take in what it has written to standard error: the last of it is kept."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self.stderr, 1 << 20)
            self.speaks = bool(data)
            self.last = (self.last + data)[-KEPT:]

    def ended(self, seconds: float) -> str:
        """How it ended, in words, with the last that it wrote to standard error."""
        how = self._how(seconds)
        for _ in range(64):  # what waits in the pipe; who shares it may write for ever
            if not (self.speaks and select.select([self.stderr], [], [], 0)[0]):
                break
            self.hear()
        lines = self.last.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return how + (f"; its last words: {last}" if last else "")

    def _how(self, seconds: float) -> str:
        if not select.select([self._told], [], [], seconds)[0]:
            return "closed its standard input or output"
        what, _, number = os.read(self._told, 64).decode().partition("\n")[0].partition(" ")
        if what == guard.BEGAN:
            self.errno = int(number)
        return processes.words(int(number)) if number else "ended with the guard that it ran under"

    def let_go(self) -> None:
        """Have its guard end it; who reads what it writes meets the end of that. May be called from another thread."""
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def stop(self) -> None:
        """End it and all that it has started, whatever session that is in."""
        self.let_go()
        if not self._stopped:
            self._stopped = True
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                processes.end_descendants(self.process.pid)
            finally:
                self.process.kill()
                self.process.wait()
                os.close(self._told)
                for stream in self.streams:
                    stream.close()
