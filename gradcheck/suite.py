"""The checks as pytest tests: what `gradcheck.parametrize` and `pytest --gradcheck` share.

A suite judges an implementation in one precision once, when the first of its tests asks; every other test reads its own check.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from _pytest.outcomes import Failed  # pytest.fail.Exception, by a name that a type checker knows

from gradcheck import conformance, reports
from gradcheck.implementations import Implementation
from gradcheck.printable import printable, unheeded
from gradcheck.settings import Target, named
from gradcheck.tally import Tally
from gradcheck.verdict import FAILURES, Outcome
from gradcheck.verify import Run, select

MARK = "gradcheck"


class Known(Failed):
    """A failure that was expected; any other is no xfail."""


class Careless(UserWarning):
    """Code that agrees, and loses bits that careful code keeps."""


@dataclass
class Defaults:
    """What the command line and the ini file of pytest say; the plugin fills it in."""

    max_examples: int = 100
    seed: int = 0
    cases: str = "cases"
    careful: bool = False


DEFAULTS = Defaults()


@dataclass(eq=False)
class Suite:
    """One implementation in one precision, and the run that judges it."""

    implementation: Implementation
    dtype: str
    checks: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ()
    max_examples: int | None = None
    words: tuple[str, ...] = ()
    again: Callable[[], Implementation] | None = None
    _run: Run | None = field(default=None, init=False)

    @property
    def run(self) -> Run:
        """The run, judged when it is first asked for."""
        if self._run is None:
            found = conformance.conform(
                self.implementation,
                dtype=self.dtype,
                checks=self.checks,
                regimes=self.regimes,
                max_examples=self.max_examples or DEFAULTS.max_examples,
                seed=DEFAULTS.seed,
                careful=DEFAULTS.careful,
            )
            if found.interrupted:
                raise KeyboardInterrupt
            self._run = replace(found, command=self.words)
        return self._run

    @property
    def judged(self) -> bool:
        """Whether the run is there already."""
        return self._run is not None

    def tests(self) -> Iterator["CheckTest"]:
        """One for each check."""
        yield from (CheckTest(self, check.name) for check in select(self.checks))


@dataclass(frozen=True, eq=False)
class CheckTest:
    """One check of a suite. Calling it passes, fails with the panel of `gradcheck verify`, or skips with the reason."""

    suite: Suite
    name: str

    @property
    def id(self) -> str:
        """`theta_gradient[float64]`, as pytest shows it."""
        return f"{self.name}-{self.suite.dtype}"

    @property
    def expected(self) -> str:
        """Why it is known to fail, or nothing."""
        return self.suite.implementation.expected(self.name, self.suite.dtype)

    @property
    def marks(self) -> list[pytest.MarkDecorator]:
        """An expected failure is a strict xfail."""
        known = [pytest.mark.xfail(reason=_line(self.expected), strict=True, raises=Known)] if self.expected else []
        return [getattr(pytest.mark, MARK), *known]

    @property
    def tally(self) -> Tally:
        """What the check said of all problems."""
        return self.suite.run.tallies[self.name]

    def __call__(self) -> None:
        __tracebackhide__ = True
        tally, run = self.tally, self.suite.run
        if tally.expected and tally.shown and tally.outcome is Outcome.AGREE:
            pytest.xfail(_line(tally.expected))  # another check shows what this one could not, on these problems
        if tally.outcome in FAILURES:
            raise (Failed if tally.failed else Known)(self.panel(run), pytrace=False)
        if tally.lost is not None and DEFAULTS.careful and not tally.expected:
            raise Failed(_line(f"{self.name} {reports.notes.line(tally)}"), pytrace=False)
        if tally.lost is not None:
            warnings.warn(_line(f"{self.name} {reports.notes.line(tally)}"), Careless, stacklevel=2)
        if tally.outcome is not Outcome.AGREE:
            pytest.skip(_line(f"{tally.outcome}: {tally.reason}"))

    def panel(self, run: Run) -> str:
        """The panel of `gradcheck verify`; for a failure that was expected, its first words."""
        mine = replace(run, failures=tuple(f for f in run.failures if f.check.name == self.name))
        if not mine.failures:
            return _line(f"{self.name}: {self.expected}")
        (failure,) = conformance.saved(mine, Path(DEFAULTS.cases), self.suite.again).failures
        return "\n".join(map(_line, [*reports.words.panel(failure, run), *filter(None, [reports.commands.meant(run)])]))

    def properties(self) -> Iterator[tuple[str, str]]:
        """What JUnit reports carry."""
        u = reports.words.unit_roundoff(self.suite.run)
        yield "test_ratio", reports.words.ratio(self.tally.ratio)
        yield "effective_bits", reports.words.bits(self.tally.bits(u))
        yield "judged", str(self.tally.judged)


def _line(text: str) -> str:
    """A line as pytest prints it, which nobody obeys."""
    return unheeded(printable(text))


def suites(
    target: Implementation | Target | str,
    *,
    dtypes: Iterable[str] = (),
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int | None = None,
) -> list[Suite]:
    """A suite for each precision: those asked for, else those that the target names, else float64 or the first that it offers."""
    spec = named(target, Path.cwd()) if isinstance(target, str) else target
    implementation = spec.load() if isinstance(spec, Target) else spec
    told = spec if isinstance(spec, Target) else Target(implementation.name)
    asked = tuple(dtypes) or told.dtypes or implementation.default_dtypes
    for dtype in asked:
        conformance.require(implementation, dtype)
    chosen = {"checks": tuple(checks) or told.checks, "regimes": tuple(regimes) or told.regimes}
    words = spec.words if isinstance(spec, Target) else ()
    count = max_examples or told.max_examples
    again = spec.load if isinstance(spec, Target) else None
    return [Suite(implementation, dtype, **chosen, max_examples=count, words=words, again=again) for dtype in asked]


def parametrize(target: Implementation | Target | str, **settings: Any) -> pytest.MarkDecorator:
    """A decorator that makes one test of each check of an implementation; the test takes `check`, and calls it.

        @gradcheck.parametrize("my_model.py:gradients", dtypes=("float64", "float32"))
        def test_my_model(check):
            check()

    `target` is an Implementation or what `gradcheck verify` takes. `dtypes`, `checks` and `regimes` (globs) and
    `max_examples` are as there; --gradcheck-max-examples and --gradcheck-seed hold where they are not given. Expected failures
    are strict xfails with their reason; what could not be judged is skipped, with its reason.
    """
    tests = [test for suite in suites(target, **settings) for test in suite.tests()]
    return pytest.mark.parametrize("check", [pytest.param(test, id=test.id, marks=test.marks) for test in tests])
