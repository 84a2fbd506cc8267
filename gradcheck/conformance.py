"""A conformance run: problems drawn by Hypothesis, judged by every check, and each failure shrunk by itself."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky

from gradcheck import cases, clock, diagnosis, layouts, precision, verify
from gradcheck.checks import Check, Trial
from gradcheck.drawing import pose
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, adapt, posing
from gradcheck.implementations.quiet import quiet
from gradcheck.law import CrossEntropy
from gradcheck.problem import Problem
from gradcheck.reduction import reduce
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome, Verdict
from gradcheck.verify import Failure, Run

Progress = Callable[[str, int], None]  # what is being done, and how many problems have been judged


class Found(Exception):
    """Raised to tell Hypothesis of a failing problem; carries it out again once it is the smallest."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


def homeless() -> None:
    """Hypothesis keeps notes in `.hypothesis` of the current folder; those of a run of ours have no place."""
    set_hypothesis_home_dir(os.devnull)


def shrunk(
    implementation: Implementation,
    check: Check,
    tally: Tally,
    run: Run,
    known: list[Problem],
    *,
    within: Callable[[Problem], bool] = lambda problem: True,
    database: ExampleDatabase | None = None,
) -> Failure:
    """The smallest problem on which this check fails in the same way; the first one found where shrinking fails.

    A problem on which another check has failed already is taken where this one fails on it, too: one case to look at.
    No problem outside of `within` is taken. A `database` keeps what Hypothesis shrinks, for others to begin with.
    """
    assert tally.first is not None
    problem, verdict = tally.first
    wanted = verdict.outcome
    if verdict.final:
        return _failure(tally, problem, verdict)

    def judged(candidate: Problem) -> Verdict:
        clock.look()
        return check.judge(Trial(implementation, candidate))

    def fails(candidate: Problem) -> bool:
        return within(candidate) and judged(candidate).outcome is wanted

    def body(candidate: Problem) -> None:
        if fails(candidate):
            raise Found(candidate)

    for candidate in filter(within, known):
        found = judged(candidate)
        if found.outcome is wanted:
            return _failure(tally, candidate, found)
    try:
        pose(
            body,
            dtype=run.dtype,
            regimes=run.regimes,
            seed=run.seed,
            count=run.max_examples,
            shrink=True,
            database=database,
            implementation=implementation,
        )
    except Found as smallest:
        problem = posing.drawn(implementation, reduce(smallest.problem, fails))
        found = judged(problem)
        verdict = found if found.outcome is wanted else verdict
    except (Flaky, BaseExceptionGroup):
        pass  # the target does not repeat itself: the check `repeatable` says so, and the first problem stands
    known.append(problem)
    return _failure(tally, problem, verdict)


def require(implementation: Implementation, dtype: str) -> None:
    """Raise `Unusable` where there is no such precision, or where the implementation is not made for it."""
    precision.named(dtype)
    if dtype not in implementation.dtypes:
        raise Unusable(f"{implementation.name} does not offer {dtype}; it offers {', '.join(implementation.dtypes)}")


def replay(implementation: Implementation, case: cases.Case, path: Path, checks: Iterable[str] = ()) -> Run:
    """Judge one saved problem again: by the given checks (globs), else by the one that it was saved for, else by all."""
    dtype = case.problem.precision.name
    require(implementation, dtype)
    chosen = verify.select(tuple(checks) or filter(None, [case.check]))
    tallies = {check.name: Tally(check) for check in chosen}
    problem = posing.drawn(implementation, case.problem)
    with quiet() as printed:
        for name, verdict in verify.judge(implementation, problem, chosen).items():
            tallies[name].add(problem, verdict)
    failures = tuple(replace(_failure(t, *t.first), case=str(path)) for t in tallies.values() if t.first)
    declared = implementation.layout, implementation.arithmetic, implementation.law
    run = Run(implementation.name, dtype, 0, 1, ("*",), 1, tallies, *declared, failures)
    return replace(run, printed=printed.size, notes=tuple(implementation.home.notes))


def conform(
    implementation: Implementation,
    *,
    dtype: str = "float64",
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int = 200,
    seed: int = 0,
    careful: bool = False,
    progress: Progress = lambda doing, done: None,
) -> Run:
    """Judge an implementation on `max_examples` problems of one precision, and shrink each failure.

    With `careful`, to lose bits that careful code keeps is a failure, too.
    The same arguments give the same verdicts. Ctrl-C ends the run early with what has been judged so far.
    """
    require(implementation, dtype)
    implementation.home.look()  # before problems are drawn
    verify.known(implementation.expected_failures)
    chosen = verify.select(checks)
    layout, original, implementation = implementation.layout, implementation, adapt(implementation)
    judging = verify.Judging(implementation, chosen, dtype, careful=careful)
    tallies = judging.tallies
    run = Run(
        implementation.name,
        dtype,
        seed,
        max_examples,
        tuple(regimes) or ("*",),
        0,
        tallies,
        layout,
        original.arithmetic,
        original.law,
    )

    def body(problem: Problem) -> None:
        judging.judge(problem)
        progress("judging", judging.done)

    failures: list[Failure] = []
    meant, rounds, likely, interrupted = None, None, None, False
    with quiet() as printed:
        try:
            pose(
                body,
                dtype=dtype,
                regimes=run.regimes,
                seed=seed,
                count=max_examples,
                shrink=False,
                implementation=original,
            )
            verify.settle(tallies, judging.done)
            _shrunken(run, implementation, lambda doing: progress(doing, judging.done), failures)
            if failures:
                meant = layouts.meant(original, tallies.values())
                rounds = layouts.rounds(original, tallies.values())
                progress("diagnosing", judging.done)
                if not (meant and _other_loss(meant[1], original.law)):  # one story, and this one explains everything
                    failing = [problem for tally in tallies.values() if tally.failed for problem in tally.failing]
                    failing += [failure.problem for failure in failures if not failure.verdict.final]
                    likely = diagnosis.diagnose(implementation, failing, judging.passing, record=judging.record)
        except KeyboardInterrupt:
            interrupted = True
            failures += _unshrunken(tallies, failures)
    kept = tuple(_explained(failure, tallies[failure.check.name], likely) for failure in failures)
    found = replace(run, problems=judging.done, failures=kept, rounds=rounds, diagnosis=likely)
    found = replace(found, meant=meant[0], meant_law=meant[1]) if meant else found
    return replace(found, interrupted=interrupted, printed=printed.size, notes=tuple(original.home.notes))


def _other_loss(one: CrossEntropy, other: CrossEntropy) -> bool:
    """Whether they differ in more than the reduction, which has a story of its own."""
    return replace(one, reduction=other.reduction) != other


def _explained(failure: Failure, tally: Tally, likely: diagnosis.Diagnosis | None) -> Failure:
    if likely is None or not likely.concerns(failure.check.needs):
        return failure
    return replace(failure, explained=likely.counts(tally.failing))


def _shrunken(
    run: Run, implementation: Implementation, progress: Callable[[str], None], failures: list[Failure]
) -> None:
    """Shrink every failure that was not expected, one after the other; those that are done stand in `failures`."""
    known: list[Problem] = []
    for tally in run.tallies.values():
        if tally.first is not None and tally.failed:
            progress(f"shrinking {tally.check.name}")
            failures.append(shrunk(implementation, tally.check, tally, run, known))


def _unshrunken(tallies: Mapping[str, Tally], failures: list[Failure]) -> list[Failure]:
    """The other failures, each on the first problem that it was found on."""
    names = {failure.check.name for failure in failures}
    return [_failure(t, *t.first) for name, t in tallies.items() if t.first and t.failed and name not in names]


def _failure(tally: Tally, problem: Problem, verdict: Verdict) -> Failure:
    failed = tally.counts[Outcome.DISAGREE] + tally.counts[Outcome.ERRORED]
    return Failure(tally.check, problem, verdict, failed, tally.judged)


def saved(run: Run, folder: Path) -> Run:
    """The same run with every failure's problem saved as a case in `folder`."""
    kept = tuple(
        replace(f, case=str(cases.save(cases.Case(f.problem, f.check.name, run.target), folder))) for f in run.failures
    )
    return replace(run, failures=kept)
