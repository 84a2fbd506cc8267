"""The table of checks. Each is one function of one signature; adding a check is adding a function.

A check yields what it compares (`Comparison`) or what it found (`Verdict`). It raises `Skip` where it does not apply.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck import sentences
from gradcheck.checks import own
from gradcheck.checks.bars import Bar
from gradcheck.checks.reading import Anew, Broken, Skip
from gradcheck.checks.trial import Trial
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation
from gradcheck.law import CrossEntropy
from gradcheck.printable import clipped
from gradcheck.problem import Problem
from gradcheck.regimes import matching
from gradcheck.verdict import Comparison, Outcome, Verdict, combine

Claim = Callable[[Trial], Iterator[Comparison | Verdict]]


@dataclass(frozen=True)
class Check:
    """One claim about an implementation on a problem; `claim` is the sentence, `equations` where the paper states it.

    A check without turns judges every problem of a run. The others, which cost more, take turns: they judge the first problem,
    and those whose number is one of `turns` modulo `TURNS`, of large ones only where `large` says so. `bars` tell what keeps it
    from every problem.
    """

    name: str
    equations: tuple[int, ...]
    needs: tuple[str, ...]
    claim: str
    function: Claim
    turns: tuple[int, ...] = ()
    large: bool = False
    bars: tuple[Bar, ...] = ()

    @property
    def group(self) -> str:
        """The file of `gradcheck.checks` that it stands in: values, state, …"""
        return self.function.__module__.rpartition(".")[2]

    def due(self, number: int, problem: Problem) -> bool:
        """Whether this check judges the problem of that number in a run."""
        due = number == 0 or number % TURNS in self.turns
        return not self.turns or (due and (self.large or self._cheap(problem)))

    def _cheap(self, problem: Problem) -> bool:
        """Whether what it looks at is small: arrays of the problem, or a Jacobian of a sample (L, L)."""
        square = problem.L**2 if "softmax_jacobian" in self.needs else 0
        return max(problem.Y.size, problem.theta.size, problem.X.size) <= LARGE and square <= SQUARE

    def barred(self, implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
        """Why it judges no problem of this loss in this precision, whatever the numbers; empty where it may."""
        if reason := own.barred(self.name, law):
            return reason
        for name in self.of(law).needs:
            if getattr(implementation, name) is None:
                return implementation.missing(name)
        return next(filter(None, (bar(implementation, law, dtype) for bar in self.bars)), "")

    def of(self, law: CrossEntropy) -> "Check":
        """As it is asked of this loss."""
        needs = own.needs(self.name, law)
        return replace(self, needs=needs) if needs else self

    def claims(self, law: CrossEntropy) -> str:
        """The sentence, of this loss."""
        return own.claim(self.name, self.claim, law)

    def judge(self, trial: Trial) -> Verdict:
        """The verdict of this check on one problem. Never raises."""
        barred = trial.refused or self.barred(trial.implementation, trial.law, trial.problem.precision.name)
        if barred:
            return Verdict(Outcome.SKIPPED, barred)
        verdicts: list[Verdict] = []
        try:
            with np.errstate(all="ignore"):  # what overflows is seen in the values
                for item in self.function(trial):
                    verdicts.append(item.verdict() if isinstance(item, Comparison) else item)
        except Skip as reason:
            failed = [verdict for verdict in verdicts if verdict.failed]  # before a call that was declined
            return combine(failed) if failed else Verdict(Outcome.SKIPPED, str(reason))
        except Anew:  # once: what has been moved is not moved again
            return self.judge(Trial(trial.implementation, trial.problem, careful=trial.careful, few=trial.few))
        except Broken as problem:
            return Verdict(Outcome.ERRORED, str(problem), final=problem.fatal)
        return combine(verdicts)


CHECKS: dict[str, Check] = {}


def select(globs: Iterable[str]) -> tuple[Check, ...]:
    """The checks whose name matches any of the globs, in the order of the table; all of them where there is no glob."""
    chosen: dict[str, None] = {}
    for glob in tuple(globs) or ("*",):
        names = matching(CHECKS, glob)
        if not names:
            raise Unusable(f"no check matches {clipped(glob, 60)!r}; `gradcheck checks` lists them")
        chosen.update(dict.fromkeys(names))
    return tuple(check for name, check in CHECKS.items() if name in chosen)


TURNS = 12
LARGE = 4096  # numbers of an array
SQUARE = 2**17  # numbers of a Jacobian


def every(fourth: int) -> tuple[int, ...]:
    """The turns of a check that judges every fourth problem, beginning with that number."""
    return tuple(range(fourth, TURNS, 4))


def check(
    *equations: int,
    needs: tuple[str, ...],
    turns: tuple[int, ...] = (),
    large: bool = False,
    bars: tuple[Bar, ...] = (),
) -> Callable[[Claim], Claim]:
    """Enter a function into the table under its own name; the first line of its docstring is the claim."""

    def enter(function: Claim) -> Claim:
        CHECKS[function.__name__] = Check(
            function.__name__, equations, needs, sentences.first(function), function, turns, large, bars
        )
        return function

    return enter


def found(message: str) -> Verdict:
    """A disagreement that is not a number."""
    return Verdict(Outcome.DISAGREE, message)


AGREED = Verdict(Outcome.AGREE)
