"""What is told of a run while it goes on."""

from types import SimpleNamespace

import numpy as np

from gradcheck import supervisor
from gradcheck.checks import CHECKS
from gradcheck.cli.progress import LONG, Bar
from gradcheck.conformance import conform
from gradcheck.implementations import Implementation, load
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome, Verdict
from gradcheck.verify import Failure


def test_the_first_failure_is_kept_beside_the_progress_and_told_once_a_run_takes_long(monkeypatch):
    told, lines, now = list[str](), list[str](), [0.0]
    monkeypatch.setattr(supervisor, "tell", told.append)
    shown = SimpleNamespace(update=lambda **given: None, line=lines.append)
    bar = Bar("mine", 500, shown, now=lambda: now[0])
    p = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.eye(2)[:, :1])
    bar("judging", 3)
    assert told == ["mine judging, 3 of 500 problems judged"]
    bar.heard(Failure(CHECKS["loss"], p, Verdict(Outcome.DISAGREE, "far off"), 1, 1))
    found = "loss disagrees: far off, at n=1 d=1 L=2 float64"
    assert told[-1] == f"mine judging, 3 of 500 problems judged; {found}" and lines == []
    now[0] = LONG
    for done in (4, 5):
        bar("judging", done)
    assert told[-1] == f"mine judging, 5 of 500 problems judged; {found}"
    assert lines == [f"mine: {found}; the run goes on"]


def test_the_first_failure_that_was_not_expected_is_heard_of_once_as_it_was_found():
    heard = []
    gradients = load("numpy").gradients
    wrong = Implementation(
        "mine",
        lambda *arrays: {key: 2 * value for key, value in gradients(*arrays).items()},
        lambda *arrays: 7.0,
        expected_failures={"loss": "on purpose", "logits_gradient": "on purpose"},
    )
    run = conform(wrong, max_examples=3, heard=heard.append)
    (first,) = heard
    assert first.check.name == "bias_gradient" and first.problem is run.tallies["bias_gradient"].first[0]
    assert conform(load("numpy"), max_examples=3, heard=heard.append) and len(heard) == 1
