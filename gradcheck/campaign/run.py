"""A campaign: shards handed out in order until the budget is spent, records merged in order, findings saved as they come."""

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from gradcheck import supervisor
from gradcheck.campaign.findings import Finding, Merged, Record
from gradcheck.campaign.job import Job
from gradcheck.campaign.ledger import Ledger
from gradcheck.campaign.shard import isolated, work
from gradcheck.campaign.workers import Workers

GRACE = 30  # seconds that a shard in hand may take after the time is up
TICK = 0.2  # seconds between two looks at what is done
AHEAD = 2  # shards that wait for each worker
DEATHS = 2  # workers that a shard may cost before its target gets a process of its own
FROM_DATABASE = -1  # the shard that poses what a database of examples holds


@dataclass(frozen=True)
class Budget:
    """When a campaign ends: after so many seconds, so many problems, or when it is stopped."""

    seconds: float | None = None
    problems: int | None = None

    def shards(self, size: int) -> float:
        """How many shards at most: problems are counted in whole shards."""
        return float("inf") if self.problems is None else -(-self.problems // size)


@dataclass
class Outcome:
    """What a campaign has found so far. `seconds` is this run's own time, `resumed` what an earlier run had finished."""

    records: dict[int, Record] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    resumed: int = 0
    fresh: int = 0
    interrupted: bool = False
    notes: dict[str, None] = field(default_factory=dict)
    unshrunk: list[Path] = field(default_factory=list)

    @property
    def problems(self) -> int:
        """Problems posed, those of an earlier run included."""
        return sum(record.problems for record in self.records.values())

    @property
    def judged(self) -> int:
        """How many verdicts were reached."""
        return sum(sum(record.judged.values()) for record in self.records.values())

    @property
    def rate(self) -> float:
        """Problems a second of this run."""
        return self.fresh / self.seconds if self.seconds else 0.0

    @property
    def new(self) -> list[Finding]:
        """Those that the corpus did not hold before."""
        return [finding for finding in self.findings if not finding.known]

    def ratios(self) -> dict[str, float]:
        """The worst test ratio of each check, the worst first."""
        worst: dict[str, float] = {}
        for record in self.records.values():
            for name, ratio in record.ratios.items():
                worst[name] = max(worst.get(name, 0.0), ratio)
        return dict(sorted(worst.items(), key=lambda item: (-item[1], item[0])))


class Campaign:
    """One target, one corpus. `watch` is called with the outcome whenever something is new, and at every tick."""

    def __init__(
        self, job: Job, workers: Workers, folder: Path, watch: Callable[[Outcome], None] = lambda outcome: None
    ) -> None:
        self.job, self.workers, self.watch = job, workers, watch
        self.ledger = Ledger(folder, job)
        self.outcome = Outcome()
        self.started = time.monotonic()
        self.merged = Merged(self.ledger.known())
        self.next = FROM_DATABASE if job.database else 0  # the first shard that is not merged
        self.deaths: dict[int, int] = {}
        self.running: dict[Future[Any], int] = {}
        self.stopped = threading.Event()

    def run(self, budget: Budget) -> Outcome:
        """Until the budget is spent or a signal comes. What was found by then is saved either way."""
        for record in self.ledger.finished():
            self.outcome.records[record.number] = record
        self.outcome.resumed = len(self.outcome.records)
        self._merge()
        with stoppable(self.stopped):
            try:
                self._spend(budget)
            except BaseException:
                self.workers.stop()
                raise
            self.outcome.interrupted = self.stopped.is_set()
            self._end()
        return self.outcome

    # ---- handing out ----

    def _spend(self, budget: Budget) -> None:
        due = self._numbers(budget)
        waiting: list[int] = []
        while not self.stopped.is_set():
            while len(self.running) < AHEAD * self.workers.count and not self._late(budget):
                number = waiting.pop(0) if waiting else next(due, None)
                if number is None:
                    break
                self._submit(number)
            if self._late(budget):
                waiting.clear()
                self._cancel()
            if self._late(budget, GRACE):
                self._give_up()
            if not self.running and not waiting:
                return
            waiting += self._collect()

    def _numbers(self, budget: Budget) -> Iterator[int]:
        """Shards that nobody has done."""
        for number in itertools.count(self.next):
            if number >= budget.shards(self.job.size):
                return
            if number not in self.outcome.records:
                yield number

    def _late(self, budget: Budget, grace: float = 0.0) -> bool:
        return budget.seconds is not None and time.monotonic() - self.started >= budget.seconds + grace

    def _give_up(self) -> None:
        """Some call may never return: the shard is left out, and that is said."""
        for number in sorted(self.running.values()):
            self.outcome.notes.setdefault(
                f"shard {number} was not done {GRACE} s after the time was up, and is not counted; with --isolate, a call that "
                "hangs is a verdict"
            )
        self.running.clear()

    def _submit(self, number: int) -> None:
        pending = str(self.ledger.pending.absolute()) if self.workers.shared else ""
        alone = self.deaths.get(number, 0) >= DEATHS
        # what a shard knows is of shards before it: it must not depend on who was quicker
        known = self.merged.known | {finding.key for finding in self.merged.found.values() if finding.case}
        try:
            future = self.workers.submit(isolated if alone else work, self.job, number, known, pending)
        except BrokenExecutor:
            self.workers.renewed()
            future = self.workers.submit(isolated if alone else work, self.job, number, known, pending)
        self.running[future] = number

    def _cancel(self) -> None:
        """The time is up: what nobody has begun is not begun."""
        for future in [future for future in self.running if future.cancel()]:
            del self.running[future]

    # ---- taking in ----

    def _collect(self) -> list[int]:
        """Take in what is done; returns the shards whose worker died."""
        done, _ = wait(self.running, timeout=TICK, return_when=FIRST_COMPLETED)
        lost = []
        for future in done:
            number = self.running.pop(future)
            if isinstance(future.exception(), BrokenExecutor):
                lost.append(number)
                self.deaths[number] = self.deaths.get(number, 0) + 1
            else:
                self._take(future.result())
        if lost:
            lost += self._renew()
        self._tick()
        return sorted(lost)

    def _renew(self) -> list[int]:
        """All workers of a pool go with one: begin again with what was in hand. The first of it is the likely cause."""
        others = sorted(self.running.values())
        self.running.clear()
        self.workers.renewed()
        return others

    def _take(self, record: Record) -> None:
        now = time.monotonic() - self.started
        record = replace(record, findings=tuple(replace(finding, first=now) for finding in record.findings))
        self.outcome.records[record.number] = record
        self.outcome.fresh += record.problems
        self.ledger.add(record)
        self.outcome.notes.update(dict.fromkeys(record.notes))
        self._merge()

    def _merge(self) -> None:
        """Take in the records that are next in order, and save what they found."""
        new = False
        while self.next in self.outcome.records:
            record = self.outcome.records[self.next]
            self.merged.add(record)
            new, self.next = new or bool(record.findings), self.next + 1
        if new:
            self._save()

    def _save(self) -> None:
        files = {finding.key: finding.file for finding in self.outcome.findings}
        found = [replace(finding, file=files.get(finding.key, "")) for finding in self.merged.findings()]
        self.outcome.findings = self.ledger.save(found)

    def _tick(self) -> None:
        self.outcome.seconds = time.monotonic() - self.started
        self.outcome.notes.update(self.ledger.notes)
        self.watch(self.outcome)

    def _end(self) -> None:
        self.workers.stop()
        for number in sorted(number for number in self.outcome.records if number >= self.next):
            self.merged.add(self.outcome.records[number])
        self._save()
        if self.outcome.interrupted:
            self.outcome.unshrunk = self.ledger.unshrunk()
        else:
            self.ledger.close()
        self._tick()


@contextlib.contextmanager
def stoppable(stopped: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set the event, which is looked at between two ticks: nothing is torn in the middle."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        supervisor.heard()

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
