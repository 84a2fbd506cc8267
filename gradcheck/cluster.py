"""A connection to a Dask scheduler, for audits and campaigns. The only door to distributed."""

import logging
from concurrent.futures import CancelledError
from typing import Any

from gradcheck.errors import Missing, Unusable, text

SECONDS = 10  # how long a scheduler is waited for
TALKING = ("client", "batched", "comm", "core")  # of distributed; what becomes of a connection is told by us


def connected(address: str) -> Any:
    """A `distributed.Client`. `Missing` where distributed is not installed; `Unusable` where no scheduler answers."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise Missing.package(f"--scheduler {address}", "distributed") from None
    for name in TALKING:
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        said = text(problem, str) or type(problem).__name__
        raise Unusable(f"no Dask scheduler answers at {address} ({said}); expected such as tcp://host:8786") from None


def lost() -> type[BaseException]:
    """What a future raises where every worker that tried was lost."""
    from distributed import KilledWorker

    found: type[BaseException] = KilledWorker
    return found


def result(future: Any, address: str) -> Any:
    """What a future comes to; `Unusable` where the scheduler is gone, or every worker that tried was lost."""
    try:
        return future.result()
    except (lost(), CancelledError, OSError) as problem:
        said = text(problem, str) or type(problem).__name__
        raise Unusable(
            f"the workers of {address} did not finish ({said}); look at their logs, and start again"
        ) from None
