"""The checks as pytest tests: what `gradcheck.parametrize` and `pytest --gradcheck` share.

A suite judges an implementation in one precision once, when the first of its tests asks; every other test reads its own check.
Where several processes share a session, one of them judges. Only checks that can be asked of the implementation are tests.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gradcheck.api.targets import given
from gradcheck.api.telling import telling
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import select
from gradcheck.errors import Unusable
from gradcheck.implementations import FUNCTIONS, Layout, Takes
from gradcheck.judged import Known, Suite, line, obeyed
from gradcheck.law import CrossEntropy
from gradcheck.settings import Target
from gradcheck.verify import required

MARK = "gradcheck"


@dataclass(frozen=True, eq=False)
class CheckTest:
    """One check of a suite. Calling it passes, fails with the story of `gradcheck verify`, or skips with the reason."""

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
        known = [pytest.mark.xfail(reason=line(self.expected), strict=True, raises=Known)] if self.expected else []
        return [getattr(pytest.mark, MARK), *known]

    def __call__(self) -> None:
        __tracebackhide__ = True
        obeyed(self.suite.said[self.name])

    def properties(self) -> Iterator[tuple[str, str]]:
        """What JUnit reports carry."""
        yield from self.suite.said[self.name].properties


def tests(suite: Suite) -> list[CheckTest]:
    """One for each check that can be asked; `Unusable` where there is none."""
    found = [CheckTest(suite, name) for name in suite.names()]
    if not found:
        first = select(suite.checks)[0]
        reason = first.barred(suite.implementation, suite.implementation.law, suite.dtype)
        raise Unusable(
            f"{suite.implementation.name}: no check can be asked of it in {suite.dtype}; {first.name}: {reason}"
        )
    return found


def suites(
    target: Any,
    *,
    dtypes: Iterable[str] = (),
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int | None = None,
    require: Iterable[str] = (),
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    takes: Takes | None = None,
    folders: Iterable[Path] = (),
) -> list[Suite]:
    """A suite for each precision: those asked for, else those that the target names, else float64 or the first that it offers."""
    told, implementation = given(target, layout=layout, law=law, arithmetic=arithmetic, takes=takes, folders=folders)
    asked = tuple(dtypes) or told.dtypes or implementation.default_dtypes
    for dtype in asked:
        implementation.require(dtype)
    chosen = {"checks": tuple(checks) or told.checks, "regimes": tuple(regimes) or told.regimes}
    chosen["require"] = required(tuple(require) or told.require)
    for name in chosen["require"]:
        if name in FUNCTIONS and name not in implementation.offers:
            raise Unusable(f"{name} is required: {implementation.missing(name)}")
    how = {"words": told.words, "door": "pyproject" if told.configured else "python"}
    count = max_examples or told.max_examples
    again = told.load if isinstance(target, str | os.PathLike | Target) else None
    return [Suite(implementation, dtype, **chosen, max_examples=count, again=again, **how) for dtype in asked]  # type: ignore[arg-type]


@telling
def parametrize(
    target: Any,
    *,
    dtypes: Iterable[str] = (),
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int | None = None,
    require: Iterable[str] = (),
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    takes: Takes | None = None,
) -> pytest.MarkDecorator:
    """A decorator that makes one test of each check of an implementation; the test takes `check`, and calls it.

        @gradcheck.parametrize("my_model.py:gradients", dtypes=("float64", "float32"))
        def test_my_model(check):
            check()

    `target` is whatever `gradcheck.load` takes; a file is looked for in the current folder, pytest's rootdir and the folder of the
    test. `dtypes`, `checks` and `regimes` (names or globs) and `max_examples` are as for `gradcheck verify`;
    --gradcheck-max-examples and --gradcheck-seed hold where they are not given. `layout`, `law`, `arithmetic` and `takes` declare
    what the target is. Checks that cannot be asked of it are no tests, unless `checks` names them; expected failures are strict
    xfails with their reason; what could not be judged is skipped, with its reason, or fails where `require` names it or its
    function.

        >>> import gradcheck
        >>> gradcheck.parametrize("numpy", checks=["loss"]).name
        'parametrize'
    """
    found = suites(
        target,
        dtypes=dtypes,
        checks=checks,
        regimes=regimes,
        max_examples=max_examples,
        require=require,
        layout=layout,
        law=law,
        arithmetic=arithmetic,
        takes=takes,
        folders=_own_folder(),
    )
    each = [test for suite in found for test in tests(suite)]
    return pytest.mark.parametrize("check", [pytest.param(test, id=test.id, marks=test.marks) for test in each])


def _own_folder() -> list[Path]:
    """The folder of the file that calls `parametrize`."""
    frame: Any = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).split(".")[0] == "gradcheck":
        frame = frame.f_back
    file = frame.f_globals.get("__file__") if frame is not None else None
    return [Path(file).resolve().parent] if isinstance(file, str) else []
