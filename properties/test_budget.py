"""A run ends in time with what it has, what fails comes to a story, and what was not judged is said."""

import json
from dataclasses import replace

import pytest

import gradcheck
from gradcheck import clock as clocks
from gradcheck.budget import Budget
from gradcheck.checks import CHECKS
from gradcheck.conformance import conform
from gradcheck.errors import Unusable
from gradcheck.implementations import load
from gradcheck.law.options import PLAIN
from gradcheck.reports import cut, data, words
from gradcheck.verify import judge
from properties.test_order import Clock, slow

NAP, SECONDS = 0.2, 60.0


def ended(target, seconds=SECONDS, **given):
    """The run of a target whose calls take 0.2 s by a clock of its own, and how long it took by that."""
    clock = Clock()
    run = conform(slow(target, NAP, clock), max_examples=500, budget=Budget(seconds, clock), **given)
    return run, clock.time


def times(key, by=None):
    """One gradient times a number, or times that of the samples."""

    def gradients(theta, b, X, Y):
        found = load("numpy").gradients(theta, b, X, Y)
        return {**found, key: found[key] * (by or Y.shape[1])}

    return replace(load("numpy"), gradients=gradients)


# ---- right code ----


def test_a_target_of_a_fifth_of_a_second_a_call_gets_a_whole_table_within_a_minute():
    run, seconds = ended(load("numpy"))
    assert round(seconds, 6) <= SECONDS and not run.failed
    unjudged = {name for name, tally in run.tallies.items() if not tally.judged}
    assert unjudged == {name for name, check in CHECKS.items() if check.barred(load("numpy"), PLAIN, "float64")}
    assert run.problems < 60 and run.cut is not None and not run.cut.whole
    (line,) = cut.lines(run)
    assert line.startswith(f"of 500 problems {run.problems} were judged in 60 s, {run.cut.partly} of them in part")
    assert str(run).endswith("— of 500, since its 60 s were over")


def test_without_a_limit_or_in_time_nothing_is_cut():
    clock = Clock()
    run = conform(load("numpy"), max_examples=20, budget=Budget(60, clock))
    assert run.cut is None and run.problems == 20 and list(cut.lines(run)) == []
    assert run.report() == conform(load("numpy"), max_examples=20).report()


def test_a_check_whose_turn_did_not_come_says_so():
    run, _ = ended(load("numpy"), seconds=2.0)
    reasons = [tally.reason for tally in run.tallies.values() if not tally.judged]
    assert "its turn did not come in 2 s" in reasons and run.problems == run.cut.partly == 1


# ---- wrong code ----


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("theta", "Summed over the batch: not divided by n, in ∂ℒ/∂θ only"),
        ("b", "Summed over the batch: not divided by n, in ∂ℒ/∂b only"),
    ],
)
def test_what_fails_comes_to_a_story_in_time(key, said):
    run, seconds = ended(times(key))
    report = " ".join(run.report().split())
    assert (
        round(seconds, 6) <= SECONDS
        and said in report
        and "divide the summed gradient by the number of samples" in report
    )
    leader = run.failures[0]
    assert leader.shrunk and leader.problem.n == 2 and leader.pictures
    assert "for want of time not looked for to the end: declarations under which all agrees" in report


def test_what_is_not_shrunk_is_shown_as_far_as_it_came():
    run, seconds = ended(times("theta"), seconds=40.0)
    late, report = cut.unshrunk(run), " ".join(run.report().split())
    assert (
        round(seconds, 6) <= 40
        and late
        and {f.check.name for f in run.failures} == {n for n, t in run.tallies.items() if t.failed}
    )
    assert "for want of time not made smaller: the problem of " in report and late[0] in report
    assert json.loads(data.text([run]))["runs"][0]["cut"]["unshrunk"] == late
    failure = next(failure for failure in run.failures if not failure.shrunk)
    assert "so far: the run ended before a smaller one was found" in " ".join(words.panel(failure, run))
    assert judge(times("theta"), failure.problem, [failure.check])[failure.check.name].failed


def test_each_verdict_is_that_of_the_problem_alone():
    target = times("theta")
    run, _ = ended(target)
    first = [(tally.check, *tally.first) for tally in run.tallies.values() if tally.first]
    assert first and all(judge(target, problem, [check])[check.name] == verdict for check, problem, verdict in first)


# ---- the clock ----


def test_calls_are_looked_at_where_that_is_asked_for():
    now = Clock()
    with clocks.until(1.0, now):  # as a campaign does, whose first problem is judged in any case
        now.time = 2.0
        clocks.look(call=True)
        with pytest.raises(clocks.Late):
            clocks.look()
    with clocks.until(3.0, now, calls=True) as end:
        clocks.look(call=True)
        end.sooner(1.0)
        with pytest.raises(clocks.Late):
            clocks.look(call=True)
    clocks.look()


def test_work_without_time_is_undone():
    now = Clock()
    budget = Budget(10, now)

    def work():
        now.time += 5
        clocks.look()
        return "done"

    assert budget.spend(0.6, work, what="this") == "done" and budget.undone == []
    assert budget.spend(0.9, work, part=0.5, what="that") is None and budget.undone == ["that"]


def test_what_is_left_is_divided():
    now = Clock()
    budget = Budget(10, now)
    now.time = 4.0
    assert budget.part(3).seconds == pytest.approx(2.0) and not Budget().part(3).limited


@pytest.mark.parametrize("given", [0, -1, float("nan"), float("inf"), True, "60", 1e12])
def test_what_is_no_time_is_refused(given):
    with pytest.raises(Unusable, match=r"budget is .*; expected seconds above 0"):
        gradcheck.conform("numpy", budget=given)


# ---- the doors ----


def test_python_takes_it():
    run = gradcheck.check("numpy", max_examples=5, budget=600, cases=None)
    assert run.problems == 5 and run.cut is None


def test_the_command_takes_it(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from gradcheck.cli import main

    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["verify", "numpy", "--budget", "1e-9", "--json", "found.json"])
    (found,) = json.loads((tmp_path / "found.json").read_text())["runs"]
    assert result.exit_code == 3 and "of 500 problems 0 were judged in" in result.output
    assert found["cut"]["whole"] is False and found["problems"] == 0
    both = ["verify", "numpy", "--budget", "600", "--max-examples", "3", "--dtype", "float64", "--dtype", "float32"]
    assert CliRunner().invoke(main, both).exit_code == 0
    for given in ("0", "nan", "-3", "soon"):
        refused = CliRunner().invoke(main, ["verify", "numpy", "--budget", given])
        assert refused.exit_code == 2 and "--budget" in refused.stderr


def test_a_target_that_was_loaded_is_explained_in_time_too(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from gradcheck.implementations import load\n"
        "_right = load('numpy')\n"
        "def loss(*arrays):\n"
        "    CLOCK.time += 0.2\n"
        "    return _right.loss(*arrays)\n"
        "def gradients(theta, b, X, Y):\n"
        "    found = _right.gradients(theta, b, X, Y)\n"
        "    CLOCK.time += 0.2\n"
        "    return {**found, 'theta': found['theta'] * Y.shape[1]}\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    it, now = load("mine.py"), Clock()
    it.gradients.__globals__["CLOCK"] = it.home.pace.now = now
    assert replace(it, loss=None).home is it.home and replace(it, loss=len).home is not it.home
    report = conform(it, max_examples=500, budget=Budget(60, now)).report()
    assert now.time <= 60 and "divide the summed gradient by the number of samples" in report
