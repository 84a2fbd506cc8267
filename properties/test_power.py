"""Every check catches some wrong implementation, and every wrong implementation is caught: none passes, none is idle."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest
from wrong import RIGHT, WRONG, Wrong

from benchmarks.power import POSED
from gradcheck import Problem, conform, judge, model
from gradcheck.checks import CHECKS, Check, Trial
from gradcheck.conformance import pose
from gradcheck.implementations import adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.verdict import FAILURES, Outcome
from gradcheck.verify import status

CASES = 200
pytestmark = pytest.mark.usefixtures("shared_truths")  # all that is wrong is judged on the same problems


@cache
def posed(regimes: tuple[str, ...]) -> tuple[Problem, ...]:
    """The problems of a run of 200 test cases."""
    drawn: list[Problem] = []
    pose(drawn.append, dtype="float64", regimes=regimes or ("*",), seed=0, count=CASES, shrink=False)
    return tuple(drawn)


def first_caught(mistake: Wrong, check: Check) -> int | None:
    """The number of the first test case on which this check, in its turns, disagrees; None where it never does."""
    caught = FAILURES if "shape_and_dtype" in mistake.caught_by else {Outcome.DISAGREE}
    implementation = mistake.build()
    with quiet():
        for number, problem in enumerate(posed(mistake.regimes)):
            if check.due(number, problem):
                verdict = judge(implementation, problem, [check])[check.name]
                if verdict.outcome in caught:
                    return number
    return None


def catching(mistake: Wrong, names: Iterable[str], *, in_turn: bool = True) -> set[str]:
    """Which of these checks disagree on some of 150 test cases; the truth of each is worked out once for all of them."""
    implementation, left, found = adapt(mistake.build()), dict.fromkeys(names), set[str]()
    with quiet():
        for number, problem in enumerate(posed(mistake.regimes)[:150]):
            trial = Trial(implementation, problem)
            for name in list(left):
                due = CHECKS[name].due(number if in_turn else 0, problem)
                if due and CHECKS[name].judge(trial).outcome is Outcome.DISAGREE:
                    found.add(name)
                    del left[name]
            if not left:
                break
    return found


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_catches_the_wrong_implementations_that_it_is_there_for(name):
    """A check that nothing wrong can fail would be no check."""
    mistakes = {title: mistake for title, mistake in WRONG.items() if name in mistake.caught_by}
    assert mistakes, f"no wrong implementation is named for the check {name}"
    missed = [title for title, mistake in mistakes.items() if first_caught(mistake, CHECKS[name]) is None]
    assert not missed


# What judges a value -> what judges it against central differences of the mathematical function.
CENTRAL = {
    "theta_gradient": "central_difference_theta",
    "bias_gradient": "central_difference_b",
    "logits_gradient": "central_difference_Z",
    "jacobian_diagonal": "central_difference_jacobian",
    "jacobian_off_diagonal": "central_difference_jacobian",
}
ITS_OWN = ("jacobian_of_its_own_softmax", "scipy_check_grad_jacobian")
BELOW = {"exponent_floored"}  # probabilities of exp(-64) where smaller ones are right: no quotient of a loss sees 1e-28
CHANCE = {"remembered_by_address"}  # what it returns is up to whoever gives memory out


@pytest.mark.parametrize("name", [name for name in POSED if name not in BELOW | CHANCE])
def test_every_mistake_that_a_value_shows_is_caught_by_difference_quotients_too(name):
    """Of θ, b, Z, A(1 - A) and -A_i A_j; where the softmax is right, by those of its own softmax as well."""
    mistake = Wrong(POSED[name].implementation, (), POSED[name].regimes)
    shown = catching(mistake, (*CENTRAL, "softmax"))
    due = {CENTRAL[value] for value in CENTRAL if value in shown}
    due |= set(ITS_OWN if "central_difference_jacobian" in due and "softmax" not in shown else ())
    assert catching(mistake, due, in_turn=False) == due


def test_a_column_that_takes_from_the_others_fails_the_property_that_columns_do_not_mix():
    """A test of that test: what every class of the others does alike would not be seen."""
    from test_softmax_jacobian import test_columns_of_the_softmax_do_not_mix as stated

    mixing = replace(RIGHT, softmax=lambda Z: model.softmax(Z) + 1e-6 * model.softmax(Z).mean(axis=1, keepdims=True))
    with pytest.raises(AssertionError):
        stated.of(mixing)


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_implementation_fails_its_run(name, undiagnosed):
    """Exit status 1 after 50 test cases, by the first check named for it, and a smallest problem on which it fails."""
    mistake = WRONG[name]
    run = conform(mistake.build(), checks=mistake.caught_by[:1], regimes=mistake.regimes, max_examples=50)
    assert status([run]) == 1
    assert run.failures[0].verdict.failed


@pytest.mark.parametrize("name", ["flipped_sign", "missing_mean", "first_class_as_reference", "labels_shifted_by_one"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_what_is_plainly_wrong_is_caught_in_every_precision(dtype, name, undiagnosed):
    """Coarse bounds are no excuse."""
    run = conform(WRONG[name].build(), dtype=dtype, checks=("logits_gradient",), max_examples=20)
    assert status([run]) == 1


@pytest.mark.parametrize("regimes", [(), ("label-mass",), ("masked-class",), ("integers",)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_the_right_implementation_fails_nothing(dtype, regimes):
    """What the wrong ones are built from is right: all checks agree, or say why they do not judge."""
    run = conform(RIGHT, dtype=dtype, regimes=regimes, max_examples=30)
    assert status([run]) == 0
    assert not run.failures
