"""Saved cases: judged again, before anything new is posed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from gradcheck import cases, clock, conformance, corpus, verify
from gradcheck.campaign.job import Job
from gradcheck.cases import Case
from gradcheck.checks import Trial
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, adapt, posing
from gradcheck.implementations.quiet import quiet
from gradcheck.problem import Problem
from gradcheck.reduction import reduce
from gradcheck.reports import words
from gradcheck.verdict import FAILURES, Outcome

Failed = tuple[Path, str, str]  # the file, the check, and what it says


@dataclass
class Replayed:
    """What saved cases came to: those that fail today, and what is to be told of the others."""

    failed: list[Failed] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def replayed(job: Job, folder: Path, moment: float = math.inf) -> Replayed:
    """Cases of the corpus, of the precisions of this job, up to a moment. A corpus that is not there yet has none."""
    found = Replayed()
    waiting = corpus.paths(folder)
    if not waiting:
        return found
    with quiet():
        implementation = job.target.load()
    try:
        with clock.until(moment):
            while waiting:
                clock.look()
                found.failed += _failures(implementation, waiting.pop(0), job, found.unusable)
    except clock.Late:
        found.notes.append(f"{len(waiting)} saved cases of {folder} were not judged: the time was up")
    return found


def _failures(implementation: Implementation, path: Path, job: Job, unusable: list[str]) -> Iterator[Failed]:
    """The checks that a case was saved for and that fail on it."""
    try:
        case = cases.load(path)
        if case.problem.precision.name not in job.dtypes:
            return
        run = conformance.replay(implementation, case, path, job.checks)
    except Unusable as problem:
        unusable.append(f"a saved case cannot be used: {problem}")
        return
    yield from ((path, failure.check.name, words.finding(failure.verdict)) for failure in run.failures)


def smaller(implementation: Implementation, case: Case) -> Case | None:
    """A smaller problem on which the same check fails in the same way; None where there is none, or where it does not fail."""
    if not case.check or case.problem.precision.name not in implementation.dtypes:
        return None
    (check,) = verify.select([case.check])
    whole = adapt(implementation)

    def outcome(problem: Problem) -> Outcome:
        return check.judge(Trial(whole, problem)).outcome

    with quiet():
        posed = posing.drawn(whole, case.problem)
        wanted = outcome(posed)
        if wanted not in FAILURES:
            return None
        found = posing.drawn(whole, reduce(posed, lambda problem: outcome(problem) is wanted))
    return None if found.digest == case.problem.digest else replace(case, problem=found)
