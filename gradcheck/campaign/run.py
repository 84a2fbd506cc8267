"""A campaign: shards handed out in order until the budget is spent, records merged in order, findings saved as they come."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck.campaign.findings import Merged, Record
from gradcheck.campaign.job import Job
from gradcheck.campaign.ledger import Ledger
from gradcheck.campaign.outcome import Budget, Outcome
from gradcheck.campaign.shard import isolated, work
from gradcheck.campaign.stopping import stoppable
from gradcheck.campaign.workers import Workers
from gradcheck.clock import Left
from gradcheck.errors import text

GRACE = 4  # seconds that a shard in hand may take after the time is up; it looks at the clock by itself
TICK = 0.2  # seconds between two looks at what is done
AHEAD = 2  # shards that wait for each worker
DEATHS = 2  # workers that a shard may cost before its target gets a process of its own
ENOUGH = 12  # after so many it is left out
IN_VAIN = 5  # shards in a row that could not be done, after which the next could not either
FROM_DATABASE = -1  # the shard that poses what a database of examples holds


class Campaign:
    """One target, one corpus. `watch` is called with the outcome whenever something is new, and at every tick.

    The time of a budget runs from `started`, a moment of `time.monotonic`.
    """

    def __init__(
        self,
        job: Job,
        workers: Workers,
        folder: Path,
        watch: Callable[[Outcome], None] = lambda outcome: None,
        started: float | None = None,
    ) -> None:
        self.job, self.workers, self.watch = job, workers, watch
        self.ledger = Ledger(folder, job)
        self.outcome = Outcome()
        self.started = time.monotonic() if started is None else started
        self.merged = Merged(self.ledger.known())
        self.next = FROM_DATABASE if job.database else 0  # the first shard that is not merged
        self.deaths: dict[int, int] = {}
        self.running: dict[Future[Any], int] = {}
        self.left_out: dict[int, None] = {}
        self.in_vain = 0
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
        while not self.stopped.is_set() and not self.outcome.ended:
            while len(self.running) < AHEAD * self.workers.count and self._left(budget) > 0:
                number = waiting.pop(0) if waiting else next(due, None)
                if number is None or not self._submitted(number, budget):
                    break
            if self._left(budget) <= 0:
                waiting.clear()
                self._cancel()
            if self._left(budget) <= -GRACE:
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

    def _left(self, budget: Budget) -> float:
        """Seconds."""
        return float("inf") if budget.seconds is None else self.started + budget.seconds - time.monotonic()

    def _give_up(self) -> None:
        """Some call may never return: the shard is left out, and that is said."""
        for number in sorted(self.running.values()):
            self._leave_out(
                number,
                f"was not done {GRACE} s after the time was up, and is not counted; with --isolate, a call that hangs is a verdict",
            )
        self.running.clear()

    def _leave_out(self, number: int, why: str) -> None:
        self.left_out[number] = None
        self.outcome.notes.setdefault(f"shard {number} {why}")

    def _submitted(self, number: int, budget: Budget) -> bool:
        """Hand a shard out; False where there is nobody left to take it."""
        pending = str(self.ledger.pending.absolute()) if self.workers.shared else ""
        function = isolated if self.deaths.get(number, 0) >= DEATHS else work
        # what a shard knows is of shards before it: it must not depend on who was quicker
        known = self.merged.known | {finding.key for finding in self.merged.found.values() if finding.case}
        seconds = self._left(budget)
        left = Left(seconds, time.time()) if budget.seconds is not None else None
        try:
            future = self._future(function, number, known, pending, left)
        except (
            Exception
        ) as problem:  # whatever a cluster that is gone, or a machine that has no process left, may raise
            self._over(problem)
            return False
        self.running[future] = number
        return True

    def _future(self, function: Callable[..., Record], *arguments: Any) -> "Future[Any]":
        try:
            return self.workers.submit(function, self.job, *arguments)
        except BrokenExecutor:
            self.workers.renewed()
            return self.workers.submit(function, self.job, *arguments)

    def _cancel(self) -> None:
        """The time is up: what nobody has begun is not begun."""
        for future in [future for future in self.running if future.cancel()]:
            del self.running[future]

    # ---- taking in ----

    def _collect(self) -> list[int]:
        """Take in what is done; returns the shards whose worker died."""
        done, _ = wait(self.running, timeout=TICK, return_when=FIRST_COMPLETED)
        lost = [number for future in done if (number := self._taken(future, self.running.pop(future))) is not None]
        if lost and self.workers.shared:
            lost += self._renew()
        self._tick()
        return sorted(lost)

    def _taken(self, future: "Future[Any]", number: int) -> int | None:
        """Take in what a shard came to; its number where it is to be done again."""
        try:
            record = future.result()
        except self.workers.lost:
            self.deaths[number] = self.deaths.get(number, 0) + 1
            if self.deaths[number] < ENOUGH:
                return number
            self._leave_out(number, f"cost {ENOUGH} workers, and is not counted")
        except CancelledError as problem:
            self._over(problem)
        except Exception as problem:
            self._leave_out(number, f"could not be done, and is not counted: {said(problem)}")
            self.in_vain += 1
            if self.in_vain == IN_VAIN:
                self.outcome.ended = f"{IN_VAIN} shards in a row could not be done"
        else:
            self.in_vain = 0
            self._take(record)
        return None

    def _over(self, problem: BaseException) -> None:
        """There are no workers left."""
        self.outcome.ended = f"the workers are gone ({said(problem)}); the same command goes on from here"

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
        while self.next in self.outcome.records or self.next in self.left_out:
            record = self.outcome.records.get(self.next, Record(self.next, 0))
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
        with contextlib.suppress(OSError):  # a terminal that has gone is no reason to lose anything
            self.watch(self.outcome)

    def _end(self) -> None:
        self.workers.stop()
        for number in sorted(number for number in self.outcome.records if number >= self.next):
            self.merged.add(self.outcome.records[number])
        self._save()
        self.outcome.findings = self.ledger.settled(self.outcome.findings, again=bool(self.outcome.resumed))
        whole = not self.outcome.interrupted and not self.outcome.ended
        self.outcome.unshrunk = self.ledger.unshrunk(self.left_out if whole else None)
        if whole:
            self.ledger.close(self.outcome.unshrunk)
        if self.outcome.ended:
            self.outcome.notes.setdefault(self.outcome.ended)
        self._unposed()
        self._tick()

    def _unposed(self) -> None:
        """A precision that no shard was done in is not one that agrees."""
        posed = {self.job.dtype_of(record.number) for record in self.outcome.records.values() if record.problems}
        for dtype in self.job.dtypes:
            if posed and dtype not in posed:
                self.outcome.notes.setdefault(f"no problem was posed in {dtype} by the time that the campaign ended")


def said(problem: BaseException) -> str:
    """`CancelledError: what it says`."""
    return f"{type(problem).__name__}: {text(problem, str)}".rstrip(": ")
