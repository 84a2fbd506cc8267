"""A target that compiles for each shape is posed few, which hold what regimes need, and its mistakes are caught on them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

import gradcheck
from gradcheck.checks import select
from gradcheck.conformance import conform
from gradcheck.drawing import few, pose
from gradcheck.implementations import load
from gradcheck.judging import Judging
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES
from gradcheck.strategies import palette
from gradcheck.strategies.arrays import Shape
from gradcheck.verdict import Outcome

SEEDS = range(5)


def compiling(implementation):
    return replace(implementation, takes=replace(implementation.takes, compiles=True))


def drawn(implementation, seed, count):
    found: list[Problem] = []
    pose(
        found.append,
        dtype="float64",
        regimes=("*",),
        seed=seed,
        count=count,
        shrink=False,
        implementation=implementation,
    )
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_500_problems_are_of_24_shapes_which_follow_from_the_seed(seed):
    shapes = palette.shapes(seed)
    assert len(shapes) == len(set(shapes)) <= palette.FEW == 24
    assert {(p.L, p.d, p.n) for p in drawn(compiling(load("numpy")), seed, 500)} <= set(shapes)


def test_another_seed_poses_other_shapes_and_the_smallest_are_always_there():
    every = [set(palette.shapes(seed)) for seed in range(50)]
    assert len({frozenset(found) for found in every}) == 50
    assert {Shape(2, 1, 1), Shape(3, 3, 3), Shape(5, 4, 7)} <= set.intersection(*every)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_shapes_hold_what_regimes_need(seed):
    shapes = palette.shapes(seed)
    assert any(s.L * s.n > 32767 for s in shapes) and any(s.L > 40 or s.d > 40 or 40 < s.n < 2000 for s in shapes)
    twice = [s for s in shapes if s._replace(n=2 * s.n) in shapes]
    wider = [s for s in shapes if s._replace(d=s.d + 1) in shapes]
    alone = [s for s in shapes if s.n > 1 and s._replace(n=1) in shapes]
    assert min(len(twice), len(wider), len(alone)) >= 3


@pytest.mark.parametrize("seed", range(3))
def test_every_regime_is_met_within_300_problems(seed):
    found = drawn(compiling(load("numpy")), seed, 300)
    missing = [name for name, regime in REGIMES.items() if not regime.opt_in and not any(map(regime.holds, found))]
    assert missing == []


def test_whoever_does_not_compile_is_posed_any_shape():
    assert few(load("numpy"), 0) == () and few(None, 0) == ()
    assert len({(p.L, p.d, p.n) for p in drawn(load("numpy"), 0, 200)}) > 60


def test_shapes_that_a_target_does_not_take_are_not_among_them():
    it = load("numpy")
    it = replace(it, takes=replace(it.takes, compiles=True, max_logits=64))
    assert few(it, 0) and all(shape.L * shape.n <= 64 for shape in few(it, 0))


def test_checks_pose_no_other_shape_of_what_they_are_given():
    it, shapes = load("numpy"), set()

    def noting(function):
        def called(theta, b, X, Y):
            shapes.add((*theta.shape, X.shape[1]))
            return function(theta, b, X, Y)

        return called

    it = compiling(replace(it, gradients=noting(it.gradients), loss=noting(it.loss)))
    run = conform(it, max_examples=100)
    assert shapes <= set(palette.shapes(0)) and len(shapes) <= palette.FEW
    few_posed = {name: tally.judged for name, tally in run.tallies.items() if tally.outcome is Outcome.AGREE}
    made = ("duplicated_batch", "bias_is_a_weight", "one_sample", "loss_of_a_duplicated_batch")
    assert all(few_posed[name] >= 3 for name in made), few_posed
    every = {name for name, tally in conform(load("numpy"), max_examples=100).tallies.items() if tally.judged}
    assert every <= few_posed.keys()  # no check is lost to it


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items() if not mistake.regimes][::8])
def test_mistakes_are_caught_on_few_shapes(name, shared_truths):
    it = compiling(MISTAKES[name].implementation())
    judging = Judging(it, select(()), "float64", few=frozenset(few(it, 0)))
    assert any(v.failed for problem in drawn(it, 0, 60) for v in judging.judge(problem).values())


def test_a_failure_may_shrink_to_any_shape(undiagnosed):
    it = load("numpy")

    def gradients(theta, b, X, Y):
        found = it.gradients(theta, b, X, Y)
        return {**found, "theta": found["theta"] * (2 if X.shape[1] >= 4 else 1)}

    (failure, *_) = conform(compiling(replace(it, gradients=gradients)), max_examples=30).failures
    assert failure.check.name == "theta_gradient" and failure.problem.n == 4 and failure.problem.L == 2


@settings(max_examples=20, deadline=None)
@given(gradcheck.problems(few=[(3, 2, 5), (2, 1, 1)]))
def test_few_shapes_are_public(problem):
    assert (problem.L, problem.d, problem.n) in {(3, 2, 5), (2, 1, 1)}


@pytest.mark.parametrize("name", ["jax", "optax", "optax-safe", "optax-smoothed", "tinygrad", "tinygrad-options"])
def test_frameworks_that_compile_declare_it(name):
    try:  # by our own door, which says where tinygrad computes before it is imported
        it = load(name)
    except gradcheck.Missing as missing:
        pytest.skip(str(missing))
    assert it.takes.compiles
