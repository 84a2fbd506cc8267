"""Shards on the workers of a Dask scheduler.

What a worker loses is computed again by another: a shard depends on the dump and the plan alone, so it comes to the same digits.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.auditing import files
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import one_thread
from gradcheck.auditing.shards import shard
from gradcheck.auditing.sums import Sums
from gradcheck.cluster import connected, result


def _shard(path: Path, layout: dict[str, Any], plan: Plan, parts: list[slice]) -> Sums:
    with one_thread(), np.errstate(all="ignore"):
        found = files.load(path, **layout)
        return shard(replace(found, divided=plan.loss.N), plan, parts)


def shards(scheduler: str, path: Path, layout: dict[str, Any], plan: Plan) -> Iterator[Sums]:
    """The sums of each shard, in order."""
    client = connected(scheduler)
    with client:
        waiting = [client.submit(_shard, path, layout, plan, parts, pure=False) for parts in plan.shards]
        while waiting:
            yield result(waiting.pop(0), scheduler)
