"""The strategies reach what they promise: every regime, both ways to fill an array, and the smallest problem of all."""

from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from gradcheck import Problem, Unusable, precision, problems
from gradcheck.conformance import pose
from gradcheck.problem import MEMORY
from gradcheck.regimes import REGIMES, select
from gradcheck.strategies import SIDES, distributions, shapes

PRECISIONS = pytest.mark.parametrize("dtype", precision.NAMES)
BY_DEFAULT = [name for name, regime in REGIMES.items() if not regime.opt_in]
OPT_IN = [name for name, regime in REGIMES.items() if regime.opt_in]
CASES = 200
DATA = st.data()


@cache
def posed(dtype: str, regimes: tuple[str, ...] = ("*",), seed: int = 0, count: int = CASES) -> tuple[Problem, ...]:
    """The problems of a run."""
    drawn: list[Problem] = []
    pose(drawn.append, dtype=dtype, regimes=regimes, seed=seed, count=count, shrink=False)
    return tuple(drawn)


# ---- regimes ----


@PRECISIONS
@pytest.mark.parametrize("name", BY_DEFAULT)
def test_every_regime_of_the_contract_is_reached_within_200_test_cases(dtype, name):
    """What a run of the default length never poses, it never judges."""
    assert any(REGIMES[name].holds(problem) for problem in posed(dtype))


@PRECISIONS
@pytest.mark.parametrize("name", OPT_IN)
def test_a_regime_outside_the_contract_is_never_posed_unasked(dtype, name):
    """Correct code may decline it."""
    assert not any(REGIMES[name].holds(problem) for problem in posed(dtype))


@PRECISIONS
@pytest.mark.parametrize("name", REGIMES)
def test_a_regime_that_is_asked_for_is_what_is_posed(dtype, name):
    """Most of the problems are in it: by construction, not by luck."""
    asked = posed(dtype, (name,), count=24)
    assert sum(REGIMES[name].holds(problem) for problem in asked) > len(asked) / 2


@pytest.mark.parametrize("name", REGIMES)
def test_asking_for_one_regime_does_not_bring_another_opt_in_one(name):
    """Label mass, masked classes and whole numbers each have to be asked for."""
    others = [regime for regime in OPT_IN if regime != name]
    assert not any(REGIMES[other].holds(problem) for problem in posed("float64", (name,), count=50) for other in others)


def test_a_star_stands_for_what_is_not_opt_in_and_a_longer_glob_for_what_it_matches():
    """`--regime '*'` narrows nothing and widens nothing."""
    assert select(()) == select(("*",)) == tuple(BY_DEFAULT)
    assert select(("memory-*",)) == tuple(name for name in REGIMES if name.startswith("memory-"))
    assert select(("label-mass",)) == ("label-mass",)


def test_a_regime_that_does_not_exist_is_refused():
    """With what there is."""
    with pytest.raises(Unusable, match="no regime matches 'sharp'; expected one of ties"):
        problems(regimes=("sharp",))


# ---- validity ----


@PRECISIONS
@pytest.mark.parametrize("regime", ["*", *OPT_IN])
@given(data=DATA)
def test_every_problem_is_valid(dtype, regime, data):
    """It can be built again from its own arrays, which are of the dtype asked for."""
    p = data.draw(problems(dtypes=(dtype,), regimes=(regime,)), label="problem")
    again = Problem(p.theta, p.b, p.X, p.Y, p.memory)
    assert again.digest == p.digest
    assert p.precision.name == dtype
    assert p.memory in MEMORY


@PRECISIONS
@given(data=DATA)
def test_nothing_overflows(dtype, data):
    """Logits and sums over samples stay within 1/16 of the largest number of the precision."""
    p = data.draw(problems(dtypes=(dtype,)), label="problem")
    theta, b, X, _ = p.reals
    assert (abs(theta) @ abs(X) + abs(b) <= p.precision.huge / 16).all()
    assert (abs(X).sum(axis=1) <= p.precision.huge / 16).all()


@given(problem=problems(dtypes=("float32", "bfloat16")))
def test_only_the_dtypes_asked_for_are_drawn(problem):
    """One of several."""
    assert problem.precision.name in ("float32", "bfloat16")


def test_both_dtypes_are_drawn():
    """Each of several."""
    for dtype in ("float32", "bfloat16"):
        strategy = problems(dtypes=("float32", "bfloat16"))
        find(strategy, lambda p, dtype=dtype: p.precision.name == dtype, settings=settings(database=None))


# ---- numbers ----


def _is_short_decimal(p: Problem) -> bool:
    """Multiples of 1/8 up to 16, with something in them."""
    X = p.reals[2]
    return bool(X.any() and (np.round(X * 8) == X * 8).all() and (abs(X) <= 16).all() and len(set(X.ravel())) > 1)


def _is_larger(p: Problem) -> bool:
    """Beyond what is drawn number by number, and not one of the problems of many samples."""
    return SIDES[0] < p.L or p.d > SIDES[1] or SIDES[2] < p.n <= 40


def _has_full_significands(p: Problem) -> bool:
    X = p.reals[2]
    return bool((X.astype(np.float16) != X).any() and not _is_larger(p))


@pytest.mark.parametrize("holds", [_is_short_decimal, _is_larger, _has_full_significands])
def test_numbers_drawn_one_by_one_and_seeded_blocks_both_occur(holds):
    """Small arrays of short decimals, which shrink entry by entry, and arrays too large for that."""
    assert sum(map(holds, posed("float64"))) >= CASES / 20


@given(shape=st.shared(shapes(), key="shape"), data=DATA)
def test_distributions_sum_to_exactly_one(shape, data):
    """Multiples of 1/64: exact in every precision."""
    Y = data.draw(distributions(shape.L, shape.n), label="Y")
    assert Y.shape == (shape.L, shape.n)
    assert (Y >= 0).all()
    assert (Y.sum(axis=0) == 1).all()


@given(shape=shapes(max_classes=3, max_features=2, max_samples=1))
def test_shapes_stay_within_what_is_asked_for(shape):
    """At least two classes, one feature and one sample."""
    assert (shape.L, shape.d, shape.n) >= (2, 1, 1)
    assert shape.L <= 3 and shape.d <= 2 and shape.n == 1


# ---- shrinking ----


def smallest(holds, **asked) -> Problem:
    return find(problems(**asked), holds, settings=settings(max_examples=1000, database=None), random=Random(0))


@PRECISIONS
def test_the_smallest_problem_is_of_zeros(dtype):
    """Two classes, one feature, one sample of class 0, all numbers 0, C-ordered."""
    p = smallest(lambda p: True, dtypes=(dtype,))
    assert (p.n, p.d, p.L, p.memory) == (1, 1, 2, "C")
    assert not any(array.any() for array in p.reals[:3])
    assert p.label_index.tolist() == [0]


def test_a_failure_of_a_shape_shrinks_to_that_shape():
    """Each side is as small as it can be on its own."""
    p = smallest(lambda p: p.n >= 3 and p.L >= 4)
    assert (p.n, p.d, p.L) == (3, 1, 4)


# ---- repeatability ----


@PRECISIONS
def test_the_same_seed_poses_the_same_problems(dtype):
    """Digest by digest; another seed poses others."""
    first = [problem.digest for problem in posed(dtype, count=50)]
    posed.cache_clear()
    assert first == [problem.digest for problem in posed(dtype, count=50)]
    assert first != [problem.digest for problem in posed(dtype, seed=1, count=50)]


def test_most_problems_of_a_run_differ():
    """A run of 200 test cases judges about 200 problems."""
    assert len({problem.digest for problem in posed("float64")}) > CASES * 0.9
