"""Judging: every check on one problem, and the tally of many. Poses no problems and writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from numpy.typing import ArrayLike

from gradcheck import precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import CHECKS, Check, Trial
from gradcheck.checks import select as select  # noqa: PLC0414 - by this name it is known
from gradcheck.checks.own import require_sound, require_steady
from gradcheck.diagnosis import Diagnosis
from gradcheck.errors import Unusable, near
from gradcheck.implementations import FUNCTIONS, Implementation, Layout, Takes, adapt
from gradcheck.law import CrossEntropy
from gradcheck.pictures import Larger, Picture
from gradcheck.printable import clipped
from gradcheck.problem import Problem
from gradcheck.regimes import matching
from gradcheck.shares import Shares
from gradcheck.tally import Tally
from gradcheck.unposed import Gap
from gradcheck.verdict import FAILURES, Outcome, Verdict

GRADIENTS = {"theta": "theta_gradient", "b": "bias_gradient", "Z": "logits_gradient", "X": "data_gradient"}


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
    require_sound(problem)
    trial = Trial(adapt(implementation), problem, careful=careful)
    found = {check.name: check.judge(trial) for check in checks}
    if any(verdict.failed for verdict in found.values()):
        require_steady(trial)
    return found


def parted(
    implementation: Implementation, problems: Iterable[Problem], checks: Iterable[Check]
) -> tuple[list[Problem], list[Problem]]:
    """The problems on which a check fails, and the others."""
    checks, failing, passing = tuple(checks), list[Problem](), list[Problem]()
    for problem in problems:
        trial = Trial(adapt(implementation), problem)
        wrong = any(check.judge(trial).failed for check in checks)  # the others need not be asked
        (failing if wrong else passing).append(problem)
    return failing, passing


@dataclass(frozen=True)
class Failure:
    """A check that failed: the smallest problem found on which it does, its verdict there, and where that is saved.

    `explained` counts the failing problems that the run's diagnosis explains, and those that were examined. `pictures` are the
    arrays that are compared on the problem that its cause is shown on, where anybody looks at them, and `larger` those of a problem
    on which a pattern shows. `again` says how it is repeated where no command does it, `since` from which size it fails. It is
    `shrunk` unless the time was up.
    """

    check: Check
    problem: Problem
    verdict: Verdict
    failed: int
    judged: int
    case: str = ""
    explained: tuple[int, int] = (0, 0)
    pictures: tuple[Picture, ...] = ()
    larger: Larger | None = None
    again: str = ""
    since: str = ""
    shrunk: bool = True


@dataclass(frozen=True)
class Cut:
    """Where a run has ended since its `seconds` were over, and what it has left undone.

    `whole`: all its problems were judged. Otherwise `partly` are those of which some checks were not asked any more. `undone` is
    what was not looked for to the end, in words.
    """

    seconds: float
    whole: bool = False
    partly: int = 0
    undone: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Run:
    """All verdicts of one implementation in one precision, and what is needed to repeat them.

    `printed` counts the characters that the target wrote to standard output and standard error. `command` holds the words that
    name it on a command line, where they are known, `meant` and `meant_law` a layout and a loss, and `rounds` an arithmetic, under
    which everything that failed would agree.
    `diagnosis` says what the code does wrong, or describes it; `notes` what the target did to this process. `door` is where its
    layout and its loss are declared, and advice is given for: "command", "python" or "pyproject". A `nameless` target was made by
    hand: no command loads it. `unposed` is what was not judged, and what would; `required` are functions and checks that have to be
    judged. `cut` says what there was no time for. `shares` say how problems were shared out, of a run on ranks.

        >>> import gradcheck
        >>> run = gradcheck.conform("numpy", checks=["loss"], max_examples=20)
        >>> run.failed, run.problems, [str(tally.outcome) for tally in run.tallies.values()]
        (False, 20, ['agree'])
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
    law: CrossEntropy = field(default_factory=CrossEntropy)
    failures: tuple[Failure, ...] = ()
    interrupted: bool = False
    printed: int = 0
    command: tuple[str, ...] = ()
    meant: Layout | None = None
    meant_law: CrossEntropy | None = None
    rounds: Arithmetic | None = None
    diagnosis: Diagnosis | None = None
    notes: tuple[str, ...] = ()
    door: str = "command"
    nameless: bool = False
    cut: Cut | None = None
    takes: Takes = field(default_factory=Takes)
    unposed: tuple[Gap, ...] = ()
    required: tuple[str, ...] = ()
    shares: Shares | None = None

    def report(self) -> str:
        """What `gradcheck verify` says of it, as plain text: what is wrong, with fix and smallest problem, or what agrees."""
        from gradcheck.reports import told

        return told.text(self)

    def __str__(self) -> str:
        from gradcheck.reports import told

        return told.line(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {clipped(str(replace(self, target=clipped(self.target, 40))), 120)}>"

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from gradcheck.reports import told

        return told.html(self)

    @property
    def failed(self) -> bool:
        """Whether any check makes it fail."""
        return any(tally.failed for tally in self.tallies.values())

    @property
    def judged(self) -> bool:
        """Whether any claim of an equation could be judged; conduct counts where nothing else was asked for."""
        claims = [tally for tally in self.tallies.values() if tally.check.equations] or list(self.tallies.values())
        return any(tally.judged for tally in claims)

    @property
    def lacking(self) -> tuple[str, ...]:
        """What is required, and could not be judged: a function of which no claim was, or a check."""
        return tuple(name for name in self.required if not self._met(name))

    def _met(self, name: str) -> bool:
        if name in FUNCTIONS:
            return any(t.judged for t in self.tallies.values() if name in t.check.needs and t.check.equations)
        return name in self.tallies and self.tallies[name].judged > 0


def required(names: Iterable[str]) -> tuple[str, ...]:
    """The functions and checks of these names; a glob is every check that it matches. `Unusable` for what is neither."""
    found: dict[str, None] = {}
    for name in names:
        known = [name] if name in FUNCTIONS else matching(CHECKS, name)
        if not known:
            hint = near(name, (*FUNCTIONS, *CHECKS)) or f"expected any of {', '.join(FUNCTIONS)}, or a check"
            raise Unusable(f"{clipped(name, 60)!r} cannot be required; {hint}")
        found.update(dict.fromkeys(known))
    return tuple(found)


def settle(tallies: Mapping[str, Tally], problems: int, seconds: float = 0.0) -> None:
    """What can be said of the tallies of a run only when all its problems have been judged, or its `seconds` are over."""
    reasons = {tally.expected for tally in tallies.values() if tally.outcome in FAILURES} - {""}
    when = f"{seconds:.3g} s" if seconds else f"{problems} problem{'s' * (problems != 1)}"
    for tally in tallies.values():
        tally.shown = tally.expected in reasons
        if not tally.counts:
            tally.counts[Outcome.SKIPPED] += 1
            tally.reasons[f"its turn did not come in {when}"] += 1


def known(expected: Iterable[str]) -> None:
    """Raise `Unusable` for a name among expected failures that is no check, or no check/dtype."""
    for entry in expected:
        check, _, dtype = entry.partition("/")
        if check not in CHECKS or (dtype and dtype not in precision.NAMES):
            raise Unusable(
                f"expected_failures names {clipped(entry, 60)!r}; expected a check (`gradcheck checks` lists them) or check/dtype"
            )


def status(runs: Iterable[Run]) -> int:
    """Exit status: 0 everything judged agrees, 1 something disagrees or errored, 3 some run could not judge what it has to."""
    runs = tuple(runs)
    if any(run.failed for run in runs):
        return 1
    return 0 if runs and all(run.judged and not run.lacking for run in runs) else 3


def judge_gradient(problem: Problem, **gradients: ArrayLike) -> dict[str, Verdict]:
    """Judge gradients that were computed elsewhere: `theta` (L, d), `b` (L, 1), `Z` (L, n) or `X` (d, n), each by its own
    name.

    No function is called and nothing is posed: each array is held against the exact gradient of this problem. Raises
    `Unusable` for another name, and answers *errored* for a wrong shape.

        >>> import gradcheck, numpy as np
        >>> p = gradcheck.Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.array([[1.0], [0.0]]))
        >>> str(gradcheck.judge_gradient(p, b=np.array([[-0.5], [0.5]]))["b"].outcome)
        'agree'
    """
    trial = Trial(Implementation("given", gradients=lambda *arrays: gradients), problem)
    unknown = sorted(set(gradients) - set(GRADIENTS))
    if unknown or not gradients:
        raise Unusable(f"gradients named {unknown or 'nothing'}; expected any of {', '.join(GRADIENTS)}")
    return {name: CHECKS[GRADIENTS[name]].judge(trial) for name in gradients}
