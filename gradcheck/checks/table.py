"""The table of checks. Each is one function of one signature; adding a check is adding a function.

A check yields what it compares (`Comparison`) or what it found (`Verdict`). It raises `Skip` where it does not apply.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import sentences
from gradcheck.checks.reading import Anew, Broken, Skip
from gradcheck.checks.trial import Trial
from gradcheck.problem import Problem
from gradcheck.verdict import Comparison, Outcome, Verdict, combine

Claim = Callable[[Trial], Iterator[Comparison | Verdict]]


@dataclass(frozen=True)
class Check:
    """One claim about an implementation on a problem; `claim` is the sentence, `equations` where the paper states it.

    A check without turns judges every problem of a run. The others, which cost more, take turns: they judge the first problem,
    and those whose number is one of `turns` modulo `TURNS`, of large ones only where `large` says so.
    """

    name: str
    equations: tuple[int, ...]
    needs: tuple[str, ...]
    claim: str
    function: Claim
    turns: tuple[int, ...] = ()
    large: bool = False

    def due(self, number: int, problem: Problem) -> bool:
        """Whether this check judges the problem of that number in a run."""
        due = number == 0 or number % TURNS in self.turns
        return not self.turns or (due and (self.large or problem.Y.size <= LARGE))

    def judge(self, trial: Trial) -> Verdict:
        """The verdict of this check on one problem. Never raises."""
        if trial.refused:
            return Verdict(Outcome.SKIPPED, trial.refused)
        missing = [name for name in self.needs if getattr(trial.implementation, name) is None]
        if missing:
            return Verdict(Outcome.SKIPPED, f"{trial.implementation.name} has no function {missing[0]!r}")
        try:
            with np.errstate(all="ignore"):  # what overflows is seen in the values
                verdicts = [item.verdict() if isinstance(item, Comparison) else item for item in self.function(trial)]
        except Skip as reason:
            return Verdict(Outcome.SKIPPED, str(reason))
        except Anew:  # once: what has been moved is not moved again
            return self.judge(Trial(trial.implementation, trial.problem, careful=trial.careful))
        except Broken as problem:
            return Verdict(Outcome.ERRORED, str(problem), final=problem.fatal)
        return combine(verdicts)


CHECKS: dict[str, Check] = {}
TURNS = 12
LARGE = 4096


def every(fourth: int) -> tuple[int, ...]:
    """The turns of a check that judges every fourth problem, beginning with that number."""
    return tuple(range(fourth, TURNS, 4))


def check(
    *equations: int, needs: tuple[str, ...], turns: tuple[int, ...] = (), large: bool = False
) -> Callable[[Claim], Claim]:
    """Enter a function into the table under its own name; the first line of its docstring is the claim."""

    def enter(function: Claim) -> Claim:
        CHECKS[function.__name__] = Check(
            function.__name__, equations, needs, sentences.first(function), function, turns, large
        )
        return function

    return enter


def found(message: str) -> Verdict:
    """A disagreement that is not a number."""
    return Verdict(Outcome.DISAGREE, message)


AGREED = Verdict(Outcome.AGREE)
