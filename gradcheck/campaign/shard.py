"""One shard: pose its problems, judge them, and make findings of what fails. Runs in a worker; what it takes and gives is data."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gradcheck import cases, conformance, diagnosis, verify
from gradcheck.campaign import database
from gradcheck.campaign.findings import ANY, Finding, Key, Record, key_among, regime_of
from gradcheck.campaign.job import Job
from gradcheck.cases import Case
from gradcheck.checks import Check
from gradcheck.implementations import Implementation, adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.problem import Problem
from gradcheck.reports import words
from gradcheck.tally import Tally
from gradcheck.verdict import Verdict
from gradcheck.verify import Run

VAIN = 3  # searches that found nothing; after these the other groups of a shard are not diagnosed anew
KEPT = 16  # failing problems of a check, in each regime, of which a diagnosis is made
UNKNOWN = "no known mistake"

_loaded: dict[str, Implementation] = {}  # in this worker: a framework is imported once


def implementation_of(job: Job) -> Implementation:
    """The target of a job, loaded when a worker first needs it."""
    key = repr(job.target)
    if key not in _loaded:
        _loaded[key] = adapt(job.target.load())
    return _loaded[key]


@dataclass(eq=False)
class Group:
    """The failing problems of one check in one regime of this shard."""

    check: Check
    regime: str
    first: tuple[Problem, Verdict]
    failing: list[Problem]
    failed: int = 0


class Shard:
    """The state of one shard while it runs."""

    def __init__(self, job: Job, number: int, known: frozenset[Key], pending: str) -> None:
        self.job, self.number, self.known, self.pending = job, number, known, pending
        self.implementation = implementation_of(job)
        self.chosen = verify.select(job.checks)
        dtype = job.dtype_of(number)
        self.judging = verify.Judging(self.implementation, self.chosen, dtype)
        self.tallies = self.judging.tallies
        self.groups: dict[tuple[str, str], Group] = {}
        self.run = Run(
            self.implementation.name, dtype, job.seed_of(number), job.size, job.regimes_of(number), 0, self.tallies
        )
        self.database = database.opened(job.database)

    def judge(self, problem: Problem) -> None:
        """Every check whose turn it is, on one problem."""
        for name, verdict in self.judging.judge(problem).items():
            if verdict.failed and self.unforeseen(name, verdict):
                self.keep(name, problem, verdict)

    def unforeseen(self, name: str, verdict: Verdict) -> bool:
        """Whether no expectation of the target covers it."""
        expected = self.tallies[name].expected
        return not expected or (verdict.outcome == "errored" and not expected.startswith("errored"))

    def keep(self, name: str, problem: Problem, verdict: Verdict) -> None:
        """Put a failing problem among those of its check and regime; the first of a check is on disk before anything else."""
        regime = regime_of(problem)
        if not any(check == name for check, _ in self.groups) and not any(key[0] == name for key in self.known):
            self.remember(name, problem)
        group = self.groups.setdefault((name, regime), Group(self.tallies[name].check, regime, (problem, verdict), []))
        group.failed += 1
        if len(group.failing) < KEPT and not verdict.final:
            diagnosis.keep(group.failing, problem)

    def remember(self, name: str, problem: Problem) -> None:
        """Write it as it is, for the case that this process does not live to shrink it."""
        if not self.pending:
            return
        with contextlib.suppress(OSError):  # an unwritable corpus is told of once, where records are written
            path = Path(self.pending) / f"{self.number}-{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            cases.write(path, cases.dumps(Case(problem, name, self.implementation.name)))

    def record(self) -> Record:
        """What was found, once every problem has been judged."""
        judged = {name: tally.judged for name, tally in self.tallies.items() if tally.judged}
        ratios = {name: tally.ratio for name, tally in self.tallies.items() if tally.ratio is not None}
        return Record(self.number, self.judging.done, judged, ratios, tuple(self.findings()))

    def findings(self) -> Iterator[Finding]:
        """A finding for each check, diagnosis and regime; shrunk where it is new."""
        smallest: list[Problem] = []
        told: set[Key] = set()
        groups = list(self.needed())
        explained = _Explained(self.implementation, self.judging.passing, groups)
        for group in groups:
            found = explained.of(group)
            label = found.likely if found and found.exact else UNKNOWN
            finding = Finding(
                check=group.check.name,
                diagnosis=label,
                regime=group.regime,
                outcome=group.first[1].outcome.value,
                said=words.finding(group.first[1]),
                fix=found.fix if found else "",
                failed=group.failed,
                judged=self.tallies[group.check.name].judged,
            )
            new = key_among(finding.key, self.known | told) == finding.key and finding.key not in self.known
            told.add(finding.key)
            yield self.shrunk(finding, group, smallest) if new else finding

    def needed(self) -> Iterator[Group]:
        """The groups of a check, or one where it fails outside of the strained regimes, too.

        Problems that are too large for a diagnosis go with others of their check.
        """
        for check in self.chosen:
            mine = [group for (name, _), group in self.groups.items() if name == check.name]
            general = next((group for group in mine if group.regime == ANY), None)
            kept = [general] if general else [group for group in mine if group.failing] or mine
            for group in kept[:1]:
                group.failed += sum(other.failed for other in mine if other not in kept)
            yield from kept

    def shrunk(self, finding: Finding, group: Group, smallest: list[Problem]) -> Finding:
        """With the smallest problem that shows it."""
        failure = conformance.shrunk(
            self.implementation,
            group.check,
            Tally(group.check, first=group.first),
            self.run,
            smallest,
            within=lambda problem: group.regime in (ANY, regime_of(problem)),
            database=self.database,
        )
        case = Case(failure.problem, group.check.name, self.implementation.name)
        return replace(finding, case=cases.dumps(case), said=words.finding(failure.verdict))


class _Explained:
    """Diagnoses of the groups of a shard: one for all of them where it fits, else one for each."""

    def __init__(self, implementation: Implementation, passing: list[Problem], groups: list[Group]) -> None:
        self.implementation, self.passing = implementation, passing
        failing = [problem for group in groups for problem in group.failing]
        self.exact: list[diagnosis.Diagnosis] = []
        self.vain = 0
        self._made(failing)

    def of(self, group: Group) -> diagnosis.Diagnosis | None:
        """One that explains every problem of the group that was examined, of those made before or anew."""
        for found in self.exact:
            explained, examined = found.counts(group.failing)
            if explained == examined > 0:
                return found
        return self._made(group.failing) if group.failing and self.vain < VAIN else None

    def _made(self, failing: list[Problem]) -> diagnosis.Diagnosis | None:
        found = diagnosis.diagnose(self.implementation, failing, self.passing, describe=False) if failing else None
        if found and found.exact:
            self.exact.append(found)
        else:
            self.vain += 1
        return found


def work(job: Job, number: int, known: frozenset[Key] = frozenset(), pending: str = "") -> Record:
    """Do shard `number` of a job. `known` findings are counted and not shrunk; `pending` is a folder, if there is one to share."""
    conformance.homeless()
    with quiet() as printed:
        shard = Shard(job, number, known, pending)
        if number < 0:
            database.replay(shard.judge, job, shard.database)
        else:
            run = shard.run
            conformance.pose(
                shard.judge, dtype=run.dtype, regimes=run.regimes, seed=run.seed, count=job.size, shrink=False
            )
        record = shard.record()
    notes = (*database.notes(shard.database), *shard.implementation.home.notes)
    return replace(record, printed=printed.size, notes=notes)


def isolated(job: Job, number: int, known: frozenset[Key] = frozenset(), pending: str = "") -> Record:
    """The same with the target in a process of its own, where it took a worker with it before."""
    return work(replace(job, target=replace(job.target, isolate=True)), number, known, pending)
