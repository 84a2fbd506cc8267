"""Judging: every check on one problem, and the tally of many. Poses no problems and writes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import ArrayLike

from gradcheck import precision, traits
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import CHECKS, Check, Trial
from gradcheck.diagnosis import Diagnosis, keep
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, Layout, adapt
from gradcheck.problem import Problem
from gradcheck.verdict import FAILURES, SEVERITY, Outcome, Verdict

FEW = 10  # problems that are enough to speak of
GRADIENTS = {"theta": "theta_gradient", "b": "bias_gradient", "Z": "logits_gradient"}


def select(globs: Iterable[str]) -> tuple[Check, ...]:
    """The checks whose name matches any of the globs, in the order of the table; all of them where there is no glob."""
    globs = tuple(globs) or ("*",)
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in CHECKS):
            raise Unusable(f"no check matches {glob!r}; `gradcheck checks` lists them")
    return tuple(check for name, check in CHECKS.items() if any(fnmatchcase(name, glob) for glob in globs))


def judge(
    implementation: Implementation,
    problem: Problem,
    checks: Iterable[Check] = tuple(CHECKS.values()),
    *,
    careful: bool = False,
) -> dict[str, Verdict]:
    """The verdict of each check on one problem. The exact values are worked out once.

    `careful` asks of this problem how many bits an agreement loses beside careful code; otherwise some problems are asked.
    """
    trial = Trial(adapt(implementation), problem, careful=careful)
    return {check.name: check.judge(trial) for check in checks}


def parted(
    implementation: Implementation, problems: Iterable[Problem], checks: Iterable[Check]
) -> tuple[list[Problem], list[Problem]]:
    """The problems on which a check fails, and the others."""
    checks, failing, passing = tuple(checks), list[Problem](), list[Problem]()
    for problem in problems:
        wrong = any(verdict.failed for verdict in judge(implementation, problem, checks).values())
        (failing if wrong else passing).append(problem)
    return failing, passing


@dataclass
class Tally:
    """What one check said over many problems.

    `ratio` is the worst test ratio, `slack` the largest share of the rounding bound used, `shares` where it is above 1,
    `reasons` counts why a problem was not judged. `first` is the first problem that failed and its verdict.
    `expected` is the reason why this check is known to fail, if it is, and `shown` whether a check that is expected to fail
    for the same reason did. `failing` keeps the first problems that failed, for a diagnosis. `lost` is the problem on which most
    bits were lost beside careful code, and its verdict; `careful` makes that a failure.
    """

    check: Check
    expected: str = ""
    shown: bool = False
    counts: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    ratio: float | None = None
    slack: float | None = None
    first: tuple[Problem, Verdict] | None = None
    failing: list[Problem] = field(default_factory=list)
    shares: traits.Confinement = field(default_factory=traits.Confinement)
    lost: tuple[Problem, Verdict] | None = None
    careful: bool = False

    def add(self, problem: Problem, verdict: Verdict) -> None:
        """Count one verdict."""
        self.counts[verdict.outcome] += 1
        if verdict.outcome in (Outcome.SKIPPED, Outcome.INCONCLUSIVE):
            self.reasons[verdict.reason] += 1
        if verdict.ratio is not None:
            self.ratio = max(self.ratio or 0.0, verdict.ratio)
        if verdict.slack is not None:
            self.slack = max(self.slack or 0.0, verdict.slack)
            self.shares.add(traits.of(problem), verdict.slack)
        if verdict.lost and (self.lost is None or verdict.lost > self.lost[1].lost):
            self.lost = problem, verdict
        if verdict.failed and self.first is None:
            self.first = problem, verdict
        if verdict.failed and not verdict.final:
            keep(self.failing, problem)

    @property
    def outcome(self) -> Outcome:
        """The most severe thing said; skipped where nothing was."""
        return next((outcome for outcome in SEVERITY if self.counts[outcome]), Outcome.SKIPPED)

    @property
    def stale(self) -> bool:
        """Whether it was expected to fail and could, but agreed, as did every other check with the same reason."""
        return bool(self.expected) and self.outcome is Outcome.AGREE and not self.shown

    @property
    def failed(self) -> bool:
        """Whether it makes a run fail: it disagrees or errored without being expected to, or the other way round.

        An expectation is of a disagreement; of errors only where its reason begins with "errored".
        """
        unforeseen = bool(self.counts[Outcome.ERRORED]) and not self.expected.startswith("errored")
        careless = self.careful and self.lost is not None
        return self.stale or unforeseen or (not self.expected and (careless or self.outcome in FAILURES))

    @property
    def judged(self) -> int:
        """On how many problems it agreed, disagreed or errored."""
        return sum(self.counts[outcome] for outcome in (Outcome.AGREE, *FAILURES))

    @property
    def reason(self) -> str:
        """Why problems were not judged: the most frequent reason."""
        return self.reasons.most_common(1)[0][0] if self.reasons else ""

    def bits(self, u: float) -> float | None:
        """Effective bits, -log2 of the smallest unit roundoff under which every problem would still pass.

        The bounds are proportional to u to first order, so this is -log2(slack u). None where no rounding was seen.
        """
        return float(-np.log2(self.slack * u)) if self.slack else None

    def worst_regime(self, u: float) -> tuple[float, str] | None:
        """Where a trait of the problems tells those that cost bits from the others: the bits of the others, and that trait.

        `(53.2, "the largest |logit| is 1e+06 or more")` says that there are 53 bits except there, where `bits` are left. None
        where all bits of the precision are there, or no trait tells.
        """
        found = self.shares.found() if self.shares.good >= FEW else None
        if found is None:
            return None
        where, rest = found
        return float(-np.log2(rest * u)) if rest else np.inf, where


class Judging:
    """Every check in its turn, on one problem after the other: a tally of each, and problems on which none failed."""

    def __init__(
        self, implementation: Implementation, checks: tuple[Check, ...], dtype: str, *, careful: bool = False
    ) -> None:
        self.implementation, self.checks, self.careful = implementation, checks, careful
        self.tallies = {
            check.name: Tally(check, implementation.expected(check.name, dtype), careful=careful) for check in checks
        }
        self.passing: list[Problem] = []
        self.done = 0

    def judge(self, problem: Problem) -> dict[str, Verdict]:
        """The verdicts of the checks whose turn it is, which are counted."""
        due = [check for check in self.checks if check.due(self.done, problem)]
        verdicts = judge(self.implementation, problem, due, careful=self.careful)
        for name, verdict in verdicts.items():
            self.tallies[name].add(problem, verdict)
        if not any(verdict.failed for verdict in verdicts.values()):
            keep(self.passing, problem)
        self.done += 1
        return verdicts


@dataclass(frozen=True)
class Failure:
    """A check that failed: the smallest problem found on which it does, its verdict there, and where that is saved.

    `explained` counts the failing problems that the run's diagnosis explains, and those that were examined.
    """

    check: Check
    problem: Problem
    verdict: Verdict
    failed: int
    judged: int
    case: str = ""
    explained: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Run:
    """All verdicts of one implementation in one precision, and what is needed to repeat them.

    `printed` counts the characters that the target wrote to standard output and standard error. `command` holds the words that
    name it on a command line, where they are known, `meant` a layout and `rounds` an arithmetic under which everything that failed
    would agree.
    `diagnosis` says what the code does wrong, or describes it; `notes` what the target did to this process.
    """

    target: str
    dtype: str
    seed: int
    max_examples: int
    regimes: tuple[str, ...]
    problems: int
    tallies: Mapping[str, Tally]
    layout: Layout = field(default_factory=Layout)
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    failures: tuple[Failure, ...] = ()
    interrupted: bool = False
    printed: int = 0
    command: tuple[str, ...] = ()
    meant: Layout | None = None
    rounds: Arithmetic | None = None
    diagnosis: Diagnosis | None = None
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any check makes it fail."""
        return any(tally.failed for tally in self.tallies.values())

    @property
    def judged(self) -> bool:
        """Whether any claim of an equation could be judged; conduct counts where nothing else was asked for."""
        claims = [tally for tally in self.tallies.values() if tally.check.equations] or list(self.tallies.values())
        return any(tally.judged for tally in claims)


def settle(tallies: Mapping[str, Tally], problems: int) -> None:
    """What can be said of the tallies of a run only when all its problems have been judged."""
    reasons = {tally.expected for tally in tallies.values() if tally.outcome in FAILURES} - {""}
    for tally in tallies.values():
        tally.shown = tally.expected in reasons
        if not tally.counts:
            tally.counts[Outcome.SKIPPED] += 1
            tally.reasons[f"its turn did not come in {problems} problem{'s' * (problems != 1)}"] += 1


def known(expected: Iterable[str]) -> None:
    """Raise `Unusable` for a name among expected failures that is no check, or no check/dtype."""
    for entry in expected:
        check, _, dtype = entry.partition("/")
        if check not in CHECKS or (dtype and dtype not in precision.NAMES):
            raise Unusable(
                f"expected_failures names {entry!r}; expected a check (`gradcheck checks` lists them) or check/dtype"
            )


def status(runs: Iterable[Run]) -> int:
    """Exit status: 0 everything judged agrees, 1 something disagrees or errored, 3 in some run nothing could be judged."""
    runs = tuple(runs)
    if any(run.failed for run in runs):
        return 1
    return 0 if runs and all(run.judged for run in runs) else 3


def judge_gradient(problem: Problem, **gradients: ArrayLike) -> dict[str, Verdict]:
    """Judge gradients that were computed elsewhere: `theta` (L, d), `b` (L, 1) or `Z` (L, n), each by its own name.

    No function is called and nothing is posed: each array is held against the exact gradient of this problem. Raises
    `Unusable` for another name, and answers *errored* for a wrong shape.
    """
    trial = Trial(Implementation("given", gradients=lambda *arrays: gradients), problem)
    unknown = sorted(set(gradients) - set(GRADIENTS))
    if unknown or not gradients:
        raise Unusable(f"gradients named {unknown or 'nothing'}; expected any of {', '.join(GRADIENTS)}")
    return {name: CHECKS[GRADIENTS[name]].judge(trial) for name in gradients}
