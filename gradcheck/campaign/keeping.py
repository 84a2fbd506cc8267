"""Failing problems that Hypothesis keeps in a database as they were drawn, for others to begin with."""

import contextlib
from collections.abc import Iterable
from unittest import SkipTest

from hypothesis import Phase
from hypothesis.database import ExampleDatabase

from gradcheck import clock, drawing
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.verify import Run


class Kept(ExampleDatabase):
    """A database out of which nothing is taken: Hypothesis would take out what does not fail here."""

    def __init__(self, inner: ExampleDatabase) -> None:
        super().__init__()
        self.inner = inner

    def save(self, key: bytes, value: bytes) -> None:
        self.inner.save(key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        return self.inner.fetch(key)

    def delete(self, key: bytes, value: bytes) -> None:
        """Never."""


class Drawn(Exception):
    """Tells Hypothesis that this is the problem to keep."""


def remember(
    problem: Problem, run: Run, implementation: Implementation, database: ExampleDatabase | None, *, held: bool
) -> None:
    """Have Hypothesis keep a problem as it was drawn by this run, or `held` by the database, for others to begin with."""
    if database is None:
        return

    def body(candidate: Problem) -> None:
        clock.look()
        if candidate.digest == problem.digest:
            raise Drawn

    with contextlib.suppress(Drawn, SkipTest):
        drawing.pose(
            body,
            dtype=run.dtype,
            regimes=("*",) if held else run.regimes,
            seed=0 if held else run.seed,
            count=run.max_examples,
            shrink=False,
            database=Kept(database),
            phases=(Phase.reuse,) if held else (Phase.generate,),
            implementation=implementation,
        )
