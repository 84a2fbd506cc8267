"""How far a diagnosis reaches: conditions, entries, state, numbers that are solved for; never exact and wrong."""

import numpy as np
import pytest

from gradcheck import Problem, conform, judge
from gradcheck.checks import CHECKS
from gradcheck.diagnosis import diagnose
from gradcheck.diagnosis.candidates import Candidate
from gradcheck.diagnosis.search import undecided
from gradcheck.diagnosis.views import within
from gradcheck.diagnosis.where import confined
from gradcheck.drawing import pose
from gradcheck.facts import Record, of
from gradcheck.implementations.quiet import quiet
from gradcheck.judging import Judging
from gradcheck.mistakes import MISTAKES, Model
from gradcheck.readings.running import Running
from gradcheck.verify import select

CHECKED = select(("*_gradient", "loss", "softmax", "logits", "jacobian_*diagonal"))


def said(model, count=50):
    """What is said of it after a run."""
    implementation = model().implementation("odd")
    judging = Judging(implementation, CHECKED, "float64")
    with quiet():
        pose(lambda p: judging.judge(p) and None, dtype="float64", regimes=("*",), seed=0, count=count, shrink=False)
        failing = [p for tally in judging.tallies.values() for p in tally.failing]
        return diagnose(implementation, failing, judging.passing, record=judging.record)


def problem(L, n, d=2, seed=0):
    rng = np.random.default_rng(seed)
    Y = np.eye(L)[:, rng.integers(L, size=n)]
    return Problem(rng.normal(size=(L, d)), rng.normal(size=(L, 1)), rng.normal(size=(d, n)), Y)


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (lambda p: p.L >= 5, "where L ≥ 5"),
        (lambda p: p.n % 2 == 1, "where n is odd"),
        (lambda p: p.L % 4 == 0, "where L is a multiple of 4"),
        (lambda p: p.n == p.L, "where L = n"),
        (
            lambda p: p.n > 4 and p.n % 4 != 0,  # of 12 there is none, which would tell
            "where n ≥ 5 and n is not a multiple of 4 (or not a multiple of 8: no problem tells which)",
        ),
        (lambda p: p.reals[3][-1].any(), "where a sample has the last class"),
    ],
)
def test_a_condition_is_found_from_all_problems(fails, words):
    """The simplest that holds on every failing problem, and on no passing one."""
    every = [problem(L, n, seed=17 * L + n) for L in range(2, 10) for n in range(1, 12)]
    found = confined([of(p) for p in every if fails(p)], [of(p) for p in every if not fails(p)])
    assert found is not None
    assert found.exceptions == 0
    assert found.where == words


def test_a_sample_that_does_not_count_is_not_called_a_soft_label():
    def ignoring(n):
        given = problem(4, n, seed=n)
        Y = given.Y.copy()
        Y[:, 0] = 0
        return given.with_arrays(given.theta, given.b, given.X, Y)

    found = confined([of(ignoring(n)) for n in range(2, 12)], [of(problem(4, n, seed=n)) for n in range(2, 12)])
    assert found is not None
    assert found.where == "where a sample does not count"
    assert "every sample counts" in found.sentence


@pytest.mark.parametrize("divisor", [4, 8])
@pytest.mark.parametrize("holds", [True, False])
def test_of_which_number_it_is_a_multiple_is_said_where_a_problem_tells(divisor, holds):
    """With a size of 12 posed, multiples of 4 and of 8 are told apart; without, both are said, and that nothing tells."""

    def found(sizes):
        every = [problem(L, n, seed=L + n) for L in sizes for n in range(1, 5)]
        fails = [(p.L % divisor == 0) is holds for p in every]
        one = confined(
            [of(p) for p, bad in zip(every, fails, strict=True) if bad],
            [of(p) for p, bad in zip(every, fails, strict=True) if not bad],
        )
        assert one is not None
        assert one.exceptions == 0
        return one.where

    words = "L is a multiple of" if holds else "L is not a multiple of"
    few, told = (9, 10, 11, 13, 14, 16, 17, 24, 25), (2, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 24, 28, 30)
    first, other = (8, 4) if holds else (4, 8)
    assert found(few) == f"where {words} {first} (or {words[5:]} {other}: no problem tells which)"
    assert found(told) == f"where {words} {divisor}"


def test_a_condition_may_be_one_sided_and_never_by_chance():
    """Half of those with L from 5 fail, and none of the others; of two problems nothing is said."""
    every = [problem(L, n, seed=L * n) for L in range(2, 10) for n in range(1, 12)]
    bad = [of(p) for p in every if p.L >= 5 and (p.n * 7 + p.L * 3) % 5 > 2]
    good = [of(p) for p in every if not (p.L >= 5 and (p.n * 7 + p.L * 3) % 5 > 2)]
    found = confined(bad, good)
    assert found is not None
    assert found.where == "only where L ≥ 5"
    assert "none of the 33 where L < 5 fails" in found.sentence
    assert confined(bad[:2], good[:2]) is None


def test_that_ties_pass_is_not_said():
    """Where theta and b are 0 hardly anything shows."""
    dull = [
        Problem(np.zeros((3, 2)), np.zeros((3, 1)), np.ones((2, n)), np.eye(3)[:, np.zeros(n, int)])
        for n in range(2, 30)
    ]
    assert confined([of(problem(3, n, seed=n)) for n in range(2, 30)], [of(p) for p in dull]) is None


class Even(MISTAKES["gradient_doubled"].model):
    """Twice the gradient where L is even."""

    def logits_gradient(self, theta, b, X, Y):
        right = Model(self.law).logits_gradient(theta, b, X, Y)
        return right + right if len(b) % 2 == 0 else right


def test_a_mistake_that_is_made_on_a_condition_is_named_with_it():
    found = said(Even)
    assert found is not None
    assert found.exact
    assert found.mistakes == ("gradient_doubled",)
    assert found.likely.endswith("where L is even")


class LastRow(Model):
    """Off in the last class, by no number that is known, where L is odd."""

    def theta_gradient(self, D, X):
        G = super().theta_gradient(D, X).copy()
        if len(G) % 2:
            G[-1] = G[-1] + np.sin(G[-1]) * 1e-3
        return G


def test_where_wrong_entries_are_is_the_first_thing_said():
    found = said(LastRow)
    assert found is not None
    assert not found.exact
    title = found.likely.partition(";")[0]
    assert title.startswith("∂ℒ/∂θ is wrong in the last class only")
    assert title.endswith("where L is odd")


class Late(Model):
    """Twice the gradient from call 40 on, whatever it is of."""

    def __init__(self, *law):
        super().__init__(*law)
        self.calls = 0

    def gradients(self, theta, b, X, Y):
        self.calls += 1
        found = super().gradients(theta, b, X, Y)
        return {key: value + value for key, value in found.items()} if self.calls > 40 else found


def test_what_passed_and_fails_now_is_state_and_no_factor():
    found = said(Late)
    assert found is not None
    assert not found.exact
    assert "wrong after many calls" in found.likely


def test_a_number_that_is_added_is_solved_for():
    """Weight decay of a billionth, which is in no list."""

    class Decayed(MISTAKES["penalty_on_theta"].model):
        value = 3e-9

    found = said(Decayed)
    assert found is not None
    assert found.exact
    assert found.mistakes == ("penalty_on_theta",)
    assert found.likely.startswith("3e-09 θ added")


def test_a_record_tells_what_failed_from_what_agreed():
    record, implementation = Record(), MISTAKES["loss_summed"].implementation()
    p = problem(3, 4)
    record.add(p, judge(implementation, p, [CHECKS["loss"], CHECKS["theta_gradient"]]))
    one = record.judged[p.digest]
    assert (one.failed, one.agreed) == ({"loss"}, {"theta_gradient"})


class OnceInAWhile(Model):
    """Loses a sample in one call of some: asked again, what failed is right, and so is it under any other declaration."""

    random = np.random.default_rng(1)

    def residual(self, A, Y):
        D = super().residual(A, Y)
        if isinstance(D, np.ndarray) and self.random.random() < 1 / 200:
            D[:, 0] = 0
        return D


@pytest.mark.parametrize("seed", [2, 12])
def test_what_agrees_when_it_is_asked_again_is_taken_for_no_other_declaration(seed):
    OnceInAWhile.random = np.random.default_rng(seed)
    run = conform(OnceInAWhile().implementation("odd"), max_examples=60)
    assert run.failures
    assert (run.meant, run.meant_law, run.rounds) == (None, None, None)


def test_other_values_of_a_parameter_that_fit_as_well_are_named():
    """A batch of 65 samples does not tell chunks of 32 from chunks of 64."""
    mistake = next(iter(MISTAKES.values()))
    chunks = [Candidate((mistake,), f"that of the last {size} samples", Model) for size in (32, 64, 128)]
    other = Candidate((), "that of the last 7 samples", Model)
    assert undecided(chunks[0], [*chunks, other]).what == "that of the last 32 samples (64, 128 for 32 fits as well)"
    assert undecided(chunks[0], chunks[:1]) == chunks[0]


@pytest.mark.parametrize(
    ("made", "returned", "fits"), [("inf", "inf", True), ("inf", "nan", False), ("nan", "-inf", False)]
)
def test_nan_is_no_infinity(made, returned, fits):
    """A loss that is NaN was said to be one that overflows."""
    found = Running(np.array([float(made)]), np.zeros(1))
    assert within(np.array([float(returned)]), found) is fits
