"""Workers of a Dask cluster. Our one door to distributed."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from gradcheck.errors import Missing, Unusable

SECONDS = 10  # how long a scheduler is waited for


class Cluster:
    """A Dask cluster by the address of its scheduler. Shards of workers that are lost are done again by others."""

    shared = False

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError:
            raise Missing.extra(f"--scheduler {address}", "distributed", "fuzz") from None
        try:
            self.client = Client(address, timeout=SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as problem:
            raise Unusable(
                f"no Dask scheduler answers at {address} ({problem or type(problem).__name__}); expected such as tcp://host:8786"
            ) from None
        self.count = max(sum(self.client.nthreads().values()), 1)
        self.executor = self.client.get_executor(pure=False, retries=2)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        return self.executor.submit(function, *arguments)

    def renewed(self) -> None:
        pass  # Dask's nannies do that

    def stop(self) -> None:
        self.executor.shutdown(wait=False)
        self.client.close(timeout=1)
