"""One shard: pose its problems, judge them, and make findings of what fails. Runs in a worker; what it takes and gives is data.

Where its time is up before it is done, it ends by itself with what it has: problems that were judged count, and what failed is a
finding by the problem as it was drawn.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck import cases, clock, conformance, diagnosis, drawing, filenames, verify
from gradcheck.campaign import database, keeping
from gradcheck.campaign.explained import Explained, Group
from gradcheck.campaign.findings import ANY, Finding, Key, Record, key_among, regime_of
from gradcheck.campaign.job import Job
from gradcheck.cases import Case
from gradcheck.facts import Judged
from gradcheck.implementations import Implementation, adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.judging import Judging
from gradcheck.problem import Problem
from gradcheck.reports import words
from gradcheck.shrinking import Shrinking
from gradcheck.tally import Tally, rank
from gradcheck.verdict import Verdict
from gradcheck.verify import Run

KEPT = 16  # failing problems of a check, in each regime, of which a diagnosis is made
REST = 2  # seconds after the time is up in which what failed may still be diagnosed and shrunk

_loaded: dict[str, Implementation] = {}  # in this worker: a framework is imported once
# What passed in the first shard of this worker, by target and dtype: where that fails later on, it comes of the calls before.
_passed: dict[tuple[str, str], dict[Problem, Judged]] = {}
EARLIER = 4  # problems of it


def implementation_of(job: Job) -> Implementation:
    """The target of a job, loaded when a worker first needs it."""
    key = repr(job.target)
    if key not in _loaded:
        _loaded[key] = adapt(job.target.load())
    return _loaded[key]


class Shard:
    """The state of one shard while it runs."""

    def __init__(self, job: Job, number: int, known: frozenset[Key], pending: str) -> None:
        self.job, self.number, self.known, self.pending = job, number, known, pending
        self.implementation = implementation_of(job)
        self.chosen = verify.select(job.checks)
        dtype = job.dtype_of(number)
        few = frozenset(drawing.few(self.implementation, job.seed_of(number)))
        self.judging = Judging(self.implementation, self.chosen, dtype, few=few)
        self.tallies = self.judging.tallies
        self.groups: dict[tuple[str, str], Group] = {}
        self.run = Run(
            self.implementation.name, dtype, job.seed_of(number), job.size, job.regimes_of(number), 0, self.tallies
        )
        self.database = database.opened(job.database)

    def judge(self, problem: Problem) -> None:
        """Every check whose turn it is, on one problem; the first one even if the time is up, or nothing would be judged."""
        if self.judging.done:
            clock.look()
        for name, verdict in self.judging.judge(problem).items():
            if self.tallies[name].unforeseen(verdict):
                self.keep(name, problem, verdict)

    def keep(self, name: str, problem: Problem, verdict: Verdict) -> None:
        """Put a failing problem among those of its check and regime; the first of a check is on disk before anything else."""
        regime = regime_of(problem)
        if not any(check == name for check, _ in self.groups) and not any(key[0] == name for key in self.known):
            self.remember(name, problem)
        group = self.groups.setdefault((name, regime), Group(self.tallies[name].check, regime, (problem, verdict), []))
        group.failed += 1
        if verdict.outcome is group.first[1].outcome:
            group.smallest = min(group.smallest or group.first, (problem, verdict), key=rank)
        if len(group.failing) < KEPT and not verdict.final:
            diagnosis.keep(group.failing, problem)

    def remember(self, name: str, problem: Problem) -> None:
        """Write it as it is, for the case that this process does not live to shrink it."""
        if not self.pending:
            return
        with contextlib.suppress(OSError):  # an unwritable corpus is told of once, where records are written
            path = Path(self.pending) / f"{self.number}-{filenames.plain(name)}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            cases.write(path, cases.dumps(Case(problem, name, self.implementation.name)))

    def record(self) -> Record:
        """What was found, once every problem has been judged."""
        judged = {name: tally.judged for name, tally in self.tallies.items() if tally.judged}
        ratios = {name: tally.ratio for name, tally in self.tallies.items() if tally.ratio is not None}
        return Record(self.number, self.judging.done, judged, ratios, tuple(self.findings()))

    def findings(self) -> Iterator[Finding]:
        """A finding for each check, diagnosis and regime, up to the last new one shrunk.

        What is known before that is shrunk, too, as the next may share its problem: which is shared must not depend on what was
        known, since that depends on who was quicker.
        """
        groups = list(self.needed())
        self._remember()
        explained = Explained(self.implementation, self.judging.passing, groups, self.judging.record)
        found = [self.finding(group, *explained.label(group)) for group in groups]
        told: set[Key] = set()
        last = -1
        for number, finding in enumerate(found):
            if key_among(finding.key, self.known | told) == finding.key and finding.key not in self.known:
                last = number
            told.add(finding.key)
        shrinking = Shrinking(self.implementation)
        for number, (finding, group) in enumerate(zip(found, groups, strict=True)):
            yield self.shrunk(finding, group, shrinking) if number <= last else finding

    def _remember(self) -> None:
        """What passed earlier in this worker is known to the diagnosis; where nothing has, what passes here is kept."""
        record, passing = self.judging.record, self.judging.passing
        mine = {p: record.judged[p.digest] for p in passing[:EARLIER] if p.digest in record.judged}
        key = repr(self.job.target), self.run.dtype
        _passed[key] = _passed.get(key) or mine
        record.remember(_passed[key])

    def finding(self, group: Group, label: str, fix: str) -> Finding:
        """What is said of a group."""
        return Finding(
            check=group.check.name,
            diagnosis=label,
            regime=group.regime,
            outcome=group.first[1].outcome.value,
            said=words.finding(group.first[1]),
            fix=fix,
            failed=group.failed,
            judged=self.tallies[group.check.name].judged,
        )

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

    def shrunk(self, finding: Finding, group: Group, shrinking: Shrinking) -> Finding:
        """With the smallest problem that shows it."""
        problem, verdict = group.first
        with contextlib.suppress(clock.Late):
            keeping.remember(problem, self.run, self.implementation, self.database, held=self.number < 0)
            problem, verdict = shrinking.of(
                Tally(group.check, first=group.first, smallest=group.smallest),
                lambda problem: group.regime in (ANY, regime_of(problem)),
            )
        case = Case(problem, group.check.name, self.implementation.name)
        return replace(finding, case=cases.dumps(case), said=words.finding(verdict))


def work(
    job: Job, number: int, known: frozenset[Key] = frozenset(), pending: str = "", left: clock.Left | None = None
) -> Record:
    """Do shard `number` of a job. `known` findings are counted; `pending` is a folder, if there is one to share.

    `left` is the time in which to do it, if that is limited.
    """
    conformance.homeless()
    moment = left.moment() if left else math.inf
    late = False
    with quiet() as printed:
        shard = Shard(job, number, known, pending)
        try:
            with clock.until(moment):
                _posed(shard)
        except clock.Late:
            late = True
        with clock.until(moment + REST):
            record = shard.record()
    notes = (*database.notes(shard.database), *shard.implementation.home.notes)
    return replace(record, printed=printed.size, notes=notes, late=late)


def _posed(shard: Shard) -> None:
    job, run = shard.job, shard.run
    if shard.number < 0:
        database.replay(shard.judge, job, shard.database, shard.implementation)
    else:
        own = shard.implementation
        drawing.pose(
            shard.judge,
            dtype=run.dtype,
            regimes=run.regimes,
            seed=run.seed,
            count=job.size,
            shrink=False,
            implementation=own,
        )


def isolated(job: Job, *given: Any) -> Record:
    """The same with the target in a process of its own, where it took a worker with it before."""
    return work(replace(job, target=replace(job.target, isolate=True)), *given)
