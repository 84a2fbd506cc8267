"""`check`, `conform`, `judge` and `assert_gradient`: what is judged from Python, and how a failure is raised."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from gradcheck import conformance, reports, verify
from gradcheck.api.targets import given
from gradcheck.api.telling import telling
from gradcheck.arithmetic import Arithmetic
from gradcheck.budget import Budget
from gradcheck.checks import CHECKS, Check
from gradcheck.errors import Disagreement, Unusable
from gradcheck.implementations import Layout, Takes
from gradcheck.law import CrossEntropy
from gradcheck.printable import printable
from gradcheck.problem import Problem
from gradcheck.verdict import Verdict
from gradcheck.verify import Run

EXAMPLES = 500  # problems, as many as `gradcheck verify` poses
Progress = Callable[[str, int], None]


@telling
def conform(
    target: Any,
    *,
    dtype: str | None = None,
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int | None = None,
    seed: int = 0,
    careful: bool = False,
    budget: float | None = None,
    require: Iterable[str] = (),
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    takes: Takes | None = None,
    cases: str | os.PathLike[str] | None = None,
    progress: Progress = lambda doing, done: None,
) -> Run:
    """Judge `target` on `max_examples` problems of one precision, and return the run, whatever it found.

    `target` is whatever `gradcheck.load` takes. `dtype` is float64 where nothing is said and the target is made for it; `checks`
    and `regimes` are names or globs; `careful` makes it a failure to lose bits that careful code keeps. Functions and
    checks in `require` have to be judged, or `Run.lacking` names them. `layout`, `law`,
    `arithmetic` and `takes` declare what the target is. Failing problems are saved in the folder `cases`, if one is given. The
    same arguments give the same verdicts. After `budget` seconds the run ends with what it has, and `Run.cut` says what it has not;
    Ctrl-C ends it early with what has been judged so far (`Run.interrupted`).

        >>> import gradcheck
        >>> gradcheck.conform("numpy", checks=["*_gradient"], max_examples=20).failed
        False
    """
    left = Budget(budget)
    asked, found = given(target, layout=layout, law=law, arithmetic=arithmetic, takes=takes)
    run = conformance.conform(
        found,
        dtype=dtype or (asked.dtypes or found.default_dtypes)[0],
        checks=tuple(checks) or asked.checks,
        regimes=tuple(regimes) or asked.regimes,
        max_examples=max_examples or asked.max_examples or EXAMPLES,
        seed=seed,
        careful=careful,
        budget=left,
        require=tuple(require) or asked.require,
        progress=progress,
    )
    run = replace(run, command=asked.words, door="pyproject" if asked.configured else "python")
    return run if cases is None else conformance.saved(run, Path(cases))


@telling
def check(
    target: Any,
    *,
    dtype: str | None = None,
    checks: Iterable[str] = (),
    regimes: Iterable[str] = (),
    max_examples: int | None = None,
    seed: int = 0,
    careful: bool = False,
    budget: float | None = None,
    require: Iterable[str] = (),
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    takes: Takes | None = None,
    cases: str | os.PathLike[str] | None = "cases",
) -> Run:
    """Judge `target` as `gradcheck verify` does, and raise `Disagreement` with its report where anything fails.

    The arguments are those of `gradcheck.conform`; failing problems are saved in `cases`, so that they can be judged again. Returns
    the run where nothing fails. Where nothing could be judged, or not what is in `require`, that is `Unusable`, and no success.

        >>> import gradcheck
        >>> gradcheck.check("numpy", checks=["*_gradient"], max_examples=20)
        <Run numpy float64: 8 agree, 3 skipped on 20 problems (seed 0)>
        >>> def gradients(theta, b, X, Y):
        ...     return {"theta": 0 * theta}
        >>> gradcheck.check(gradients, max_examples=20, cases=None)
        Traceback (most recent call last):
        ...
        gradcheck.Disagreement: ✗ ...
    """
    __tracebackhide__ = True
    run = conform(
        target,
        dtype=dtype,
        checks=checks,
        regimes=regimes,
        max_examples=max_examples,
        seed=seed,
        careful=careful,
        budget=budget,
        require=require,
        layout=layout,
        law=law,
        arithmetic=arithmetic,
        takes=takes,
        cases=cases,
    )
    if run.failed:
        raise Disagreement(reports.told.failure(run), run)
    if run.interrupted:
        raise KeyboardInterrupt
    if run.judged and run.lacking:
        raise Unusable(reports.silent.lacking(run))
    if not run.judged:
        raise Unusable(f"nothing could be judged: {run}; {_reasons(run)}")
    return run


def _reasons(run: Run) -> str:
    return "; ".join(reports.words.unjudged(run.tallies.values())[:3])


@telling
def judge(
    target: Any, problem: Problem, checks: Iterable[str | Check] = (), *, careful: bool = False
) -> dict[str, Verdict]:
    """The verdict of each check on one problem, by name; `checks` are names or globs, all where there are none.

    `target` is whatever `gradcheck.load` takes. `careful` asks of an agreement how many bits it loses beside careful code.

        >>> import gradcheck, numpy as np
        >>> p = gradcheck.Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.array([[1.0], [0.0]]))
        >>> {name: str(verdict.outcome) for name, verdict in gradcheck.judge("numpy", p, ["loss", "theta_gradient"]).items()}
        {'loss': 'agree', 'theta_gradient': 'agree'}
    """
    globs = [one.name if isinstance(one, Check) else one for one in checks]
    return verify.judge(given(target)[1], problem, verify.select(globs), careful=careful)


def assert_gradient(problem: Problem, **gradients: ArrayLike) -> None:
    """Raise `Disagreement` where a gradient of this problem is not what it must be.

    `theta` (L, d), `b` (L, 1), `Z` (L, n) and `X` (d, n) are each given by name, as many as there are. For
    a test of your own, with Hypothesis or without; the message says where, what it must be and how far rounding may lead.

        @given(gradcheck.problems(dtypes=("float32",)))
        def test_my_gradient(problem):
            theta, b = my_gradients(*problem.arrays())
            gradcheck.assert_gradient(problem, theta=theta, b=b)

        >>> import gradcheck, numpy as np
        >>> p = gradcheck.Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.array([[1.0], [0.0]]))
        >>> gradcheck.assert_gradient(p, b=np.array([[-0.5], [0.5]]))
    """
    __tracebackhide__ = True
    wrong = {name: verdict for name, verdict in verify.judge_gradient(problem, **gradients).items() if verdict.failed}
    if wrong:
        raise Disagreement("\n".join(_sentences(wrong, problem)))


def _sentences(wrong: dict[str, Verdict], problem: Problem) -> Iterable[str]:
    for name, verdict in wrong.items():
        check = CHECKS[verify.GRADIENTS[name]]
        yield f"{check.name} [{reports.words.heading(check)}]  {verdict.outcome.value.upper()}"
        yield from (f"  {line}" for line in reports.told.verdict(verdict, problem.precision.name))
        yield f"  claim     {check.claims(problem.law)}"
    yield f"  problem   {reports.words.sizes(problem)}"
    yield from (f"            {printable(line)}" for line in reports.words.arrays(problem))
