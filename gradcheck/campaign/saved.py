"""Saved cases: judged again, before anything new is posed."""

from collections.abc import Iterable
from pathlib import Path

from gradcheck import cases, conformance, corpus
from gradcheck.campaign.job import Job
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation
from gradcheck.reports import words

Failed = tuple[Path, str, str]  # the file, the check, and what it says


def replayed(job: Job, folder: Path) -> list[Failed]:
    """Cases of the corpus that fail today, of the precisions of this job. A corpus that is not there yet has none."""
    if not corpus.paths(folder):
        return []
    with conformance.quiet():
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
