"""Saved cases: judged again, before anything new is posed."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gradcheck import cases, conformance, corpus, verify
from gradcheck.campaign.job import Job
from gradcheck.cases import Case
from gradcheck.checks import Trial
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.problem import Problem
from gradcheck.reduction import reduce
from gradcheck.reports import words
from gradcheck.verdict import FAILURES, Outcome

Failed = tuple[Path, str, str]  # the file, the check, and what it says


def replayed(job: Job, folder: Path) -> list[Failed]:
    """Cases of the corpus that fail today, of the precisions of this job. A corpus that is not there yet has none."""
    if not corpus.paths(folder):
        return []
    with quiet():
        implementation = job.target.load()
    return list(failures(implementation, corpus.paths(folder), job.dtypes, job.checks))


def failures(
    implementation: Implementation, paths: Iterable[Path], dtypes: Iterable[str], checks: Iterable[str] = ()
) -> Iterable[Failed]:
    """Each case on which the check that it was saved for fails; a file that cannot be read is one."""
    for path in paths:
        try:
            case = cases.load(path)
            if case.problem.precision.name not in dtypes:
                continue
            run = conformance.replay(implementation, case, path, checks)
        except Unusable as problem:
            yield path, "unusable", str(problem)
            continue
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
        wanted = outcome(case.problem)
        if wanted not in FAILURES:
            return None
        found = reduce(case.problem, lambda problem: outcome(problem) is wanted)
    return None if found.digest == case.problem.digest else replace(case, problem=found)


def size(problem: Problem) -> int:
    """How many numbers make it up."""
    return sum(array.size for array in problem.reals)
