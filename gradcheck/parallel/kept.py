"""Failures of ranks as case files, and what is judged again from one: on as many ranks, with the same shares, to the last bit."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck import cases, conformance, verify
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


def saved(run: Run, word: str, folder: Path, limits: Limits, origin: Origin | None = None) -> Run:
    """The run with every failure's problem saved as a case in `folder`, and asked once more of ranks that are started anew.

    What has ended a rank is not asked again, nor is anything after an interrupt.
    """
    found = conformance.saved(run, folder)
    if run.interrupted:
        return found
    failures = [failure for failure in found.failures if not failure.verdict.final]
    try:
        if _again(failures, found, word, limits, origin):
            return found
        kept = (
            f if f not in failures or _again([f], found, word, limits, origin) else replace(f, again=ALONE)
            for f in found.failures
        )
        return replace(found, failures=tuple(kept))
    except KeyboardInterrupt:
        return replace(found, interrupted=True)


def _again(failures: Sequence[Failure], run: Run, word: str, limits: Limits, origin: Origin | None) -> bool:
    """Whether each fails again by its file, one after the other, with ranks that have been asked nothing else."""
    if not (failures and run.shares):
        return True
    declared: dict[str, Any] = {"law": run.law, "declared": run.arithmetic}
    with Crew(run.shares.ranks, limits, origin) as crew:
        for failure in failures:
            judging = Judging(word, crew, run.shares, only=[failure.check.name], **declared)
            if not _asked(judging, cases.load(Path(failure.case)).problem).failed:
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
