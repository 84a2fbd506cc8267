"""A process that imports once what every rank needs, and becomes a rank by a fork: an import of a framework takes seconds.

It runs nothing of a script, and makes no thread and no process group: what is forked is as new as if it had been started.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module

from gradcheck import guard

READY, NOT = b"ready", b"more than one thread"
PIPES = 6  # that a rank and its guard are handed: standard input, output, error; lifeline, told, alive
WORD = 64  # bytes of a request: where the rank is, and MiB
IGNORED = ("SIGPIPE", "SIGXFSZ")  # by Python, where it is started


def place(word: str) -> list[str]:
    """Where this rank is, `rank,ranks,port`: as `word` says, or as is asked of a fork, where that is the number of a socket."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return (word if "," in word else _forked(socket.socket(fileno=int(word)))).split(",")


def _forked(link: socket.socket) -> str:
    """Fork for each request, until the other side has gone. It is in a rank that this returns."""
    _preload()
    link.send(READY if _alone() else NOT)
    while True:
        asked, pipes, _, _ = socket.recv_fds(link, WORD, PIPES)
        _reap()
        if not asked:
            sys.exit()
        mother, child = os.getpid(), os.fork()
        if not child:
            link.close()
            where, mebibytes = asked.decode().split()
            _guarded(mother, pipes, int(mebibytes))
            return where
        for pipe in pipes:
            os.close(pipe)
        link.send(str(child).encode())


def _guarded(mother: int, pipes: list[int], mebibytes: int) -> None:
    """Be a guard of a rank, and return in the rank. `alive` is closed when the guard has ended, whose parent is not who asked."""
    *streams, lifeline, told, alive = pipes
    for number, pipe in enumerate(streams):
        os.dup2(pipe, number)
        os.close(pipe)
    guard.over(mother, lifeline, told, mebibytes)
    os.close(told)
    os.close(alive)
    _anew()


def _preload() -> None:
    with suppress(ImportError):  # the rank says so
        import_module("gradcheck.parallel.step")


def _alone() -> bool:
    """Whether this thread is the only one: of others, a fork has locks alone."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _anew() -> None:
    """What a process draws for itself when it begins: as of processes that were started, no two have the same."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
