"""How ranks are begun: forked from one process that has imported their framework, or started, where that cannot be."""

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import IO

from gradcheck import processes
from gradcheck.implementations.guarded import Begin, Begun, Guarded, started
from gradcheck.implementations.peer import START_LIMIT
from gradcheck.parallel import origin

PROGRAM = (
    "-c",
    "import sys; sys.path[:] = sys.argv[2:]; from gradcheck.parallel import origin; found = origin.place(sys.argv[1]);"
    " from gradcheck.parallel import rank; rank.main(*found)",
)


def words(place: str) -> tuple[str, ...]:
    """The program that is a rank of this place, or, of the number of a socket, what forks them."""
    return (sys.executable, *PROGRAM, place, *sys.path)


class Forked:
    """A guard that another process has forked: its pipes, as `subprocess.Popen` has them."""

    def __init__(self, pid: int, streams: list[int], alive: int) -> None:
        self.pid, self._alive = pid, alive
        modes = ("wb", "rb", "rb")
        self.stdin: IO[bytes] | None
        self.stdout: IO[bytes] | None
        self.stderr: IO[bytes] | None
        self.stdin, self.stdout, self.stderr = (os.fdopen(fd, mode, 0) for fd, mode in zip(streams, modes, strict=True))

    def wait(self, timeout: float | None = None) -> object:
        """Until it has ended, which closes what it alone holds."""
        if self._alive >= 0:
            if not select.select([self._alive], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"the guard {self.pid}", timeout or 0)
            os.close(self._alive)
            self._alive = -1
        return None

    def kill(self) -> None:
        """At once, if it has not."""
        if self._alive >= 0:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)


class Origin:
    """A process that forks ranks, for all that are begun; it is started when it is first asked, and ended when this is closed."""

    def __init__(self) -> None:
        self._link: socket.socket | None = None
        self._live: Guarded | None = None
        self._tried, self._lock = False, Lock()

    def __enter__(self) -> "Origin":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and with it whatever it has forked."""
        if self._link:
            self._link.close()
        if self._live:
            self._live.stop()
        self._link = self._live = None

    def ready(self) -> None:
        """Start it, once; it ends with the thread that does. Where it cannot fork, ranks are started."""
        if self._tried or not processes.LINUX:
            return
        self._tried = True
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._live = Guarded(started(*words(str(theirs.fileno())), shared=[theirs.fileno()]), 0)
        ours.settimeout(START_LIMIT)
        self._link = ours
        if self._told() != origin.READY:
            self.close()

    def begin(self, place: str) -> Begin:
        """What begins the rank of this place."""

        def begun(lifeline: int, told: int, mebibytes: int) -> Begun:
            with self._lock:
                found = self._forked(f"{place} {mebibytes}", lifeline, told) if self._link else None
            return found or started(*words(place))(lifeline, told, mebibytes)

        return begun

    def _forked(self, asked: str, lifeline: int, told: int) -> Forked | None:
        """None where the process that forks has gone."""
        stdin, own = os.pipe()
        pipes = [(stdin, own), *(os.pipe()[::-1] for _ in range(3))]
        theirs, ours = [pipe[0] for pipe in pipes], [pipe[1] for pipe in pipes]
        try:
            assert self._link is not None
            socket.send_fds(self._link, [asked.encode()], [*theirs[:3], lifeline, told, theirs[3]])
            pid = self._told()
        except OSError:
            pid = b""
        finally:
            for pipe in theirs:
                os.close(pipe)
        if pid.isdigit():
            return Forked(int(pid), ours[:3], ours[3])
        for pipe in ours:
            os.close(pipe)
        self.close()
        return None

    def _told(self) -> bytes:
        """The next that it says; nothing where it has gone, or takes too long."""
        try:
            return self._link.recv(origin.WORD) if self._link else b""
        except OSError:
            return b""
