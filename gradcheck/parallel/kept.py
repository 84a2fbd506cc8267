"""Failures of ranks as case files, and what is judged again from one: on as many ranks, with the same shares, to the last bit."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck import verify
from gradcheck.arithmetic import Arithmetic
from gradcheck.cases import Case
from gradcheck.clock import Late
from gradcheck.errors import Unusable
from gradcheck.implementations.peer import Limits
from gradcheck.law import CrossEntropy
from gradcheck.parallel import named
from gradcheck.parallel.claims import NAMES
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.forks import Origin
from gradcheck.parallel.judging import USUAL, Judging
from gradcheck.problem import Problem
from gradcheck.repeating import ALONE
from gradcheck.verify import Failure, Run


def repeated(run: Run, word: str, limits: Limits, origin: Origin | None = None) -> Run:
    """The run with each failure asked once more of ranks that have been asked nothing else: what does not fail again says so.

    What has ended a rank is not asked again, nor is anything after an interrupt.
    """
    failures = [failure for failure in run.failures if not failure.verdict.final]
    if run.interrupted or not failures:
        return run
    try:
        if _again(failures, run, word, limits, origin):
            return run
        kept = (
            f if f not in failures or _again([f], run, word, limits, origin) else replace(f, again=ALONE)
            for f in run.failures
        )
        return replace(run, failures=tuple(kept))
    except KeyboardInterrupt:
        return replace(run, interrupted=True)


def _again(failures: Sequence[Failure], run: Run, word: str, limits: Limits, origin: Origin | None) -> bool:
    """Whether each fails again, one after the other, on new ranks."""
    assert run.shares is not None
    declared: dict[str, Any] = {"law": run.law, "declared": run.arithmetic}
    with Crew(run.shares.ranks, limits, origin) as crew:
        for failure in failures:
            judging = Judging(word, crew, run.shares, only=[failure.check.name], **declared)
            if not _asked(judging, failure.problem).failed:
                return False
    return True


def replay(
    target: Any,
    case: Case,
    path: Path,
    *,
    checks: Iterable[str] = (),
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    time_limit: float = USUAL.seconds,
    memory_limit: int = USUAL.memory,
) -> Run:
    """Judge a saved problem again, on as many ranks as it was: by the checks given (globs), else by that it was saved for."""
    word, declared, rounds = named.word(target), law or case.problem.law, arithmetic or Arithmetic()
    named.require(declared, rounds, time_limit=time_limit, memory_limit=memory_limit)
    wanted = [check.name for check in verify.select(tuple(checks) or filter(None, [case.check]))]
    if not set(wanted) & set(NAMES):
        raise Unusable(f"{', '.join(wanted[:3])} is not judged on ranks; expected any of {', '.join(NAMES)}")
    if case.shares is None:
        raise Unusable(f"{path} is a case of one process; expected one that `gradcheck ranks` has saved")
    with Crew(case.shares.ranks, Limits(time_limit, memory_limit)) as crew:
        judging = Judging(word, crew, case.shares, law=declared, declared=rounds, only=wanted)
        run = judging.explained(_asked(judging, case.problem))
    return replace(run, failures=tuple(replace(failure, case=str(path), shrunk=True) for failure in run.failures))


def _asked(judging: Judging, problem: Problem) -> Run:
    with suppress(Late):
        judging.judge(problem)
    return judging.run(problem.precision.name)
