"""Workers of a Dask cluster."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from gradcheck.cluster import connected, lost


class Cluster:
    """A Dask cluster by the address of its scheduler. Shards of workers that are lost are done again by others."""

    shared = False

    def __init__(self, address: str) -> None:
        self.client = connected(address)
        self.lost: tuple[type[BaseException], ...] = (lost(),)
        self.count = max(sum(self.client.nthreads().values()), 1)
        self.executor = self.client.get_executor(pure=False, retries=2)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        return self.executor.submit(function, *arguments)

    def renewed(self) -> None:
        pass  # Dask's nannies do that

    def stop(self) -> None:
        with contextlib.suppress(Exception):  # whatever it raises where the scheduler is gone: nothing is left to stop
            self.executor.shutdown(wait=False)
        with contextlib.suppress(Exception):
            self.client.close(timeout=1)
