"""Workers: processes of this machine, replaced when they die."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any, Protocol


class Workers(Protocol):
    """Where shards are done. `shared` says whether workers write to the same folders as we do.

    `lost` is what a shard raises whose worker died.
    """

    shared: bool
    count: int
    lost: tuple[type[BaseException], ...]

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have it done."""

    def renewed(self) -> None:
        """Have new workers in the place of those that died."""

    def stop(self) -> None:
        """End every worker now, whatever it is doing."""


class Processes:
    """Processes of this machine, which begin afresh (spawn), so that no thread of a framework is copied into them."""

    shared = True
    lost: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self, count: int) -> None:
        self.count = count
        self.pool: Executor = self._made()

    def _made(self) -> Executor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.count, mp_context=context, initializer=_born)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        with _deaf():  # here they begin
            return self.pool.submit(function, *arguments)

    def renewed(self) -> None:
        self.stop()
        self.pool = self._made()

    def stop(self) -> None:
        mine = [child for child in multiprocessing.active_children() if "SpawnProcess" in child.name]
        for child in mine:
            child.kill()
        self.pool.shutdown(wait=True, cancel_futures=True)  # at once: there is nobody left to wait for


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that begin within it do not hear Ctrl-C: not while they import either, before they are told to leave it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let this one hear again once it has begun
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _born() -> None:
    """A worker leaves Ctrl-C and the end of the terminal to the campaign, and ends with it."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
