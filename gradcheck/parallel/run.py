"""A run on ranks: problems of one precision, judged on one process and on several, and what is wrong where they are wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from gradcheck import cases as files
from gradcheck import conformance, precision, verify
from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations.peer import Limits
from gradcheck.law import CrossEntropy
from gradcheck.parallel import named
from gradcheck.parallel.judging import EXAMPLES, USUAL, Progress
from gradcheck.parallel.world import World, runs
from gradcheck.shares import Shares
from gradcheck.verify import Run


@dataclass(frozen=True)
class Ranked:
    """All verdicts of one script in one precision: a run for each number of ranks."""

    target: str
    runs: tuple[Run, ...] = ()
    interrupted: bool = False

    @property
    def failed(self) -> bool:
        """Whether it fails on any number of ranks."""
        return any(run.failed for run in self.runs)

    @property
    def status(self) -> int:
        """Exit status: as that of `gradcheck verify`."""
        return verify.status(self.runs)

    def report(self) -> str:
        """What `gradcheck ranks` says of it."""
        from gradcheck.parallel import telling
        from gradcheck.reports import told

        return told.page(partial(telling.show, self))

    __str__ = report


def ranks(
    target: Any,
    *,
    ranks: int | Iterable[int] = (2, 3),
    split: str = "classes",
    pieces: int = 1,
    loss: str = "",
    gradients: str = "",
    even: bool = False,
    dtype: str = "float64",
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    max_examples: int = EXAMPLES,
    seed: int = 0,
    alone: bool = True,
    time_limit: float = USUAL.seconds,
    memory_limit: int = USUAL.memory,
    cases: str | PathLike[str] | None = None,
    scheduler: str | None = None,
    progress: Progress = lambda doing, done: None,
) -> Ranked:
    """Run `target` on several local processes, each with its share of a problem, and judge what they return together.

    `target` is `file.py:function` or `package.module:function`, or such a function: `loss(Z, y)` or `loss(theta, b, X, y)` of
    torch tensors, or, annotated so, of NumPy arrays, samples in rows and labels as numbers of classes, called in a process
    group of gloo. Each rank is handed its
    part: of `classes`, of `samples`, or of the positions of a `sequence`, in so many `pieces`. `loss` and `gradients` say what a
    rank's result is: `sum`, a part that is added to the others; `shared`, the whole; or `mean`, a part of a mean of means.
    With `alone`, it is judged in one process, too. With `even`, only sizes that divide are posed. Failing
    problems are saved in the folder `cases`, if one is given. With the address of a Dask `scheduler`, such as tcp://host:8786, each
    number of ranks is a task of one of its workers, which must see the script. See docs/ranks.md.

        >>> import gradcheck
        >>> law = gradcheck.CrossEntropy(smoothing=0.1)
        >>> run = gradcheck.ranks("examples/ranks/parallel.py:vocabulary", ranks=(2,), law=law, alone=False, max_examples=5)
        >>> run.failed, [of.problems for of in run.runs]
        (False, [5])
    """
    word = named.word(target)
    declared, rounds = law or CrossEntropy(), arithmetic or Arithmetic()
    named.require(
        declared, rounds, max_examples=max_examples, seed=seed, time_limit=time_limit, memory_limit=memory_limit
    )
    precision.named(dtype)
    shares = [Shares(split, k, pieces, loss, gradients, even) for k in named.counts(ranks, alone=alone)]
    if cases is not None:
        files.prepare(Path(cases))
    limits, told = Limits(time_limit, memory_limit), (dtype, seed, max_examples, cases is not None)
    worlds = [World(word, each, declared, rounds, limits, *told) for each in shares]
    found, interrupted = list[Run](), False
    try:
        for run in runs(worlds, scheduler, progress):
            found.append(run if cases is None else conformance.saved(run, Path(cases)))
            if run.interrupted:
                break
    except KeyboardInterrupt:
        interrupted = True
    interrupted |= any(run.interrupted for run in found)
    return Ranked(word, tuple(found), interrupted)
