"""Every built-in target agrees with the mathematics, in every precision and regime that it is made for."""

import os

import pytest
from hypothesis import settings

from gradcheck import conform, load
from gradcheck.errors import Missing
from gradcheck.implementations import BUILT_IN
from gradcheck.regimes import REGIMES
from gradcheck.verdict import Outcome

DTYPES = ("float64", "float32", "float16", "bfloat16")
OPT_IN = tuple(name for name, regime in REGIMES.items() if regime.opt_in)


def loaded(name):
    """The target; where its package is missing, a skip that says so, and in CI a failure."""
    try:
        return load(name)
    except Missing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


def disagreements(run):
    return [f"{f.check.name} on {f.problem!r}: {f.verdict}" for f in run.failures]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_target_agrees_on_every_problem_within_the_papers_contract(name, dtype):
    """Equations (1)-(22), over all regimes that are not opt-in."""
    target = loaded(name)
    if dtype not in target.dtypes:
        pytest.skip(f"{name} is not made for {dtype}")
    run = conform(target, dtype=dtype, max_examples=2 * settings().max_examples, seed=1)
    assert disagreements(run) == []
    assert run.tallies["theta_gradient"].outcome is Outcome.AGREE


@pytest.mark.parametrize("regime", OPT_IN)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_target_agrees_outside_the_papers_contract_too(name, regime):
    """Label masses other than 1 (the gradient is (A·diag(1ᵀY) - Y)/n), masked classes, whole numbers."""
    for dtype in loaded(name).dtypes[:2]:
        run = conform(loaded(name), dtype=dtype, regimes=(regime,), max_examples=settings().max_examples, seed=2)
        assert disagreements(run) == []


def test_the_same_seed_gives_the_same_verdicts_and_another_seed_other_problems():
    first, again, other = (conform(load("numpy"), max_examples=30, seed=seed) for seed in (5, 5, 6))
    ratios = [{name: tally.ratio for name, tally in run.tallies.items()} for run in (first, again, other)]
    assert ratios[0] == ratios[1] != ratios[2]


def test_a_target_that_is_made_for_one_precision_is_not_asked_for_another():
    assert load("reference").dtypes == ("float64",)
