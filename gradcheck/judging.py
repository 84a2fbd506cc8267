"""The problems of a run and the checks whose turn it is on each, asked in any order and counted in that of the problems.

What is counted does not depend on the order in which it was asked, and so not on how quick a target is.
"""

from collections import deque
from dataclasses import dataclass, field

from gradcheck.checks import Check, Trial
from gradcheck.checks.few import Few
from gradcheck.checks.own import require_steady
from gradcheck.diagnosis import keep
from gradcheck.facts import Record
from gradcheck.implementations import Implementation, adapt
from gradcheck.problem import Problem
from gradcheck.tally import Tally
from gradcheck.unposed import Watch
from gradcheck.verdict import Verdict


@dataclass(eq=False)
class Posed:
    """One problem: the checks that are `left` to be asked of it, and the verdicts of the others."""

    problem: Problem
    left: list[Check]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    trial: Trial | None = None  # while it is asked


class Judging:
    """Every check in its turn, on one problem after the other: a tally of each, and problems on which none failed.

    With `few`, a target that compiles for each shape is not called with others than these.
    """

    def __init__(
        self,
        implementation: Implementation,
        checks: tuple[Check, ...],
        dtype: str,
        *,
        careful: bool = False,
        few: Few = frozenset(),
    ) -> None:
        checks = tuple(check.of(implementation.law) for check in checks)
        self.implementation, self.checks, self.careful, self.few = adapt(implementation), checks, careful, few
        self.tallies = {
            check.name: Tally(check, implementation.expected(check.name, dtype), careful=careful) for check in checks
        }
        self.passing: list[Problem] = []
        self.record, self.watch = Record(), Watch(implementation)
        self.posed = self.done = self.partly = 0
        self._waiting: deque[Posed] = deque()

    def pose(self, problem: Problem) -> Posed:
        """The next problem of the run, of which nothing has been asked."""
        found = Posed(problem, [check for check in self.checks if check.due(self.posed, problem)])
        self.posed += 1
        self._waiting.append(found)
        if not found.left:
            self._over()
        return found

    def ask(self, posed: Posed, check: Check) -> Verdict:
        """The verdict of a check that is left. It counts when all of this problem and of those before it have been asked."""
        if posed.trial is None:
            posed.trial = Trial(self.implementation, posed.problem, careful=self.careful, few=self.few)
        verdict = posed.verdicts[check.name] = check.judge(posed.trial)
        posed.left.remove(check)
        if not posed.left:
            self._watched(posed)
            self._over()
        return verdict

    def judge(self, problem: Problem) -> dict[str, Verdict]:
        """The verdicts of the checks whose turn it is, which are counted."""
        posed = self.pose(problem)
        for check in tuple(posed.left):
            self.ask(posed, check)
        return posed.verdicts

    def finish(self) -> None:
        """Count what has been asked of problems that are left in the middle; `partly` says how many there are."""
        begun = [posed for posed in self._waiting if posed.verdicts]
        self.partly += sum(bool(posed.left) for posed in begun)
        self._waiting.clear()
        for posed in begun:
            self._watched(posed)
            self._add(posed)

    def _watched(self, posed: Posed) -> None:
        """Nothing more is asked of it."""
        if posed.trial is not None:
            if any(verdict.failed for verdict in posed.verdicts.values()):
                require_steady(posed.trial)
            self.watch.add(posed.trial, posed.verdicts)
        posed.trial = None

    def _over(self) -> None:
        """One more of which nothing is left: it counts, and with it those after it that are over, too."""
        self.done += 1
        while self._waiting and not self._waiting[0].left:
            self._add(self._waiting.popleft())

    def _add(self, posed: Posed) -> None:
        for name, verdict in posed.verdicts.items():
            self.tallies[name].add(posed.problem, verdict)
        self.record.add(posed.problem, posed.verdicts)
        if not any(verdict.failed for verdict in posed.verdicts.values()):
            keep(self.passing, posed.problem)
