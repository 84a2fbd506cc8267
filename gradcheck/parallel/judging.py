"""Problems judged on one number of ranks: what every rank together returns, tallied, and what is wrong made small and explained."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from gradcheck import arithmetic, causes, explaining
from gradcheck.arithmetic import EVERY, Arithmetic
from gradcheck.checks import Trial
from gradcheck.clock import Late
from gradcheck.diagnosis import Diagnosis, Part
from gradcheck.drawing import pose
from gradcheck.implementations import Implementation, Layout, adapt, posing
from gradcheck.implementations.peer import Limits
from gradcheck.law import CrossEntropy
from gradcheck.parallel import faults
from gradcheck.parallel.arranged import arranged
from gradcheck.parallel.claims import NAMES, asked, checks
from gradcheck.parallel.crew import Crew
from gradcheck.problem import Problem
from gradcheck.shares import Shares
from gradcheck.shrinking import Shrinking
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome
from gradcheck.verify import Failure, Run

EXAMPLES = 60
USUAL = Limits(10.0, 4096)
WAYS = (Outcome.DISAGREE, Outcome.ERRORED)
ROWS = Layout(samples="rows", labels="index")
Progress = Callable[[str, int], None]


def rounding(declared: Arithmetic, shares: Shares) -> Arithmetic:
    """What is granted: log-sum-exps merged over ranks, and sums that were written down by each, or piece by piece."""
    k = shares.ranks
    merged = declared.merged if declared.merged == EVERY else max(int(declared.merged), k * shares.by_classes)
    pieces = shares.pieces * (k if shares.gradients == "shared" else 1)
    return replace(declared, merged=merged if k > 1 else declared.merged, pieces=max(declared.pieces, pieces))


class Judging:
    """Checks of one function on a crew; those of `only` names, or all. Each way of failing has a tally of its own, too."""

    def __init__(
        self,
        word: str,
        crew: Crew,
        shares: Shares,
        *,
        law: CrossEntropy,
        declared: Arithmetic,
        only: Collection[str] = NAMES,
    ) -> None:
        crew.turn_to(word)
        self.word, self.crew, self.shares, self.law, self.declared = word, crew, shares, law, declared
        self.implementation = Implementation(
            word, _unasked, layout=ROWS, law=law, arithmetic=rounding(declared, shares), takes=shares.takes
        )
        self.adapted = adapt(self.implementation)
        self.checks = tuple(check for check in checks(crew, shares) if check.name in only)
        self.tallies = {check.name: Tally(check) for check in self.checks}
        self.ways = {(check.name, outcome): Tally(check) for outcome in WAYS for check in self.checks}
        self.done = 0

    def judge(self, problem: Problem) -> None:
        """One more. `Late` is raised where a rank ended: no other problem says more."""
        made = posing.drawn(self.implementation, problem)
        trial = Trial(self.adapted, made)
        verdicts = {check.name: check.judge(trial) for check in self.checks}
        for name, verdict in verdicts.items():
            self.tallies[name].add(made, verdict)
            if verdict.failed:
                self.ways[name, verdict.outcome].add(made, verdict)
        self.done += 1
        if any(verdict.final for verdict in verdicts.values()):
            raise Late

    def first(self) -> tuple[Failure, ...]:
        """Each way of failing on the first problem that showed it."""
        return tuple(self._failure(t, *t.first, shrunk=False) for t in self.ways.values() if t.first)

    def smallest(self) -> tuple[Failure, ...]:
        """On the smallest that is found."""
        shrinking = Shrinking(self.adapted)
        return tuple(self._failure(t, *shrinking.of(t)) for t in self.ways.values() if t.first)

    def _failure(self, tally: Tally, *found: Any, shrunk: bool = True) -> Failure:
        judged = self.tallies[tally.check.name].judged
        return replace(explaining.failure(tally, *found, shrunk=shrunk), judged=judged)

    def explained(self, run: Run) -> Run:
        """The run with the fault that is most of its disagreements, if one is, and with its arrays."""
        fault = faults.found(
            faults.first(self._failing()), lambda trial: asked(trial, self.crew, self.shares), self.shares
        )
        if fault:
            off = [f.check.name for f in run.failures if f.verdict.outcome is Outcome.DISAGREE]
            part = Part(f"as if {fault.words}", frozenset(), checks=frozenset(off))
            counts = fault.explained, fault.examined
            kept = (replace(f, explained=counts) if f.check.name in off else f for f in run.failures)
            run = replace(run, failures=tuple(kept), diagnosis=Diagnosis((part,)))
        return causes.pictured(run, self.adapted)

    def _failing(self) -> Iterator[tuple[str, Trial]]:
        for (name, outcome), tally in self.ways.items():
            if outcome is Outcome.DISAGREE:
                yield from ((NAMES[name], Trial(self.adapted, problem)) for problem in tally.failing)

    def run(self, dtype: str, seed: int = 0, count: int = 1) -> Run:
        """All of it as a run, of which nothing is explained yet."""
        limits = {
            "time_limit": (self.crew.limits.seconds, USUAL.seconds),
            "memory_limit": (self.crew.limits.memory, USUAL.memory),
        }
        said = {
            **self.law.said,
            **self.declared.said,
            **{name: it for name, (it, usual) in limits.items() if it != usual},
        }
        return Run(
            f"{self.word} on {self.shares.count}", dtype, seed, count, ("*",), self.done, self.tallies, ROWS, self.declared,
            self.law, self.first(), command=(self.word, *arithmetic.options(said)), shares=self.shares,
        )  # fmt: skip


def judged(
    word: str,
    crew: Crew,
    shares: Shares,
    law: CrossEntropy = CrossEntropy(),  # noqa: B008 - immutable
    declared: Arithmetic = Arithmetic(),  # noqa: B008
    *,
    dtype: str = "float64",
    seed: int = 0,
    count: int = EXAMPLES,
    progress: Progress = lambda doing, done: None,
) -> Run:
    """One number of ranks. It ends where a rank does. Ctrl-C leaves what is known by then."""
    judging = Judging(word, crew, shares, law=law, declared=declared)

    def judge(problem: Problem) -> None:
        try:
            judging.judge(arranged(problem, shares, judging.done))
        finally:
            progress(shares.count, judging.done)

    found = judging.run(dtype, seed, count)
    try:
        try:
            asked_of = judging.implementation
            pose(judge, dtype=dtype, regimes=("*",), seed=seed, count=count, shrink=False, implementation=asked_of)
        except Late:
            pass
        found = judging.run(dtype, seed, count)
        progress("making what fails smaller", judging.done)
        found = replace(found, failures=judging.smallest())
        return judging.explained(found)
    except KeyboardInterrupt:  # what has been judged by then is told
        return replace(judging.run(dtype, seed, count), interrupted=True)


def _unasked(*arrays: Any) -> Any:
    raise AssertionError("the ranks are asked")
