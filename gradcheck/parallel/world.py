"""Worlds: one number of ranks each, with all that is asked of it. Judged here, or each as one task of a worker of a Dask cluster.

A world is never torn: its processes speak to one another over the worker's own loopback, and end with the task.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from gradcheck import conformance
from gradcheck.arithmetic import Arithmetic
from gradcheck.cluster import connected, result
from gradcheck.implementations.peer import Limits
from gradcheck.law import CrossEntropy
from gradcheck.parallel import kept
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.forks import Origin
from gradcheck.parallel.judging import Progress, judged
from gradcheck.shares import Shares
from gradcheck.verify import Run

ALONE = Lock()  # a worker judges one world at a time, however many threads it has: each is several processes


@dataclass(frozen=True)
class World:
    """Data alone. With `again`, each failure is asked once more of ranks that are started anew."""

    word: str
    shares: Shares
    law: CrossEntropy
    arithmetic: Arithmetic
    limits: Limits
    dtype: str
    seed: int
    count: int
    again: bool

    def run(self, origin: Origin | None = None, progress: Progress = lambda doing, done: None) -> Run:
        """What is found in it."""
        asked: dict[str, Any] = {"dtype": self.dtype, "seed": self.seed, "count": self.count, "progress": progress}
        with Crew(self.shares.ranks, self.limits, origin) as crew:
            found = judged(self.word, crew, self.shares, self.law, self.arithmetic, **asked)
        return kept.repeated(found, self.word, self.limits, origin) if self.again else found


def runs(worlds: Sequence[World], scheduler: str | None, progress: Progress) -> Iterator[Run]:
    """What is found in each of them, in order: here, one after the other, or on the workers of a scheduler, all at once."""
    if scheduler is not None:
        yield from _elsewhere(worlds, scheduler, progress)
        return
    with Origin() as origin:
        for world in worlds:
            yield world.run(origin, progress)


def _elsewhere(worlds: Sequence[World], scheduler: str, progress: Progress) -> Iterator[Run]:
    with connected(scheduler) as client:
        waiting = [client.submit(_task, replace(world, word=_absolute(world.word)), pure=False) for world in worlds]
        for world, future in zip(worlds, waiting, strict=True):
            found = result(future, scheduler)
            progress(world.shares.count, found.problems)
            yield replace(
                found, target=f"{world.word} on {world.shares.count}", command=(world.word, *found.command[1:])
            )


def _task(world: World) -> Run:
    """On a worker. What judged it stays there: it holds processes that have ended."""
    conformance.homeless()
    with ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Hypothesis's, that random numbers are drawn meanwhile: by threads of Dask
        found = world.run()
    for tally in found.tallies.values():
        tally.check = replace(tally.check, function=_there)
    return replace(found, failures=tuple(replace(f, check=found.tallies[f.check.name].check) for f in found.failures))


def _there(*trial: Any) -> Any:
    raise AssertionError("it was judged elsewhere")


def _absolute(word: str) -> str:
    """The same script for who runs in another folder, and sees the same files."""
    file, colon, function = word.rpartition(":")
    return f"{Path(file).absolute()}{colon}{function}" if Path(file).is_file() else word
