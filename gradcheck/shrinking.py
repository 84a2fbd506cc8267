"""The smallest problem on which a check fails: begun at the smallest that is known, made smaller by its own structure.

One search serves all checks that fail for the same cause: whatever is found for one is tried with the others first. Deterministic,
and limited in calls, so that a run that fails takes little longer than one that does not.
"""

from collections.abc import Callable

from gradcheck import clock
from gradcheck.checks import Check, Trial
from gradcheck.implementations import Implementation, posing
from gradcheck.problem import Problem
from gradcheck.reduction import reduce
from gradcheck.tally import Tally, rank
from gradcheck.verdict import Verdict

CALLS = 160  # smaller problems that are tried for one check
ALL = 480  # for all checks of a run
LEAST = 16  # for a check for which nothing is left of that

Found = tuple[Problem, Verdict]
Within = Callable[[Problem], bool]


class Shrinking:
    """Smallest failing problems of one implementation, as they are found; `known` are tried with every check first.

    `reached` is what a check that is being worked at has come to, for whoever has no time to wait for more.
    """

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.known: list[Trial] = []
        self.reached: dict[str, Found] = {}
        self._said: dict[tuple[str, Trial], Verdict] = {}
        self.left = ALL

    def of(self, tally: Tally, within: Within = lambda problem: True) -> Found:
        """The smallest problem on which this check fails in the same way; the first one found where it does not fail again.

        No problem outside of `within` is taken.
        """
        check = tally.check
        assert tally.first is not None
        if tally.first[1].final:
            return tally.first
        start = tally.smallest or tally.first
        shared = self._shared(check, start, within)
        if shared is not None and rank(shared) <= rank(start):
            return shared
        return self._own(tally, start, within)

    def settled(self, found: list[tuple[Check, Found]]) -> list[Found]:
        """Of each check the smallest problem that is known by now; of several of one size that on which most checks fail."""
        failing = {trial: sum(self._of_known(check, trial).failed for check, _ in found) for trial in self.known}
        ordered = sorted(self.known, key=lambda trial: -failing[trial])
        return [self._best(check, each, ordered) for check, each in found]

    def _best(self, check: Check, found: Found, trials: list[Trial]) -> Found:
        if found[1].final:
            return found
        others = [(trial.problem, self._of_known(check, trial)) for trial in trials]
        return min((*(each for each in others if each[1].outcome is found[1].outcome), found), key=rank)

    def _shared(self, check: Check, like: Found, within: Within) -> Found | None:
        """The best of the known problems on which it fails as it did."""
        found = [(trial.problem, self._of_known(check, trial)) for trial in self.known if within(trial.problem)]
        return min((each for each in found if each[1].outcome is like[1].outcome), key=rank, default=None)

    def _of_known(self, check: Check, trial: Trial) -> Verdict:
        """What a check says of a known problem, judged once."""
        if (check.name, trial) not in self._said:
            self._said[check.name, trial] = self._judged(check, trial)
        return self._said[check.name, trial]

    def _own(self, tally: Tally, start: Found, within: Within) -> Found:
        """Made smaller from where it begins, if it fails there again."""
        assert tally.first is not None
        check = tally.check
        for problem, verdict in dict.fromkeys((start, tally.first)):
            if self._same(self._judged(check, Trial(self.implementation, problem)), verdict):
                break
        else:
            return tally.first  # it does not repeat itself
        calls = max(min(CALLS, self.left), LEAST)
        tried = 0

        def fails(candidate: Problem) -> bool:
            nonlocal tried
            tried += 1
            if not within(candidate):
                return False
            found = self._judged(check, Trial(self.implementation, candidate))
            if same := self._same(found, verdict):
                self.reached[check.name] = posing.drawn(self.implementation, candidate), found
            return same

        smallest = posing.drawn(self.implementation, reduce(problem, fails, calls))
        self.left -= tried
        trial = Trial(self.implementation, smallest)
        found = self._judged(check, trial)
        if found.outcome is not verdict.outcome:
            return problem, verdict
        self.known.append(trial)
        return smallest, found

    def _same(self, found: Verdict, wanted: Verdict) -> bool:
        """Whether it fails in the same way, and as far beyond dispute."""
        return found.outcome is wanted.outcome and found.convincing >= wanted.convincing

    def _judged(self, check: Check, trial: Trial) -> Verdict:
        clock.look()
        return check.judge(trial)
