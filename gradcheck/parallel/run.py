"""A run on ranks: problems of one precision, judged on one process and on several, and what is wrong where they are wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck import precision
from gradcheck.arithmetic import EVERY, Arithmetic
from gradcheck.checks import Trial
from gradcheck.clock import Late
from gradcheck.drawing import pose
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, Layout, adapt, posing
from gradcheck.implementations.peer import Limits
from gradcheck.law import CrossEntropy
from gradcheck.parallel import faults, named
from gradcheck.parallel.arranged import arranged
from gradcheck.parallel.claims import asked, checks
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.faults import Fault
from gradcheck.parallel.shares import Shares
from gradcheck.problem import Problem
from gradcheck.shrinking import Shrinking
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome, Verdict

EXAMPLES = 60
SECONDS, MEMORY = 10.0, 4096
WAYS = (Outcome.DISAGREE, Outcome.ERRORED)
ROWS = Layout(samples="rows", labels="index")
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Wrong:
    """A quantity that fails: the smallest problem found on which it does, and its verdict there."""

    name: str
    problem: Problem
    verdict: Verdict


@dataclass(frozen=True)
class OfRanks:
    """What was found on so many ranks: the tally of each quantity, what fails, and the fault that explains it, if one does."""

    shares: Shares
    problems: int
    tallies: Mapping[str, Tally]
    wrong: tuple[Wrong, ...] = ()
    fault: Fault | None = None
    interrupted: bool = False

    @property
    def failed(self) -> bool:
        """Whether anything disagrees or errored."""
        return any(tally.failed for tally in self.tallies.values())

    @property
    def judged(self) -> bool:
        """Whether anything could be judged."""
        return any(tally.judged for tally in self.tallies.values())


@dataclass(frozen=True)
class Ranked:
    """All verdicts of one script in one precision, on each number of ranks."""

    target: str
    dtype: str
    seed: int
    max_examples: int
    law: CrossEntropy
    arithmetic: Arithmetic
    runs: tuple[OfRanks, ...] = field(default=())
    interrupted: bool = False

    @property
    def failed(self) -> bool:
        """Whether it fails on any number of ranks."""
        return any(run.failed for run in self.runs)

    @property
    def status(self) -> int:
        """Exit status: as that of `gradcheck verify`."""
        return 1 if self.failed else 0 if self.runs and all(run.judged for run in self.runs) else 3

    def report(self) -> str:
        """What `gradcheck ranks` says of it."""
        from gradcheck.parallel import telling

        return "\n".join(line for _, line in telling.lines(self))

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
    time_limit: float = SECONDS,
    memory_limit: int = MEMORY,
    progress: Progress = lambda doing, done: None,
) -> Ranked:
    """Run `target` on several local processes, each with its share of a problem, and judge what they return together.

    `target` is `file.py:function` or `package.module:function`, or such a function: `loss(Z, y)` or `loss(theta, b, X, y)` of
    torch tensors, samples in rows and labels as numbers of classes, called in a process group of gloo. Each rank is handed its
    part: of `classes`, of `samples`, or of the positions of a `sequence`, in so many `pieces`. `loss` and `gradients` say what a
    rank's result is: `sum`, a part that is added to the others; `shared`, the whole; or `mean`, a part of a mean of means.
    With `alone`, it is judged in one process, too. With `even`, only sizes that divide are posed. See docs/ranks.md.

        >>> import gradcheck
        >>> law = gradcheck.CrossEntropy(smoothing=0.1)
        >>> run = gradcheck.ranks("examples/ranks/parallel.py:vocabulary", ranks=(2,), law=law, alone=False, max_examples=5)
        >>> run.failed, [of.problems for of in run.runs]
        (False, [5])
    """
    word = named.word(target)
    declared, rounds = law or CrossEntropy(), arithmetic or Arithmetic()
    if getattr(declared, "own", False):
        raise Unusable("a loss of one's own is not judged on ranks; expected a cross-entropy and its options")
    named.require(
        declared, rounds, max_examples=max_examples, seed=seed, time_limit=time_limit, memory_limit=memory_limit
    )
    precision.named(dtype)
    shares = [Shares(split, k, pieces, loss, gradients, even) for k in named.counts(ranks, alone=alone)]
    settings: dict[str, Any] = {"dtype": dtype, "seed": seed, "count": max_examples, "progress": progress}
    limits = Limits(time_limit, memory_limit)
    found, interrupted = list[OfRanks](), False
    try:
        for each in shares:
            with Crew(each.ranks, limits) as crew:
                found.append(judged(word, crew, each, declared, rounds, **settings))
            if found[-1].interrupted:
                break
    except KeyboardInterrupt:
        interrupted = True
    interrupted |= any(run.interrupted for run in found)
    return Ranked(word, dtype, seed, max_examples, declared, rounds, tuple(found), interrupted)


def rounding(declared: Arithmetic, shares: Shares) -> Arithmetic:
    """What is granted: log-sum-exps merged over ranks, and sums that were written down by each, or piece by piece."""
    k = shares.ranks
    merged = declared.merged if declared.merged == EVERY else max(int(declared.merged), k * shares.by_classes)
    pieces = shares.pieces * (k if shares.gradients == "shared" else 1)
    return replace(declared, merged=merged if k > 1 else declared.merged, pieces=max(declared.pieces, pieces))


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
) -> OfRanks:
    """One number of ranks. It ends where a rank does: no other problem says more."""
    crew.turn_to(word)
    implementation = Implementation(
        word, _unasked, layout=ROWS, law=law, arithmetic=rounding(declared, shares), takes=shares.takes
    )
    adapted, claims = adapt(implementation), checks(crew, shares)
    tallies = {check.name: Tally(check) for check in claims}
    ways = {(check.name, outcome): Tally(check) for outcome in WAYS for check in claims}  # of failing
    done = [0]

    def judge(problem: Problem) -> None:
        made = posing.drawn(implementation, arranged(problem, shares, done[0]))
        trial = Trial(adapted, made)
        verdicts = {check.name: check.judge(trial) for check in claims}
        for name, verdict in verdicts.items():
            tallies[name].add(made, verdict)
            if verdict.failed:
                ways[name, verdict.outcome].add(made, verdict)
        done[0] += 1
        progress(f"{shares.ranks} rank{'s' * (shares.ranks > 1)}", done[0])
        if any(verdict.final for verdict in verdicts.values()):
            raise Late

    try:
        pose(judge, dtype=dtype, regimes=("*",), seed=seed, count=count, shrink=False, implementation=implementation)
    except Late:
        pass
    except KeyboardInterrupt:  # what has been judged by then is told
        first = [Wrong(tally.check.name, *tally.first) for tally in ways.values() if tally.first]
        return OfRanks(shares, done[0], tallies, tuple(first), interrupted=True)
    progress("making what fails smaller", done[0])
    wrong = tuple(_smallest(ways.values(), adapted))
    failing = (
        (name, Trial(adapted, problem))
        for (name, outcome), tally in ways.items()
        if outcome is Outcome.DISAGREE
        for problem in tally.failing
    )
    fault = faults.found(faults.first(failing), lambda trial: asked(trial, crew, shares), shares)
    return OfRanks(shares, done[0], tallies, wrong, fault)


def _unasked(*arrays: Any) -> Any:
    raise AssertionError("the ranks are asked")


def _smallest(ways: Iterable[Tally], adapted: Implementation) -> Iterator[Wrong]:
    shrinking = Shrinking(adapted)
    for tally in ways:
        if tally.first is not None:
            yield Wrong(tally.check.name, *shrinking.of(tally))
