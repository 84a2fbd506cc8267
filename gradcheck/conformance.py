"""A conformance run: problems drawn by Hypothesis, judged by every check, and each failure shrunk by itself."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir

from gradcheck import cases, causes, diagnosis, layouts, repeating, sizes, unposed, verify
from gradcheck.checks.meant import MEANT
from gradcheck.drawing import pose
from gradcheck.implementations import BUILT_IN, Implementation, adapt, posing
from gradcheck.implementations.quiet import quiet
from gradcheck.law import CrossEntropy
from gradcheck.problem import Problem
from gradcheck.shrinking import Shrinking
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome, Verdict
from gradcheck.verify import Failure, Run

BESIDE = 8  # problems a little smaller than those that are shown, which are judged to tell sizes
Progress = Callable[[str, int], None]  # what is being done, and how many problems have been judged


def homeless() -> None:
    """Hypothesis keeps notes in `.hypothesis` of the current folder; those of a run of ours have no place."""
    set_hypothesis_home_dir(os.devnull)


def replay(implementation: Implementation, case: cases.Case, path: Path, checks: Iterable[str] = ()) -> Run:
    """Judge one saved problem again: by the given checks (globs), else by the one that it was saved for, else by all."""
    dtype = case.problem.precision.name
    implementation.require(dtype)
    chosen = verify.select(tuple(checks) or filter(None, [case.check]))
    tallies = {check.name: Tally(check) for check in chosen}
    problem = posing.drawn(implementation, case.problem)
    with quiet() as printed:
        verdicts, state = repeating.asked_again(implementation, problem, chosen, case.calls)
        for name, verdict in verdicts.items():
            tallies[name].add(problem, verdict)
    failures = tuple(replace(_failure(t, *t.first), case=str(path)) for t in tallies.values() if t.first)
    declared = implementation.layout, implementation.arithmetic, implementation.law
    run = Run(implementation.name, dtype, 0, 1, ("*",), 1, tallies, *declared, failures, diagnosis=state)
    run = replace(run, takes=implementation.takes)
    with quiet():
        run = causes.pictured(run, adapt(implementation))
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
    require: Iterable[str] = (),
    progress: Progress = lambda doing, done: None,
) -> Run:
    """Judge an implementation on `max_examples` problems of one precision, and shrink each failure.

    With `careful`, to lose bits that careful code keeps is a failure, too. What is in `require`, functions or checks, has to be
    judged (`Run.lacking`).
    The same arguments give the same verdicts. Ctrl-C ends the run early with what has been judged so far.
    """
    implementation.require(dtype)
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
        takes=original.takes,
        required=verify.required(require),
    )

    def body(problem: Problem) -> None:
        judging.judge(problem)
        progress("judging", judging.done)

    failures: list[Failure] = []
    found, interrupted = run, False
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
            progress("diagnosing", judging.done)
            found = replace(run, failures=tuple(failures))
            found = _told(found, original, implementation, judging)
        except KeyboardInterrupt:
            interrupted = True
            failures += _unshrunken(tallies, failures)
            # what is known is explained, which takes a moment; not if that was interrupted
            with suppress(KeyboardInterrupt):
                known, found = not found.failures, replace(run, failures=tuple(failures))
                found = _told(found, original, implementation, judging) if known else found
    nameless = original.home.start is None and original.name not in BUILT_IN
    asked = unposed.Asked(dtype, run.regimes, chosen, judging.done)
    gaps = unposed.gaps(original, judging.watch, asked)
    found = replace(found, problems=judging.done, nameless=nameless, unposed=gaps)
    with quiet():
        found = found if interrupted else causes.pictured(found, implementation)
    return replace(found, interrupted=interrupted, printed=printed.size, notes=tuple(original.home.notes))


def _told(run: Run, original: Implementation, implementation: Implementation, judging: verify.Judging) -> Run:
    """The same run with what would explain its failures: another declaration, or a mistake."""
    tallies, passing = run.tallies, judging.passing
    if not run.failures:
        return run
    own = [failure for failure in run.failures if failure.check.name not in MEANT]  # a use of gradients tells its cause
    failing = [problem for failure in own for problem in tallies[failure.check.name].failing]
    failing += [failure.problem for failure in own if not failure.verdict.final]
    state = diagnosis.state(implementation, failing, passing, judging.record)  # before anything else is thought of
    meant = None if state else layouts.meant(original, tallies.values(), passing)
    rounds = layouts.rounds(original, tallies.values(), passing)
    likely = None
    if own and not (meant and _other_loss(meant[1], original.law)):  # one story, and this one explains everything
        beside = _beside(run, implementation)
        likely = diagnosis.diagnose(implementation, failing, [*passing, *beside], record=judging.record)
    kept = tuple(_explained(failure, tallies[failure.check.name], likely) for failure in run.failures)
    found = replace(run, failures=kept, rounds=rounds, diagnosis=likely)
    return replace(found, meant=meant[0], meant_law=meant[1]) if meant else found


def _beside(run: Run, implementation: Implementation) -> list[Problem]:
    """The smallest failing problems with one less of a long side, if these pass."""
    shown = {f.problem.digest: f.problem for f in run.failures if not f.verdict.final}
    shorter = [shorter for problem in shown.values() for shorter in sizes.shortened(problem)][:BESIDE]
    return verify.parted(implementation, shorter, [failure.check for failure in run.failures])[1]


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
    shrinking = Shrinking(implementation)
    failed = [tally for tally in run.tallies.values() if tally.first is not None and tally.failed]
    for tally in failed:
        progress(f"shrinking {tally.check.name}")
        failures.append(_failure(tally, *shrinking.of(tally)))
    found = shrinking.settled([(f.check, (f.problem, f.verdict)) for f in failures])
    failures[:] = [_failure(tally, *each) for tally, each in zip(failed, found, strict=True)]


def _unshrunken(tallies: Mapping[str, Tally], failures: list[Failure]) -> list[Failure]:
    """The other failures, each on the first problem that it was found on."""
    names = {failure.check.name for failure in failures}
    return [_failure(t, *t.first) for name, t in tallies.items() if t.first and t.failed and name not in names]


def _failure(tally: Tally, problem: Problem, verdict: Verdict) -> Failure:
    failed = tally.counts[Outcome.DISAGREE] + tally.counts[Outcome.ERRORED]
    return Failure(tally.check, problem, verdict, failed, tally.judged)


def saved(run: Run, folder: Path, again: Callable[[], Implementation] | None = None) -> Run:
    """The same run with every failure's problem saved as a case in `folder`.

    Each is repeated before it is told how: by its file, with what `again` loads anew.
    """
    kept = [
        replace(f, case=str(cases.save(cases.Case(f.problem, f.check.name, run.target), folder))) for f in run.failures
    ]
    found = replace(run, failures=tuple(kept))
    if again is None and run.nameless:
        return replace(found, failures=tuple(replace(f, again=repeating.by_hand(f.case)) for f in kept))
    return repeating.checked(found, again) if again else found
