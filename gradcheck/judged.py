"""What the checks of a suite have to say once it is judged: plain data, which processes share, and what a test does with it."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Failed  # pytest.fail.Exception, by a name that a type checker knows

from gradcheck import sharing, supervisor
from gradcheck.budget import TOLD, Budget
from gradcheck.checks import select
from gradcheck.implementations import Implementation
from gradcheck.printable import printable, unheeded
from gradcheck.verdict import FAILURES, Outcome

if TYPE_CHECKING:
    from gradcheck.tally import Tally
    from gradcheck.verify import Run


class Known(Failed):
    """A failure that was expected; any other is no xfail."""


class Careless(UserWarning):
    """Code that agrees, and loses bits that careful code keeps."""


@dataclass
class Defaults:
    """What the command line and the ini file of pytest say, and the folder that the processes of a session share."""

    max_examples: int = 100
    seed: int = 0
    cases: str = "cases"
    careful: bool = False
    budget: float = 0.0  # seconds; 0 is no limit
    shared: Path | None = None


DEFAULTS = Defaults()


@dataclass(frozen=True)
class Said:
    """What one check says: what becomes of its test, and why; a warning, and what JUnit reports carry."""

    becomes: str
    why: str = ""
    warning: str = ""
    properties: tuple[tuple[str, str], ...] = ()


def _fail(why: str) -> None:
    __tracebackhide__ = True
    raise Failed(why, pytrace=False)


def _known(why: str) -> None:
    __tracebackhide__ = True
    raise Known(why, pytrace=False)


BECOMES: dict[str, Callable[[str], object]] = {
    "passed": lambda why: None,
    "skipped": pytest.skip,
    "expected": pytest.xfail,
    "failed": _fail,
    "known": _known,
}


def obeyed(said: Said) -> None:
    """Pass, skip, fail or warn, as was said."""
    __tracebackhide__ = True
    if said.warning:
        warnings.warn(said.warning, Careless, stacklevel=2)
    BECOMES[said.becomes](said.why)


@dataclass(eq=False)
class Suite:
    """One implementation in one precision, and what its checks have to say.

    `again` loads it anew; `key` is a name of it in all processes of a session, and `wanted` are the checks whose tests are run,
    where that is known.
    """

    implementation: Implementation
    dtype: str
    checks: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ()
    max_examples: int | None = None
    require: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    again: Callable[[], Implementation] | None = None
    door: str = "python"
    key: str = ""
    wanted: set[str] = field(default_factory=set)
    _said: dict[str, Said] | None = field(default=None, init=False)

    @property
    def said(self) -> dict[str, Said]:
        """What each check says, judged when it is first asked for."""
        if self._said is None:
            self._said = judged(self)
        return self._said

    @property
    def judged(self) -> bool:
        """Whether it has been asked for already."""
        return self._said is not None

    def names(self) -> Iterator[str]:
        """The checks that can be asked of it; one that was named in full is there anyway, and is skipped with the reason."""
        for check in select(self.checks):
            if check.name in self.checks or not check.barred(self.implementation, self.implementation.law, self.dtype):
                yield check.name


def judged(suite: Suite) -> dict[str, Said]:
    """What each check of a suite says; of those processes that share a session, one judges it."""
    if DEFAULTS.shared is None or not suite.key:
        return _judged(suite)
    plain = sharing.once(DEFAULTS.shared, suite.key, lambda: {name: asdict(s) for name, s in _judged(suite).items()})
    return {name: _read(found) for name, found in plain.items()}


def _read(found: dict[str, Any]) -> Said:
    return Said(**{**found, "properties": tuple((str(name), str(value)) for name, value in found["properties"])})


def _judged(suite: Suite) -> dict[str, Said]:
    from gradcheck import conformance
    from gradcheck.reports import words

    budget = Budget(DEFAULTS.budget or None)
    found = conformance.conform(
        suite.implementation,
        dtype=suite.dtype,
        checks=suite.checks,
        regimes=suite.regimes,
        max_examples=suite.max_examples or DEFAULTS.max_examples,
        seed=DEFAULTS.seed,
        careful=DEFAULTS.careful,
        budget=budget,
        heard=lambda failure: supervisor.tell(f"in {suite.key or suite.dtype}: {words.heard(failure)}"),
        require=suite.require,
    )
    if found.interrupted:
        raise KeyboardInterrupt
    run = replace(found, command=suite.words, door=suite.door)
    return dict(_saying(run, dict(_stories(run, suite, budget))))


def _stories(run: "Run", suite: Suite, budget: Budget) -> Iterator[tuple[str, str]]:
    """What each test that fails has to say: of those of one cause, the nearest to the code tells it, and the others name that."""
    from gradcheck import causes
    from gradcheck.reports import stories

    for cause in causes.of(run):
        leading = ""
        for name in (failure.check.name for failure in cause.failures):
            led = causes.led(run, name)
            if led is None or (suite.wanted and name not in suite.wanted):
                continue
            if leading:
                yield name, line(stories.same(leading, led))
                continue
            found = stories.in_a_line(led, run)
            leading = f"{name}-{suite.dtype}"
            led_by = replace(run, failures=led.failures[:1])
            (kept,) = _kept(led_by, suite, budget).failures
            lines = stories.lines(replace(led, failures=(kept, *led.failures[1:])), run)
            yield name, "\n".join(map(line, [found, *lines[1:]]))


def _kept(run: "Run", suite: Suite, budget: Budget) -> "Run":
    """With its cases saved, and repeated if there is time."""
    from gradcheck import conformance

    folder = Path(DEFAULTS.cases)
    found = budget.spend(TOLD, lambda: conformance.saved(run, folder, suite.again))
    return found or conformance.saved(run, folder)


def _saying(run: "Run", told: dict[str, str]) -> Iterator[tuple[str, Said]]:
    from gradcheck.reports import notes, words

    u = words.unit_roundoff(run)
    for name, tally in run.tallies.items():
        becomes, why = _becomes(tally, told)
        if becomes == "skipped" and {name, *tally.check.needs} & {*run.lacking}:
            becomes, why = "failed", line(f"required, and not judged: {why}")
        measured = words.measured(tally, u)
        lost = tally.lost is not None and becomes == "passed"
        yield name, Said(becomes, why, line(f"{name} {notes.line(tally)}") if lost else "", tuple(measured.items()))


def _becomes(tally: "Tally", told: dict[str, str]) -> tuple[str, str]:
    """What becomes of the test of this check, and why."""
    from gradcheck.reports import notes

    name = tally.check.name
    if tally.expected and tally.shown and tally.outcome is Outcome.AGREE:
        return "expected", line(tally.expected)  # another check shows what this one could not, on these problems
    if tally.outcome in FAILURES:
        return "failed" if tally.failed else "known", told.get(name) or line(f"{name}: {tally.expected}")
    if tally.lost is not None and tally.careful and not tally.expected:
        return "failed", line(f"{name} {notes.line(tally)}")
    if tally.outcome is not Outcome.AGREE:
        return "skipped", line(f"{tally.outcome}: {tally.reason}")
    return "passed", ""


def line(text: str) -> str:
    """A line as pytest prints it, which nobody obeys."""
    return unheeded(printable(text))
