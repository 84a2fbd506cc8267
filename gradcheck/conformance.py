"""A conformance run: problems drawn by Hypothesis, judged by every check, and each failure shrunk by itself."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir

from gradcheck import budget as shares
from gradcheck import cases, causes, explaining, repeating, unposed, verify
from gradcheck.budget import Budget
from gradcheck.checks import Check, Trial
from gradcheck.checks.own import require_sound, require_steady
from gradcheck.clock import End, Late
from gradcheck.drawing import few, pose
from gradcheck.implementations import BUILT_IN, Implementation, adapt, posing
from gradcheck.implementations.quiet import quiet
from gradcheck.judging import Judging
from gradcheck.order import Heard as HeardVerdict
from gradcheck.order import Order
from gradcheck.problem import Problem
from gradcheck.tally import Tally
from gradcheck.verdict import Verdict
from gradcheck.verify import Cut, Failure, Run

MOMENT = 4.0  # seconds in which what failed is explained after an interrupt

Progress = Callable[[str, int], None]  # what is being done, and how many problems have been judged
Heard = Callable[[Failure], None]  # told of the first failure when it is found, as it was found


def homeless() -> None:
    """Hypothesis keeps notes in `.hypothesis` of the current folder; those of a run of ours have no place."""
    set_hypothesis_home_dir(os.devnull)


def replay(implementation: Implementation, case: cases.Case, path: Path, checks: Iterable[str] = ()) -> Run:
    """Judge one saved problem again: by the given checks (globs), else by the one that it was saved for, else by all."""
    dtype = case.problem.precision.name
    cases.require_alone(case, path)
    implementation.require(dtype)
    notes = posing.same_loss(implementation, case.problem, str(path))
    selected = verify.select(tuple(checks) or filter(None, [case.check]))
    chosen = tuple(check.of(implementation.law) for check in selected)
    tallies = {check.name: Tally(check) for check in chosen}
    problem = posing.drawn(implementation, case.problem)
    require_sound(problem)
    with quiet() as printed:
        verdicts, state = repeating.asked_again(implementation, problem, chosen, case.calls)
        if any(verdict.failed for verdict in verdicts.values()):
            require_steady(Trial(implementation, problem))
        for name, verdict in verdicts.items():
            tallies[name].add(problem, verdict)
    failures = tuple(replace(explaining.failure(t, *t.first), case=str(path)) for t in tallies.values() if t.first)
    declared = implementation.layout, implementation.arithmetic, implementation.law
    run = Run(
        implementation.name,
        dtype,
        0,
        1,
        ("*",),
        1,
        tallies,
        *declared,
        failures,
        diagnosis=state,
        takes=implementation.takes,
    )
    with quiet():
        run = causes.pictured(run, adapt(implementation))
    return replace(run, printed=printed.size, notes=(*notes, *implementation.home.notes))


def conform(
    implementation: Implementation,
    *,
    dtype: str = "float64",
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int = 200,
    seed: int = 0,
    careful: bool = False,
    budget: Budget | None = None,
    require: Iterable[str] = (),
    progress: Progress = lambda doing, done: None,
    heard: Heard = lambda failure: None,
) -> Run:
    """Judge an implementation on `max_examples` problems of one precision, and shrink each failure.

    With `careful`, to lose bits that careful code keeps is a failure, too. What is in `require`, functions or checks, has to be
    judged (`Run.lacking`). A `budget` ends it with what it has by then: `Run.cut`.
    The same arguments give the same verdicts. Ctrl-C ends the run early with what has been judged so far.
    """
    budget = budget or Budget()
    implementation.require(dtype)
    implementation.home.look()  # before problems are drawn
    implementation.home.pace.restart()
    verify.known(implementation.expected_failures)
    chosen = verify.select(checks)
    layout, original, implementation = implementation.layout, implementation, adapt(implementation)
    judging = Judging(implementation, chosen, dtype, careful=careful, few=frozenset(few(original, seed)))
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

    failures: list[Failure] = []
    found, interrupted, whole = run, False, False
    with quiet() as printed:
        try:
            with suppress(Late), budget.until(shares.JUDGED) as end:
                hear = _hearing(judging, budget, end, heard, progress)
                order = Order(judging, original.home.pace, hear, hurried=budget.limited)
                pose(
                    order.take,
                    dtype=dtype,
                    regimes=run.regimes,
                    seed=seed,
                    count=max_examples,
                    shrink=False,
                    implementation=original,
                )
                order.end()
                whole = True
            judging.finish()
            verify.settle(tallies, judging.done + judging.partly, 0.0 if whole else budget.seconds)
            explaining.shrunken(run, implementation, lambda doing: progress(doing, judging.done), failures, budget)
            progress("diagnosing", judging.done)
            found = explaining.told(replace(run, failures=tuple(failures)), original, implementation, judging, budget)
        except KeyboardInterrupt:
            interrupted = True
            judging.finish()
            failures += explaining.unshrunken(tallies, failures)
            # what is known is explained, as far as that goes in a moment; not if that was interrupted
            with suppress(KeyboardInterrupt):
                known, found = not found.failures, replace(run, failures=tuple(failures))
                moment = Budget(min(MOMENT, max(budget.left(), 1e-3)))
                found = explaining.told(found, original, implementation, judging, moment) if known else found
    nameless = original.home.start is None and original.name not in BUILT_IN
    asked = unposed.Asked(dtype, run.regimes, chosen, judging.done + judging.partly, budget.limited and not whole)
    gaps = unposed.gaps(original, judging.watch, asked)
    found = replace(found, problems=judging.done + judging.partly, nameless=nameless, unposed=gaps)
    with quiet():
        pictured = (
            None
            if interrupted
            else budget.spend(shares.TOLD, lambda: causes.pictured(found, implementation), what="arrays to show")
        )
    found = pictured or found
    if not interrupted and (budget.undone or not whole or not all(failure.shrunk for failure in found.failures)):
        found = replace(found, cut=Cut(budget.seconds, whole, judging.partly, tuple(budget.undone)))
    return replace(found, interrupted=interrupted, printed=printed.size, notes=tuple(original.home.notes))


def _hearing(judging: Judging, budget: Budget, end: End, heard: Heard, progress: Progress) -> HeardVerdict:
    """What is told of each verdict: the first failure is told of at once, and leaves time to explain it."""
    first, done = list[str](), [0]

    def hear(check: Check, problem: Problem, verdict: Verdict) -> None:
        if not first and judging.tallies[check.name].unforeseen(verdict):
            first.append(check.name)
            end.sooner(budget.moment(shares.FAILING))
            heard(Failure(check, problem, verdict, 1, 1))
        if judging.done != done[-1]:
            done[:] = [judging.done]
            progress("judging", judging.done)

    return hear


def saved(run: Run, folder: Path, again: Callable[[], Implementation] | None = None) -> Run:
    """The same run with every failure's problem saved as a case in `folder`.

    Each is repeated before it is told how: by its file, with what `again` loads anew.
    """
    kept = [replace(f, case=str(cases.save(_case(f, run), folder))) for f in run.failures]
    found = replace(run, failures=tuple(kept))
    if again is None and run.nameless:
        return replace(found, failures=tuple(replace(f, again=repeating.by_hand(f.case)) for f in kept))
    return repeating.checked(found, again) if again else found


def _case(failure: Failure, run: Run) -> cases.Case:
    return cases.Case(failure.problem, failure.check.name, run.target, shares=run.shares)
