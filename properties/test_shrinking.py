"""Shrinking: one search serves every check that fails, from what is known, in few calls, and what is shown convinces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import conformance, drawing, shrinking, simpler
from gradcheck.checks import Check
from gradcheck.implementations import Implementation
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.tally import Tally, rank
from gradcheck.verdict import CONVINCING, Outcome, Verdict
from gradcheck.verify import Run

pytestmark = pytest.mark.usefixtures("undiagnosed")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=16)


def conform(implementation: Implementation, **given: object) -> Run:
    return conformance.conform(implementation, max_examples=40, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run() -> Run:
    return conform(MISTAKES["missing_mean"].implementation())


def test_one_problem_serves_all_checks_of_a_cause(run):
    """A factor n shows in twenty checks, on two samples; the gradient of X needs a weight, a duplicated batch one sample."""
    assert len(run.failures) >= 15
    assert len({failure.problem.digest for failure in run.failures}) <= 3
    assert all((f.problem.n, f.problem.d, f.problem.L) <= (2, 1, 2) for f in run.failures)


def test_what_is_shown_convinces(run):
    """Where some problem is far beyond what rounding explains, the one that is shown is."""
    for failure in run.failures:
        worst = run.tallies[failure.check.name].ratio
        assert failure.verdict.convincing or (worst is not None and worst < CONVINCING)


def test_the_same_run_shrinks_to_the_same_problems(run):
    again = conform(MISTAKES["missing_mean"].implementation())
    assert [f.problem.digest for f in run.failures] == [f.problem.digest for f in again.failures]


def test_problems_are_posed_once(monkeypatch):
    """Shrinking begins with what failed, and draws nothing."""
    drawn = []
    pose = drawing.pose
    monkeypatch.setattr(conformance, "pose", lambda *a, **k: (drawn.append(1), pose(*a, **k)))
    assert conform(MISTAKES["flipped_sign"].implementation()).failures
    assert drawn == [1]


def test_the_number_of_attempts_of_a_run_is_limited(monkeypatch):
    """Whatever fails: each check has a share, and all have one sum."""
    calls = {"judging": 0, "shrinking": 0}
    phase = "judging"
    judge, of = Check.judge, shrinking.Shrinking.of

    def counted(self, trial):
        calls[phase] += 1
        return judge(self, trial)

    def begun(self, *given):
        nonlocal phase
        phase = "shrinking"
        try:
            return of(self, *given)
        finally:
            phase = "judging"

    monkeypatch.setattr(Check, "judge", counted)
    monkeypatch.setattr(shrinking.Shrinking, "of", begun)
    run = conform(MISTAKES["softmax_applied_twice"].implementation())
    checks = len(run.failures)
    assert 0 < calls["shrinking"] <= shrinking.ALL + checks * (shrinking.LEAST + len(run.failures) + 3)


def test_a_problem_beyond_dispute_is_preferred_to_a_smaller_one():
    """A hundredth of a percent above the bound is a matter of the bound; a thousand times the bound is none."""
    small = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.eye(2)[:, :1])
    large = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 2)), np.eye(2))
    near, far = (Verdict(Outcome.DISAGREE, "", ratio) for ratio in (1.07, 1e3))
    assert rank((large, far)) < rank((small, near)) and rank((small, far)) < rank((large, far))
    tally = Tally(next(iter(conformance.verify.select(["theta_gradient"]))))
    for problem, verdict in ((small, near), (large, far), (large, near)):
        tally.add(problem, verdict)
    assert tally.first == (small, near) and tally.smallest == (large, far)


def test_what_does_not_fail_again_is_shown_as_it_was_found():
    """Code that was wrong once."""
    right = MISTAKES["missing_mean"].model.__mro__[1]().implementation("once")
    count = 0

    def gradients(*arrays):
        nonlocal count
        count += 1
        found = right.gradients(*arrays)
        return {**found, "b": found["b"] + 1} if count == 20 else found

    run = conform(Implementation("once", gradients=gradients), checks=["bias_gradient"])
    (failure,) = run.failures
    assert failure.problem is run.tallies["bias_gradient"].first[0]


@given(values=st.lists(NUMBERS, min_size=1, max_size=6))
def test_simpler_numbers(values):
    """Zeros cost nothing; of what is tried, the first is zeros; a whole number costs less than one with digits behind the point."""
    found = np.array(values)
    tried = list(simpler.than(found))
    assert simpler.cost(tried[0]) == 0 and simpler.cost(found) >= 0
    assert all(new.shape == found.shape and np.isfinite(new).all() for new in tried)
    assert simpler.cost(np.array([1.0])) < simpler.cost(np.array([3.0])) < simpler.cost(np.array([3.125]))
    assert simpler.cost(np.array([-np.inf, 0.0])) == 0


def test_masked_classes_stay():
    """-inf is no number to be made simpler."""
    assert all(np.isneginf(new[0]) for new in simpler.than(np.array([-np.inf, 2.5])))
