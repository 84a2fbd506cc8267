"""Repeating: what is printed as the command that repeats a failure does, or a sentence says why none does."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gradcheck import Unusable, cases, conformance
from gradcheck.cases import Case
from gradcheck.implementations import Implementation, load
from gradcheck.mistakes import MISTAKES, Model
from gradcheck.problem import Problem
from gradcheck.reports.commands import repeat
from gradcheck.settings import Target
from gradcheck.verify import Failure, Run

CHECK = "bias_gradient"


def late(after: int) -> Callable[[], Implementation]:
    """Code that is right for so many calls, and wrong from then on; afresh whenever it is loaded."""

    def loaded() -> Implementation:
        right = Model().implementation("late")
        calls = 0

        def gradients(*arrays):
            nonlocal calls
            calls += 1
            found = right.gradients(*arrays)
            return {**found, "b": found["b"] * 2 + 1} if calls > after else found

        return Implementation("late", gradients=gradients)

    return loaded


def judged(implementation: Implementation) -> Run:
    return replace(conformance.conform(implementation, checks=[CHECK], max_examples=30), command=("late.py",))


def replayed(failure: Failure, again: Callable[[], Implementation]) -> Run:
    return conformance.replay(again(), cases.load(failure.case), Path(failure.case))


def test_what_fails_by_itself_is_repeated_by_itself(tmp_path):
    again = MISTAKES["bias_gradient_over_classes"].implementation
    (failure,) = conformance.saved(judged(again()), tmp_path, again).failures
    assert not failure.again and not cases.load(failure.case).calls
    assert replayed(failure, again).failed


@pytest.mark.parametrize("after", [3, 12])
def test_calls_before_are_saved_with_the_case(tmp_path, after):
    """A problem on which right code was asked for twelve times agrees by itself; with twelve calls before, it fails."""
    run = conformance.saved(judged(late(after)()), tmp_path, late(after))
    (failure,) = run.failures
    assert cases.load(failure.case).calls == after
    assert repeat(failure, run).startswith("gradcheck replay ")
    assert replayed(failure, late(after)).failed
    bare = replace(cases.load(failure.case), calls=0)
    assert not conformance.replay(late(after)(), bare, tmp_path).failed


def test_each_cause_is_asked_of_a_target_of_its_own(tmp_path):
    """The loss is wrong from the second call on: it agrees by itself. The gradients always are wrong."""

    def loaded() -> Implementation:
        right = Model().implementation("mixed")
        calls = 0

        def loss(*arrays):
            nonlocal calls
            calls += 1
            return right.loss(*arrays) * (3 if calls > 1 else 1)

        return Implementation(
            "mixed", gradients=lambda *arrays: {"theta": right.gradients(*arrays)["theta"] * 2}, loss=loss
        )

    run = replace(
        conformance.conform(loaded(), checks=("theta_gradient", "loss"), max_examples=20), command=("mixed.py",)
    )
    found = {failure.check.name: failure for failure in conformance.saved(run, tmp_path, loaded).failures}
    assert not cases.load(found["theta_gradient"].case).calls and cases.load(found["loss"].case).calls == 1
    assert all(replayed(failure, loaded).failed for failure in found.values())


def test_what_fails_by_chance_is_said(tmp_path):
    """Loaded anew, this one is right."""
    run = conformance.saved(judged(late(1)()), tmp_path, lambda: Model().implementation("late"))
    (failure,) = run.failures
    assert "agrees when the target is loaded anew" in repeat(failure, run)


def test_a_target_without_a_name_is_repeated_by_its_test(tmp_path, request):
    """No command loads what was made in a test: the test is named, and what to write in Python."""
    run = conformance.saved(replace(judged(late(0)()), command=()), tmp_path)
    (failure,) = run.failures
    said = repeat(failure, run)
    assert said.startswith("pytest ") and request.node.name in said
    assert f"cases.load({failure.case!r})" in said


def test_a_target_that_is_loaded_by_name_is_repeated_by_a_command(tmp_path):
    (tmp_path / "wrong.py").write_text("def gradients(theta, b, X, Y):\n    return {'b': b * 0 + 1}\n")
    run = conformance.saved(
        conformance.conform(load(str(tmp_path / "wrong.py")), checks=[CHECK], max_examples=5), tmp_path
    )
    assert repeat(run.failures[0], run).startswith("gradcheck replay ")


def test_limits_are_kept():
    """--isolate alone would run it with other limits."""
    assert Target("m", "m.py", isolate=True).words == ("m.py", "--isolate")
    limited = Target("m", "m.py", isolate=True, time_limit=0.5, memory_limit=512)
    assert limited.words == ("m.py", "--isolate", "--time-limit", "0.5", "--memory-limit", "512")
    assert Target("c", exec="./c", time_limit=1).words == ("--exec", "./c", "--time-limit", "1")


PROBLEM = Problem([[0.0], [0.0]], [[0.0], [0.0]], [[1.0]], [[1.0], [0.0]])


def test_calls_are_written_where_there_are_any(tmp_path):
    assert "calls" not in json.loads(cases.dumps(Case(PROBLEM, CHECK)))
    path = cases.save(Case(PROBLEM, CHECK, calls=7), tmp_path)
    assert cases.load(path).calls == cases.load(str(path)).calls == 7


@pytest.mark.parametrize("calls", [-1, cases.MOST_CALLS + 1, 1.5, True, "7", None])
def test_other_calls_are_refused(tmp_path, calls):
    data = json.loads(cases.dumps(Case(PROBLEM, CHECK)))
    (tmp_path / "case.json").write_text(json.dumps({**data, "calls": calls}))
    with pytest.raises(Unusable, match="expected a whole number up to"):
        cases.load(tmp_path / "case.json")
