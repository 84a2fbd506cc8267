"""Whether a saved case repeats: read from its file, and judged with the target loaded anew, as a fresh process would.

Code that keeps something between calls may fail in a run and agree by itself. Then it is called with the same arguments until it
returns something else, and how often is saved with the case; where that does not show it either, a sentence says so.
"""

import os
import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gradcheck import cases, causes, diagnosis, verify
from gradcheck.cases import Case
from gradcheck.checks import Check, Trial
from gradcheck.checks.reading import Anew, Broken, Skip
from gradcheck.checks.repeatable import same, snapshot
from gradcheck.checks.trial import ARGUMENTS
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, adapt, posing
from gradcheck.implementations.quiet import quiet
from gradcheck.problem import Problem
from gradcheck.verdict import Verdict
from gradcheck.verify import Failure, Run

Load = Callable[[], Implementation]
ALONE = "not by this problem alone, on which it agrees when the target is loaded anew: it depends on the calls before, or on chance"


def called(implementation: Implementation, problem: Problem, checks: Iterable[Check], calls: int) -> None:
    """Call the functions that these checks need, so often, with the arrays of the problem."""
    if calls:
        trial = Trial(adapt(implementation), problem)
        for name in _needed(trial, checks):
            with suppress(Broken, Skip, Anew):
                for _ in range(calls):
                    trial.call(name, *ARGUMENTS[name](trial))


def by_hand(case: str) -> str:
    """How a case is repeated whose target no command names: the test that runs now, and what to write in Python."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    python = f"in Python: from gradcheck import cases, judge; judge(implementation, cases.load({case!r}).problem)"
    return f"pytest {shlex.quote(test)}, or {python}" if test else python


def checked(run: Run, load: Load) -> Run:
    """The run with each failure repeated by its saved case; where one does not fail again, each with a target of its own.

    What leads a cause, whose command is printed, is asked first of a target that is loaded anew; the others of its cause after it.
    """
    try:
        with quiet():
            if all(_together(load(), cause.failures) for cause in causes.of(run)):
                return run
            return _as_state(replace(run, failures=tuple(_told(failure, run, load) for failure in run.failures)))
    except Unusable:  # what was loaded once, and cannot be any more: it is told of where it is replayed
        return run


def _as_state(run: Run) -> Run:
    """What does not fail by itself is state, whatever else would explain it: that was made of results that come of other calls."""
    late = [failure for failure in run.failures if failure.again == ALONE or cases.load(Path(failure.case)).calls]
    if not late or (run.diagnosis is not None and run.diagnosis.state):
        return run
    checks = frozenset(failure.check.name for failure in late)
    functions = {name for failure in late for name in failure.check.needs}
    found = diagnosis.later(functions, WRONG_LATER)
    others = () if run.diagnosis is None else run.diagnosis.parts
    parts = tuple(part for part in others if not part.names <= found.parts[0].names)
    part = replace(found.parts[0], checks=checks)
    known = replace(run.diagnosis or found, parts=(part, *parts), explained=frozenset())
    return replace(run, diagnosis=known, meant=None, meant_law=None)


WRONG_LATER = "right when the target is loaded anew, and wrong after other calls"


def asked_again(
    implementation: Implementation, problem: Problem, checks: tuple[Check, ...], calls: int
) -> tuple[dict[str, Verdict], diagnosis.Diagnosis | None]:
    """The verdicts on a problem, after so many calls, and once more, and what is to be said of state. What fails once fails."""
    called(implementation, problem, checks, calls)
    one, two = (verify.judge(implementation, problem, checks) for _ in range(2))
    unsteady = {name for name in one if one[name].failed != two[name].failed}
    later = {name for name in one if one[name].failed} if calls else set[str]()
    said = WITHOUT.format(calls) if later else TWICE
    functions = {need for check in checks if check.name in unsteady | later for need in check.needs}
    found = {name: one[name] if one[name].failed else two[name] for name in one}
    return found, diagnosis.later(functions, said) if functions else None


TWICE = "wrong now and then: the same problem, asked twice, once passes"
WITHOUT = "wrong after {} calls: results depend on the calls before"


def _together(implementation: Implementation, failures: Iterable[Failure]) -> bool:
    """Whether each fails again, one asked after the other."""
    return all(_again(implementation, failure) for failure in failures)


def _again(implementation: Implementation, failure: Failure) -> bool:
    """Whether the case fails with this target, which nothing has been asked before."""
    if failure.verdict.final:
        return True
    return _fails(implementation, cases.load(Path(failure.case)), failure.check)


def _fails(implementation: Implementation, case: Case, check: Check) -> bool:
    problem = posing.drawn(implementation, case.problem)
    called(implementation, problem, [check], case.calls)
    return verify.judge(implementation, problem, [check])[check.name].failed


def _told(failure: Failure, run: Run, load: Load) -> Failure:
    """The failure, and how it is repeated: as it is, after so many calls, or not. Then by a problem as it was posed, too:
    what was made smaller beside code that remembers may show only what that remembers."""
    if _again(load(), failure):
        return failure
    tally = run.tallies[failure.check.name]
    posed = [replace(failure, problem=p, verdict=v) for p, v in filter(None, (tally.smallest, tally.first))]
    for each in (failure, *posed):
        calls = _changed(load(), each)
        path = Path(failure.case)
        later = replace(cases.load(path), problem=each.problem, calls=calls)
        if (calls or each is not failure) and _fails(load(), later, failure.check):
            return replace(each, case=str(cases.save(later, path.parent)))
    return replace(failure, again=ALONE)


def _changed(implementation: Implementation, failure: Failure) -> int:
    """After how many calls with the same arguments a function returns something else for the first time; 0 where none does."""
    trial = Trial(adapt(implementation), posing.drawn(implementation, failure.problem))
    found = [_changes(trial, name) for name in _needed(trial, [failure.check])]
    return min(filter(None, found), default=0)


def _changes(trial: Trial, name: str) -> int:
    most = min(cases.MOST_CALLS, NUMBERS // trial.problem.entries)
    with suppress(Broken, Skip, Anew):
        first = snapshot(trial.call(name, *ARGUMENTS[name](trial)))
        for calls in range(1, most):
            if not same(snapshot(trial.call(name, *ARGUMENTS[name](trial))), first):
                return calls
    return 0


NUMBERS = 1 << 21  # of a problem, times how often it is posed


def _needed(trial: Trial, checks: Iterable[Check]) -> tuple[str, ...]:
    """The functions that these checks call; a check that names none looks at all of them."""
    named = dict.fromkeys(name for check in checks for name in check.needs or trial.implementation.offers)
    return tuple(name for name in named if name in trial.implementation.offers)
