"""Processes and what they start: who adopts orphans, who ends with whom, and how a whole tree is ended.

Imports nothing of ours and little of anything, since processes that only watch others load it. Where the operating system is not
Linux there is neither adoption nor a list of processes to walk: a process group is then all that can be ended.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from types import FrameType

LINUX = sys.platform == "linux"
PATIENCE = (
    10.0  # seconds in which a tree must be gone: what waits for a disk or a network is not ended sooner by any signal
)
TIDYING = 2.0  # seconds of these for those that clean up
_PDEATHSIG, _SUBREAPER = 1, 36  # <sys/prctl.h>


def adopt() -> None:
    """Have processes that lose their parent below this one become its own children, whatever session they are in."""
    _prctl(_SUBREAPER, 1)


def end_with(parent: int, number: int) -> None:
    """Have this process sent a signal when its parent ends; at once where that has happened already.

    It is the thread that has started this process whose end counts: who is sent anything but SIGKILL looks at `os.getppid()`.
    """
    _prctl(_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def _prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # a C library that has no such function
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _listed() -> Iterator[tuple[int, int, str, int]]:
    """Every process: its id, its parent's, its state, and when it began, in ticks since the machine did."""
    for name in os.listdir("/proc") if LINUX else ():
        if name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
                with open(f"/proc/{name}/stat", "rb") as file:
                    words = file.read().rpartition(b")")[2].split()  # its name may hold anything
                yield int(name), int(words[1]), words[0].decode(), int(words[19])


def began(pid: int) -> int:
    """When a process began, in ticks since the machine did; 0 where that is not known."""
    return next((ticks for one, _, _, ticks in _listed() if one == pid), 0)


def descendants(pid: int, since: int = 0) -> list[int]:
    """The processes below this one that still run and began no sooner than `since`."""
    below: dict[int, list[tuple[int, bool]]] = {}
    for one, parent, state, ticks in _listed():
        below.setdefault(parent, []).append((one, state not in "ZX" and ticks >= since))
    found, ahead = [], [pid]
    while ahead:
        for one, runs in below.pop(ahead.pop(), []):
            ahead.append(one)
            found += [one] * runs
    return found


def end_descendants(pid: int, since: int = 0) -> None:
    """End all of them, again and again until none is left: one that is being ended may start another."""
    now = time.monotonic()
    until, spared = now + PATIENCE, now + TIDYING
    while (found := descendants(pid, since)) and time.monotonic() < until:
        tidying = set(filter(_tidies, found)) if time.monotonic() < spared else set()
        for one in set(found) - tidying:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
        if pid == os.getpid():
            reap()
        time.sleep(0.001)


def _tidies(pid: int) -> bool:
    """Whether it is what multiprocessing starts to remove semaphores and shared memory of those that were ended; it ends last."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"multiprocessing.resource_tracker" in file.read()
    except OSError:
        return False


def reap() -> dict[int, int]:
    """The children that have ended, adopted ones too, with the wait status of each."""
    found = {}
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found[ended[0]] = ended[1]
    return found


def words(status: int) -> str:
    """How a process ended, from its exit status; below 0, from the signal that ended it."""
    if status >= 0:
        return f"ended with exit status {status}"
    known = {number.value: number.name for number in signal.Signals}
    return f"was ended by {known.get(-status, f'signal {-status}')}"


def forget(numbers: Iterable[signal.Signals]) -> None:
    """Signals that are blocked and have come too late are never delivered."""
    for number in numbers:
        handler = signal.getsignal(number)
        if handler is not None:
            signal.signal(number, signal.SIG_IGN)
            signal.signal(number, handler)


def unheard(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing: the signal only wakes who waits."""
