"""Shards on the workers of a Dask scheduler. The only door to dask and distributed.

What a worker loses is computed again by another: a shard depends on the dump and the plan alone, so it comes to the same digits.
"""

from collections.abc import Iterator
from pathlib import Path

from gradcheck.auditing import blocks, dump
from gradcheck.auditing.blocks import Plan, Sums
from gradcheck.errors import Missing, Unusable


def _shard(path: Path, layout: dict[str, str], plan: Plan, parts: list[slice]) -> Sums:
    with blocks.one_thread():
        return blocks.shard(dump.load(path, **layout), plan, parts)


def shards(scheduler: str, path: Path, layout: dict[str, str], plan: Plan) -> Iterator[Sums]:
    """The sums of each shard, in order."""
    try:
        from distributed import Client
    except ImportError:
        raise Missing.extra("--scheduler", "distributed", "audit") from None
    try:
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise Unusable(f"no Dask scheduler answers at {scheduler}: {' '.join(str(problem).split())}") from None
    with client:
        waiting = [client.submit(_shard, path, layout, plan, parts, pure=False) for parts in plan.shards]
        while waiting:
            yield waiting.pop(0).result()
