"""A guard: a small process that starts one program, outlives it, and ends everything that it has started.

What runs already may guard a child of its own in the same way (`over`).

Whoever wants a program guarded starts `command`, and holds one end of two pipes. When the other end of the `lifeline` is closed,
because the owner wishes it or has been ended by any means, all ends. `told` says how the program ended, or why it did not begin.
Orphans below the program become the guard's own children, so that not even those are left that are in a session of their own.
"""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from gradcheck import processes

_MAIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from gradcheck import guard; guard.main(sys.argv[1:])"
WAKING = ("SIGCHLD", "SIGTERM", "SIGHUP", "SIGINT")
BEGAN, ENDED = "errno", "status"


def command(lifeline: int, told: int, mebibytes: int, program: Sequence[str]) -> list[str]:
    """The words that start a guard; both pipes are inherited. `mebibytes` of memory may be taken, 0 is any."""
    home = str(Path(__file__).resolve().parent.parent)
    numbers = [str(number) for number in (os.getpid(), lifeline, told, mebibytes)]
    return [sys.executable, "-I", "-S", "-c", _MAIN, home, *numbers, *program]


def main(given: Sequence[str]) -> None:
    """Start the program, and wait until it or its owner ends."""
    owner, lifeline, told, mebibytes = map(int, given[:4])
    program = given[4:]
    over(owner, lifeline, told, mebibytes)
    try:
        os.execvp(program[0], list(program))
    except OSError as problem:
        _tell(told, BEGAN, problem.errno or 0)
    finally:
        os._exit(127)


def over(owner: int, lifeline: int, told: int, mebibytes: int) -> None:
    """Be a guard from now on, of a child that is forked: it is in the child alone that this returns."""
    for pipe in (lifeline, told):
        os.set_inheritable(pipe, False)
    waking, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for name in WAKING:
        signal.signal(getattr(signal, name), processes.unheard)
    processes.adopt()
    processes.end_with(owner, signal.SIGTERM)
    mine = os.getpid()
    child = os.fork()
    if not child:
        _apart(mine, mebibytes, told)
        for pipe in (lifeline, waking, wake):
            os.close(pipe)
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # they are the program's: who waits for their end must not wait for us
        os.dup2(nothing, stream)
    status = _watched(child, owner, lifeline, waking)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # all that can be done where processes cannot be listed
    processes.end_descendants(mine)
    if status is not None:
        _tell(told, ENDED, os.waitstatus_to_exitcode(status))
    os._exit(0)


def _watched(child: int, owner: int, lifeline: int, waking: int) -> int | None:
    """The wait status of the program once it has ended; None where its owner went first."""
    while True:
        ready, _, _ = select.select([lifeline, waking], [], [])
        if lifeline in ready or os.getppid() != owner:
            return None
        os.read(waking, 1024)
        ended = processes.reap()
        if child in ended:
            return ended[child]


def _apart(parent: int, mebibytes: int, told: int) -> None:
    """In the child: be in a session of its own, with the signals that a program begins with."""
    try:
        os.setsid()
        processes.end_with(parent, signal.SIGKILL)
        if mebibytes and processes.LINUX:
            import resource

            with contextlib.suppress(OSError, ValueError, OverflowError):  # above what it may have anyway
                resource.setrlimit(resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))
        signal.set_wakeup_fd(-1)
        for name in (*WAKING, "SIGPIPE", "SIGXFSZ"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    except OSError as problem:
        _tell(told, BEGAN, problem.errno or 0)
        os._exit(127)


def _tell(told: int, what: str, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody listens any longer
        os.write(told, f"{what} {number}\n".encode())
