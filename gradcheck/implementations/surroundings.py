"""What of this process a target may change, and what is put back after each of its calls.

Only here. It takes 5 to 7 µs a call: all is read once a problem and again after each call, and only what differs is written.
The random states of Python and NumPy are too long for that, and must not be put back between two
calls: code that draws by chance would repeat itself, and look as if it did not draw. `kept` puts them back after a run;
Hypothesis seeds them anew for each problem.
"""

import _signal  # type: ignore[import-not-found]  # signal.getsignal makes an enum of each handler: 30 times as slow
import contextlib
import gc
import locale
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np

SIGNALS = tuple(sorted(int(number) for number in signal.valid_signals() if number < 32))  # the rest are for real time


class Part(NamedTuple):
    """One thing that a target may change: how it is read, and how it is put back."""

    read: Callable[[], Any]
    restore: Callable[[Any], object]


def _streams() -> tuple[Any, ...]:
    return sys.stdin, sys.stdout, sys.stderr


def _set_streams(before: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = before


def _handlers() -> tuple[Any, ...]:
    return tuple(map(_signal.getsignal, SIGNALS))


def _set_handlers(before: tuple[Any, ...]) -> None:
    for number, handler, now in zip(SIGNALS, before, _handlers(), strict=True):
        if handler is now or handler is None:  # None: not set from Python, and not to be had back
            continue
        if number == getattr(signal, "SIGALRM", None):  # what it is to interrupt has ended
            signal.setitimer(signal.ITIMER_REAL, 0)
        with contextlib.suppress(ValueError, OSError):  # only the main thread may, and only there they change
            signal.signal(number, handler)


def _filters() -> tuple[Any, ...]:
    return warnings.showwarning, warnings.filters, *warnings.filters


def _set_filters(before: tuple[Any, ...]) -> None:
    warnings.showwarning, filters, *entries = before
    warnings.filters = filters
    warnings.resetwarnings()  # what was decided by the other filters is forgotten
    filters[:] = entries


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return None


def _set_folder(before: str | None) -> None:
    with contextlib.suppress(OSError):
        os.chdir(before or os.curdir)


def _umask() -> int:
    mask = os.umask(0o077)  # it can be read only by setting it: to what gives nobody more
    os.umask(mask)
    return mask


def _collection() -> tuple[Any, ...]:
    return gc.isenabled(), gc.get_threshold(), *gc.callbacks


def _set_collection(before: tuple[Any, ...]) -> None:
    enabled, thresholds, *gc.callbacks[:] = before
    (gc.enable if enabled else gc.disable)()
    gc.set_threshold(*thresholds)


def _set_locale(before: str) -> None:
    locale.setlocale(locale.LC_ALL, before)


PARTS = {
    "streams": Part(_streams, _set_streams),
    "signal handlers": Part(_handlers, _set_handlers),
    "warnings": Part(_filters, _set_filters),
    "working directory": Part(_folder, _set_folder),
    "umask": Part(_umask, os.umask),
    "locale": Part(lambda: locale.setlocale(locale.LC_ALL), _set_locale),
    "collection of garbage": Part(_collection, _set_collection),
    "recursion limit": Part(sys.getrecursionlimit, sys.setrecursionlimit),
}
LONG = {
    "random": Part(random.getstate, random.setstate),
    "numpy.random": Part(np.random.get_state, np.random.set_state),
}
_PARTS = tuple(PARTS.values())


def _in_context(function: Callable[..., Any], *arguments: Any) -> Any:
    return copy_context().run(function, *arguments)


def _in_errstate(function: Callable[..., Any], *arguments: Any) -> Any:
    with np.errstate(call=np.geterrcall()):  # type: ignore[arg-type]
        return function(*arguments)


# What NumPy does about overflow is a context variable since NumPy 2, as is decimal's context; before, it was the thread's.
_CONFINED = _in_context if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else _in_errstate


class Surroundings:
    """All of it as it is now. What is compared is of this process, and mostly the same object."""

    def __init__(self) -> None:
        self.before = [part.read() for part in _PARTS]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a call, after which all is as it was, whether it returns or raises."""
        trace, profile = sys.gettrace(), sys.getprofile()
        try:
            return _CONFINED(function, *arguments)
        finally:
            if sys.gettrace() is not trace:  # before any other function is called, which would be traced
                sys.settrace(trace)
            if sys.getprofile() is not profile:
                sys.setprofile(profile)
            if [part.read() for part in _PARTS] != self.before:
                self.restore()

    def restore(self) -> None:
        """Put everything back that differs."""
        for part, before in zip(_PARTS, self.before, strict=True):
            if part.read() != before:
                part.restore(before)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """The same for a whole run, or for loading a target, and the random states, too.

    A higher recursion limit stays: a target that sets it when it is imported needs it in its calls.
    """
    now, states = Surroundings(), {part: part.read() for part in LONG.values()}
    try:
        yield
    finally:
        limit = sys.getrecursionlimit()
        now.restore()
        sys.setrecursionlimit(max(limit, sys.getrecursionlimit()))
        for part, state in states.items():
            part.restore(state)
