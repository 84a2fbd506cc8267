"""Reduction: the reduced problem still fails, is no larger, and is the same every time."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import assume, find, given, settings
from hypothesis import strategies as st
from wrong import WRONG

from gradcheck import Problem, judge, precision, problems
from gradcheck.checks import CHECKS
from gradcheck.reduction import CALLS, reduce

PRECISIONS = pytest.mark.parametrize("dtype", precision.NAMES)
DATA = st.data()

# Ways to fail, each of another part of a problem.
FAILS: dict[str, Callable[[Problem], bool]] = {
    "always": lambda p: True,
    "several samples": lambda p: p.n >= 2,
    "several features": lambda p: p.d >= 2,
    "three classes": lambda p: p.L >= 3,
    "a weight": lambda p: bool(p.theta.any()),
    "a bias": lambda p: bool(p.b.any()),
    "a large entry": lambda p: bool((abs(p.reals[2]) > 1).any()),
    "a label of the last class": lambda p: bool(p.reals[3][-1].any()),
    "two labels": lambda p: bool((p.reals[3].sum(axis=1) > 0).sum() >= 2),
    "memory": lambda p: p.memory != "C",
    "the digest": lambda p: int(p.digest[0], 16) % 2 == 0,
}


def failing(data: st.DataObject, dtype: str) -> tuple[Problem, Callable[[Problem], bool]]:
    """A problem that fails in one of these ways."""
    p = data.draw(
        problems(dtypes=(dtype,), regimes=(data.draw(st.sampled_from(["*", "label-mass"])),)), label="problem"
    )
    ways = [name for name, fails in FAILS.items() if fails(p)]
    return p, FAILS[data.draw(st.sampled_from(ways), label="fails by")]


@PRECISIONS
@given(data=DATA)
def test_the_reduced_problem_still_fails_and_is_no_larger(dtype, data):
    """Every step is kept only if it fails; no side grows, and the dtype stays."""
    p, fails = failing(data, dtype)
    small = reduce(p, fails)
    assert fails(small)
    assert (small.n, small.d, small.L) <= (p.n, p.d, p.L)
    assert small.n <= p.n and small.d <= p.d and small.L <= p.L
    assert small.theta.dtype == p.theta.dtype
    assert small.memory in (p.memory, "C")


@PRECISIONS
@given(data=DATA)
def test_the_same_problem_is_reduced_to_the_same_problem(dtype, data):
    """Digest by digest: nothing is left to chance."""
    p, fails = failing(data, dtype)
    assert reduce(p, fails).digest == reduce(p, fails).digest


@given(problem=problems())
def test_the_number_of_attempts_is_limited(problem):
    """At most `CALLS` smaller problems are judged, whatever they say."""
    calls = 0

    def fails(candidate: Problem) -> bool:
        nonlocal calls
        calls += 1
        return calls % 3 == 0

    reduce(problem, fails)
    assert calls <= CALLS


@given(problem=problems())
def test_a_problem_of_which_no_part_can_be_taken_away_stays(problem):
    """Nothing smaller fails: the problem itself is returned."""
    assert reduce(problem, lambda candidate: False) is problem


@PRECISIONS
@given(data=DATA)
def test_what_always_fails_is_reduced_to_zeros(dtype, data):
    """Two classes, one feature, one sample, all numbers 0, C-ordered."""
    p = data.draw(problems(dtypes=(dtype,)), label="problem")
    assume(p.label_index is not None)  # a class that shares a label stays
    small = reduce(p, lambda candidate: True)
    assert (small.n, small.d, small.memory) == (1, 1, "C")
    assert small.L == 2
    assert not any(array.any() for array in small.reals[:3])


@pytest.mark.parametrize("least", [1.0, 2.0, 3.0, 5.0])
def test_a_failure_of_one_entry_is_reduced_to_one_entry(least):
    """After Hypothesis has shrunk what it can: a sample and a feature anywhere, and a short decimal."""

    def fails(p: Problem) -> bool:
        return bool(p.reals[2].max() >= least)

    found = find(problems(), fails, settings=settings(max_examples=1000, database=None), random=Random(0))
    small = reduce(found, fails)
    assert (small.n, small.d, small.L) == (1, 1, 2)
    assert not small.theta.any() and not small.b.any()
    assert small.reals[2].item() * 8 == np.round(small.reals[2].item() * 8)


@pytest.mark.parametrize("name", ["flipped_sign", "missing_mean", "first_class_as_reference", "labels_shifted_by_one"])
@settings(max_examples=20)
@given(data=DATA)
def test_a_wrong_gradient_still_fails_on_the_reduced_problem(name, data):
    """As the conformance run uses it: by the same check."""
    check, implementation = CHECKS["logits_gradient"], WRONG[name].build()

    def fails(p: Problem) -> bool:
        return judge(implementation, p, [check])[check.name].failed

    p = data.draw(problems(), label="problem")
    assume(p.Y.size < 1000 and fails(p))
    small = reduce(p, fails)
    assert fails(small)
    assert small.n <= 2 and small.d == 1
