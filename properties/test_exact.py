"""What is exact is worked out once for all who are judged on a problem, and is of that problem, its loss and what is granted."""

import numpy as np
import pytest

from gradcheck import Arithmetic, CrossEntropy, Implementation, Problem
from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.exact import VALUES, Exact
from gradcheck.model import gradients, softmax

RIGHT = Implementation("right", gradients, softmax=softmax)
PROBLEM = Problem(np.eye(2), np.zeros((2, 1)), np.array([[1.0, 2.0], [0.5, -1.0]]), np.eye(2))
COARSE = Implementation("coarse", RIGHT.gradients, softmax=softmax, arithmetic=Arithmetic(inner="float32"))


def asked(exact, implementation=RIGHT, problem=PROBLEM):
    """What a trial knows once it has been asked."""
    with exact.shared(Trial(implementation, problem)) as trial:
        before = {name: vars(trial)[name] for name in VALUES if name in vars(trial)}
        assert CHECKS["softmax"].judge(trial).outcome.name == "AGREE"
    return before, {name: vars(trial)[name] for name in VALUES}


def test_the_next_knows_what_the_first_has_worked_out():
    exact = Exact()
    unknown, made = asked(exact)
    known, found = asked(exact, Implementation("another", gradients, softmax=softmax))
    assert unknown == {}
    assert known.keys() == made.keys() == set(VALUES)
    assert all(known[name] is made[name] is found[name] for name in VALUES)


@pytest.mark.parametrize(
    ("implementation", "problem"),
    [
        (COARSE, PROBLEM),
        (RIGHT, PROBLEM.with_law(CrossEntropy(reduction="sum"))),
        (RIGHT, PROBLEM.with_arrays(PROBLEM.theta * 2, PROBLEM.b, PROBLEM.X, PROBLEM.Y)),
    ],
)
def test_nothing_is_known_of_another_loss_problem_or_grant(implementation, problem):
    exact = Exact()
    asked(exact)
    assert asked(exact, implementation, problem)[0] == {}


def test_what_is_worked_out_stays_where_nobody_asks_on():
    """Whoever tries an answer stops at the first verdict that it cannot explain."""
    exact = Exact()

    def verdicts():
        with exact.shared(Trial(RIGHT, PROBLEM)) as trial:
            yield CHECKS["softmax"].judge(trial)
            raise AssertionError("nobody asks for a second one")

    assert any(verdict.outcome.name == "AGREE" for verdict in verdicts())
    assert asked(exact)[0].keys() == set(VALUES)
