"""In which order the problems of a run are judged: as they are drawn; of a slow target, or in limited time, what tells most first.

Then every check is asked once before any is asked again, and large problems come last. Which problems there are, and what is said
of each, stays the same, and so does what a run says that comes to its end.
"""

from collections.abc import Callable
from operator import attrgetter

from gradcheck.checks import Check
from gradcheck.implementations.pace import Pace
from gradcheck.judging import Judging, Posed
from gradcheck.problem import Problem
from gradcheck.verdict import FAILURES, Outcome, Verdict

WINDOW = 72  # problems among which each check looks for one that it can judge: each has its turn six times and more
LARGE = 1024  # numbers of a problem that comes last
JUDGED = (Outcome.AGREE, *FAILURES)
# groups of checks that call a target many times: they wait for those of values
CALLING = ("repeatable", "uses", "around", "nothing", "state", "threads")
HELD = 256  # large problems that are kept for the end

Heard = Callable[[Check, Problem, Verdict], None]  # told of each verdict


class Order:
    """Takes the problems of a run as they are drawn; `hurried` from the start, or as soon as calls prove slow."""

    def __init__(self, judging: Judging, pace: Pace, heard: Heard, *, hurried: bool = False) -> None:
        self.judging, self.pace, self.heard, self.hurried = judging, pace, heard, hurried
        self.met: set[str] = set()  # checks that have judged something
        self.held: list[Posed] = []
        self.opened = False

    def take(self, problem: Problem) -> None:
        """The next problem: judged now, or held."""
        posed = self.judging.pose(problem)
        if not self.hurried:
            self._ask(posed)
        if not posed.left:
            return
        if self.opened and not _large(posed):
            self._ask(posed)
            return
        self.held.append(posed)
        if not self.opened and len(self.held) == WINDOW:
            self._open()
        elif len(self.held) > HELD:
            self._ask(self.held.pop(0))

    def end(self) -> None:
        """No other problem comes: judge what is held."""
        if self.held and not self.opened:
            self._open()
        for posed in sorted(self.held, key=_size):
            self._ask(posed)

    def _ask(self, posed: Posed) -> None:
        """Every check that is left; up to where calls prove slow, which changes what comes next."""
        before = self.hurried
        for check in tuple(posed.left):
            self._of(check, posed)
            if not before and self.pace.slow:
                self.hurried = True
                return

    def _open(self) -> None:
        """Each check once on what is held, where it can judge any of that; then the rest, and large problems stay."""
        self.opened = True
        held, self.held = sorted(self.held, key=_large), []
        for later in (False, True):
            for posed in held:
                for check in tuple(posed.left):
                    if check.name not in self.met and (check.group in CALLING) == later:
                        self._of(check, posed)
        for posed in held:
            if _large(posed):
                self.held.append(posed)
            else:
                self._ask(posed)

    def _of(self, check: Check, posed: Posed) -> None:
        verdict = self.judging.ask(posed, check)
        if verdict.outcome in JUDGED:
            self.met.add(check.name)
        self.heard(check, posed.problem, verdict)


def _large(posed: Posed) -> bool:
    return posed.problem.entries > LARGE


_size = attrgetter("problem.entries")
