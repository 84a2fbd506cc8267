"""What is sorted, multiplied, rounded to whole numbers: what stands where, what flows back, and what is in doubt."""

from fractions import Fraction
from itertools import permutations

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
import gradcheck.numpy as gnp
from gradcheck import precision
from gradcheck.checks import CHECKS, Trial
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.primitives import PRIMITIVES
from gradcheck.readings.running import Condition, Running
from gradcheck.readings.tape import Variable, gradients
from gradcheck.referees import own
from gradcheck.verdict import Outcome

KIND, INF = np.dtype("float32"), np.inf
WEIGHTS = np.array([1.0, 3.0, 10.0, 30.0])


def running(value, error):
    return Running(np.array(value, dtype=float), np.array(error, dtype=float), KIND)


def balls(value, error):
    return Balls([flint.arb(v, e) for v, e in zip(value, error, strict=True)], (len(value),))


READ = pytest.mark.parametrize("read", [running, balls])


def ends(x):
    """The least and the largest that each may be."""
    value, error = (x.value, x.error) if isinstance(x, Running) else (x.values(), x.radii())
    return value - error, value + error


# ---- sorted ----


@READ
def test_what_may_stand_in_a_place_is_what_flows_back_from_it(read):
    """Of four, of which the first three may stand in any of three places, and the last in none but its own."""
    x = read([2.0, 1.0, 1.5, 9.0], [0.5, 0.25, 0.5, 1.0])
    _, (found,) = gradients(lambda x: (gnp.sort(x) * WEIGHTS).sum(), x)
    low, high = ends(found)
    assert (low[:3] <= 1).all()
    assert (high[:3] >= 10).all()
    assert (low[:3] > 1 - 1e-6).all()
    assert (high[:3] < 10 + 1e-6).all()
    assert (low[3], high[3]) == (30, 30)


@READ
def test_what_is_apart_flows_back_as_it_stands(read):
    """One that may touch the next is in doubt with that alone, and ties are."""
    x = read([5.0, 1.0, 5.0, 3.0], [0.0, 0.5, 0.0, 0.5])
    value, (found,) = gradients(lambda x: (gnp.sort(x) * WEIGHTS).sum(), x)
    low, high = ends(found)
    assert (low[1], high[1], low[3], high[3]) == (1, 1, 3, 3)
    assert (low[[0, 2]] <= 10).all()
    assert (high[[0, 2]] >= 30).all()
    least, most = ends(value)
    assert least <= 1 + 9 + 50 + 150 <= most


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 3)), min_size=1, max_size=5), st.data())
def test_each_place_holds_what_it_may(pairs, data):
    """By what is drawn within the errors; and whatever order there may be is not ruled out."""
    value, error = (np.array(part, dtype=float) for part in zip(*pairs, strict=True))
    moved = np.array([v + e * data.draw(st.sampled_from([-1, -0.5, 0, 0.5, 1])) for v, e in pairs])
    for read in (running, balls):
        low, high = ends(gnp.sort(read(value, error)))
        assert (low <= np.sort(moved)).all()
        assert (np.sort(moved) <= high).all()
        where = PRIMITIVES["standing"](read(value, error), axis=0)
        known = (where.error if read is running else where.radii()) == 0
        places = (where.value if read is running else where.values())[known]
        orders = [order for order in permutations(range(len(pairs))) if (np.diff(moved[list(order)]) >= 0).all()]
        assert all((np.array(order)[known] == places).all() for order in orders)


@READ
def test_two_ties_side_by_side_are_two(read):
    """What flows back to the first two is none of what flows back to the others."""
    _, (found,) = gradients(lambda x: (gnp.sort(x) * WEIGHTS).sum(), read([1.0, 2.0, 1.0, 2.0], [0.0] * 4))
    low, high = ends(found)
    assert np.allclose(low, [1, 10, 1, 10], rtol=1e-8)
    assert np.allclose(high, [3, 30, 3, 30], rtol=1e-8)


def test_what_nobody_knows_may_stand_anywhere():
    """NaN, and infinite errors; of one infinity there is no doubt."""
    for value, error in (([1.0, np.nan, 2.0], [0.0, 1.0, 0.0]), ([1.0, 5.0, 2.0], [0.0, INF, 0.0])):
        x = running(value, error)
        assert (PRIMITIVES["standing"](x, axis=0).error > 0).all()
        assert np.isinf(gnp.sort(x).error).any()
    x = Balls([flint.arb(3), flint.arb("nan"), flint.arb(1)], (3,))
    assert (PRIMITIVES["standing"](x, axis=0).radii() > 0).all()
    assert np.isnan(gnp.sort(x).values()).all()
    assert gnp.sort(balls([1.0, -INF, 2.0], [0.0, 0.0, 0.5])).values().tolist() == [-INF, 1, 2]
    x = running([1.0, INF, 2.0], [0.0, 0.0, 0.0])
    assert gnp.sort(x).value.tolist() == [1, 2, INF]
    assert not gnp.sort(x).error.any()
    assert not PRIMITIVES["standing"](x, axis=0).error.any()


@READ
def test_a_stretch_in_doubt_is_all_that_is_in_it(read):
    g = read([1.0, 5.0, 2.0, 7.0, 8.0], [0.0, 0.0, 1.0, 0.0, 0.0])
    found = PRIMITIVES["either"](g, numbers=np.array([0, 0, 1, 2, 3]), axis=0)
    low, high = ends(found)
    assert np.allclose(low, [1, 1, 1, 7, 8], rtol=1e-8)
    assert np.allclose(high, [5, 5, 3, 7, 8], rtol=1e-8)
    assert (low <= [1, 1, 1, 7, 8]).all()
    assert (high >= [5, 5, 3, 7, 8]).all()


@READ
def test_the_middle_is_the_mean_of_two(read):
    for array, axis, expected in (
        ([3.0, 1.0, 8.0, 2.0], None, 2.5),
        ([3.0, 1.0, 8.0], 0, 3.0),
    ):
        found = gnp.median(read(array, [0.0] * len(array)), axis=axis)
        assert found.shape == ()
        assert float(found.values()) == expected
    kept = gnp.median(read(list(range(5)), [0.0] * 5).reshape(1, 5), axis=1, keepdims=True)
    assert kept.shape == (1, 1)
    assert gnp.median(kept, keepdims=True).shape == (1, 1)


# ---- where the largest is ----


@READ
def test_the_largest_is_known_where_rounding_cannot_change_it(read):
    x = Variable(read([1.0, 4.0, 2.0], [0.5, 1.0, 0.75]))
    assert gnp.argmax(x) == 1
    assert gnp.argmin(Variable(read([1.0, 4.0, 2.0], [0.25, 1.0, 0.5]))) == 0
    assert gnp.argsort(Variable(read([1.0, 4.0, 2.0], [0.25, 1.0, 0.5]))).tolist() == [0, 2, 1]
    for call in (
        lambda: gnp.argmax(Variable(read([1.0, 1.0], [0.0, 0.0]))),
        lambda: gnp.argmin(x),
        lambda: gnp.argsort(x),
    ):
        with pytest.raises(Doubt, match="rounding may change it"):
            call()
    assert gnp.argsort(read([1.0, 1.0, 0.0], [0.0, 0.0, 0.0])).tolist() == [2, 0, 1]  # of what is given, the first


def problem(law, theta=None, Y=None):
    draw = np.random.default_rng(3)
    theta = draw.normal(size=(3, 2)) if theta is None else theta
    Y = np.eye(3)[:, [0, 2, 1, 1, 0]] if Y is None else Y
    return Problem(theta, draw.normal(size=(3, 1)) * 0, draw.normal(size=(2, 5)), Y, law=law)


def to_the_best(Z, Y, *, np):
    """A loss of labels that the logits give themselves."""
    best = np.one_hot(np.argmax(Z, axis=0), 3)
    return -(best * np.log_softmax(Z)).sum() / Y.shape[1]


def test_a_problem_in_doubt_is_inconclusive_and_ends_no_run():
    law = gradcheck.Loss(to_the_best)
    known = own.truth(problem(law))
    assert (known.allowed("D") < 1e-14).all()
    tied = own.truth(problem(law, np.zeros((3, 2))))
    for quantity in ("loss", "D", "theta"):
        assert np.isinf(tied.enclosure(quantity).radius).all()
        assert np.isinf(tied.allowed(quantity)).all()


# ---- by hand, judged ----


def hardest(Z, Y, *, np, k=2):
    """The mean of the k largest losses of a batch."""
    losses = -(Y * np.log_softmax(Z)).sum(axis=0)
    return np.sort(losses)[-k:].sum() / k


def written(which):
    """With a gradient by hand: of the samples that `which` says."""

    def forward(theta, b, X):
        Z = theta @ X + b
        moved = Z - Z.max(axis=0, keepdims=True)
        log_A = moved - np.log(np.exp(moved).sum(axis=0, keepdims=True))
        return log_A, np.exp(log_A)

    def losses(log_A, Y):
        return -(Y * log_A).sum(axis=0)

    def loss(theta, b, X, Y):
        return np.sort(losses(forward(theta, b, X)[0], Y))[-2:].sum() / theta.dtype.type(2)

    def grads(theta, b, X, Y):
        log_A, A = forward(theta, b, X)
        D = (A * Y.sum(axis=0) - Y) / theta.dtype.type(2)
        kept = np.zeros(Y.shape[1], dtype=bool)
        kept[which(losses(log_A, Y))] = True
        D = np.where(kept, D, theta.dtype.type(0))
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    return Implementation("hardest", grads, loss, lambda t, b, X: t @ X + b, law=gradcheck.Loss(hardest))


VALUES = ("loss", "logits_gradient", "theta_gradient", "bias_gradient", "data_gradient")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_hardest_samples_are_judged(dtype):
    right, wrong = written(lambda x: np.argsort(x)[-2:]), written(lambda x: np.argsort(x)[:2])
    posed = problem(right.law)
    posed = posed.with_arrays(**{name: getattr(posed, name).astype(dtype) for name in ("theta", "b", "X", "Y")})
    found = {name: CHECKS[name].judge(Trial(right, posed)).outcome for name in VALUES}
    assert set(found.values()) == {Outcome.AGREE}
    assert CHECKS["theta_gradient"].judge(Trial(wrong, posed)).outcome is Outcome.DISAGREE
    large = problem(right.law)  # read in float64
    draw = np.random.default_rng(0)
    large = large.with_arrays(
        theta=large.theta, b=large.b, X=draw.normal(size=(2, 300)), Y=np.eye(3)[:, draw.integers(0, 3, 300)]
    )
    assert {CHECKS[name].judge(Trial(right, large)).outcome for name in VALUES} == {Outcome.AGREE}
    assert CHECKS["theta_gradient"].judge(Trial(wrong, large)).outcome is Outcome.DISAGREE


def test_samples_alike_are_in_doubt_and_neither_is_refused():
    """Of two losses that tie, code may take the one or the other."""
    right, other = (
        written(lambda x: np.argsort(x, kind="stable")[-2:]),
        written(lambda x: np.argsort(-x, kind="stable")[:2]),
    )
    posed = problem(right.law, np.zeros((3, 2)))
    for code in (right, other):
        assert CHECKS["loss"].judge(Trial(code, posed)).outcome is Outcome.AGREE
        assert CHECKS["theta_gradient"].judge(Trial(code, posed)).outcome is Outcome.INCONCLUSIVE


# ---- products ----

HUGE = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("value", "error", "unknown"),
    [
        ([1e30, 1e30, 1e-30], [0, 0, 0], True),  # on the way it may overflow
        ([1e30, 1e30, 0.0], [0, 0, 0], True),  # infinity times 0
        ([1e30, 1e-30, 0.0], [0, 0, 0], False),
        ([2.0, INF, 1.0], [0, 0, 0], True),
        ([2.0, np.nan, 1.0], [0, 0, 0], True),
        ([2.0, 3.0, 1.0], [0, INF, 0], True),
        ([0.0, 3.0, 1.0], [0, 0.5, 0], False),
    ],
)
def test_a_product_that_may_overflow_on_its_way_is_not_known(value, error, unknown):
    found = gnp.prod(running(value, error))
    assert bool(np.isinf(found.error)) == unknown
    assert unknown or (found.error == 0) == (0 in value)


def test_what_underflows_on_its_way_is_multiplied_by_the_rest():
    """1e-30 1e-30 1e30 is 1e-30, or 0 where the first two are multiplied first."""
    found = gnp.prod(running([1e-30, 1e-30, 1e30], [0, 0, 0]))
    assert found.error >= 1e-30
    assert np.float32(np.float32(1e-30) * np.float32(1e-30)) * np.float32(1e30) == 0


def test_factors_of_one_are_not_rounded_and_back_by_a_quotient_neither():
    _, (back,) = gradients(gnp.prod, running([1.0, -1.0, 1.0], [0, 0, 0]))
    assert back.value.tolist() == [-1, 1, -1]
    assert not back.error.any()
    _, (back,) = gradients(gnp.prod, running([0.0, 0.0, 2.0], [0, 0, 0]))
    assert back.value.tolist() == [0, 0, 0]
    _, (back,) = gradients(gnp.prod, Balls.exact(np.array([0.0, 3.0, 2.0])))
    assert back.values().tolist() == [6, 0, 0]
    _, (one,) = gradients(lambda x: gnp.prod(x, axis=0, keepdims=True).sum(), running([3.0], [0]))
    assert one.value.tolist() == [1]
    assert one.error[0] > 0  # g x / x


def test_what_underflows_before_a_quotient_is_more_after_it():
    """g x / x of a subnormal x: the product once more than g, and each by as much as x is small."""
    flow, x = PRIMITIVES["rest"], 2.0**-140
    for g in (1.0, 4.0):
        found = flow(running([g], [0]), running([x], [0])).error[0]
        lost = 2 * (g + 1) * 2.0**-149 / x
        assert lost <= found <= lost * (1 + 2.0**-10)


def test_a_chain_that_begins_with_what_flows_back_underflows_there():
    """g x_1 x_2 x_3 from the left, as reverse mode of a loop has it: 1e-25 1e-25 is 0 in float32, and the truth 1e-15."""
    g, x = np.float32(1e-25), np.array([3.0, 1e-25, 1e15, 1e20], dtype=np.float32)
    chain = ((g * x[1]) * x[2]) * x[3]
    found = PRIMITIVES["rest"](running([g], [0]), running(x, [0] * 4))
    assert chain == 0
    assert np.isclose(found.value[0], 1e-15)
    assert 1e-15 <= found.error[0] < 1e-8


def test_many_factors_are_no_longer_work_than_their_number():
    """Of one in 4096: the product of the others is not worked out anew for each."""
    x = np.full(4096, 1.0 + 2.0**-12)
    _, (back,) = gradients(gnp.prod, running(x, 0 * x))
    assert np.allclose(back.value, (1 + 2.0**-12) ** 4095, rtol=1e-9)
    assert (back.error < 4200 * 2.0**-24 * back.value).all()
    _, (back,) = gradients(gnp.prod, x)
    assert np.allclose(back, (1 + 2.0**-12) ** 4095, rtol=1e-9)


def test_what_flows_back_may_overflow_before_it_is_divided():
    flow = PRIMITIVES["rest"]
    assert np.isinf(flow(running([1e30], [0]), running([1e10, 1e-10], [0, 0])).error).all()
    assert np.isfinite(flow(running([1e20], [0]), running([1e10, 1e-10], [0, 0])).error).all()


# ---- whole numbers, conditions ----


@pytest.mark.parametrize(
    ("x", "e", "low", "high"),
    [
        (0.5, 0.0, 0, 0),
        (1.5, 0.0, 2, 2),
        (-0.5, 0.0, 0, 0),
        (2.5, 0.0, 2, 2),
        (2.25, 0.0, 2, 2),
        (2.5, 0.125, 2, 3),
        (2.625, 0.125, 2, 3),
        (1.375, 0.125, 1, 2),
        (7.0, 0.25, 7, 7),
    ],
)
def test_the_nearest_whole_number_is_the_even_of_two(x, e, low, high):
    ball = gnp.round(balls([x], [e])).entries[0]
    assert np.allclose([float(ball.lower()), float(ball.upper())], [low, high], rtol=0, atol=1e-8)
    assert float(ball.lower()) <= low <= high <= float(ball.upper())
    found = gnp.round(running([x], [e]))
    assert found.value[0] - found.error[0] <= low
    assert high <= found.value[0] + found.error[0]
    assert (found.error[0] == 0) == (low == high)


@READ
def test_the_root_of_squares_that_may_be_0_is_known(read):
    """The spread of rewards that are all one: 0, as far as the mean is rounded; what flows back to them is not known."""
    rewards = read([0.1, 0.1, 0.1], [0.0, 0.0, 0.0])
    low, high = ends(gnp.std(rewards) + gnp.norm(rewards * 0))
    assert low <= 0 <= high < 1e-6
    low, high = ends(gnp.norm(read([0.0, 0.0], [0.3, 0.4])))
    assert low <= 0
    assert 0.5 <= high < 0.8
    _, (back,) = gradients(gnp.norm, read([0.0, 0.0], [0.3, 0.4]))
    assert not np.isfinite(ends(back)).any()


def test_whole_numbers_below_and_above():
    x = running([1.25, -1.25, 2.0, 1.9], [0.125, 0.0, 0.0, 0.2])
    assert gnp.floor(x).value.tolist() == [1, -2, 2, 1]
    assert gnp.floor(x).error.tolist() == [0, 0, 0, 1]
    assert gnp.ceil(x).value.tolist() == [2, -1, 2, 2]
    assert gnp.ceil(x).error.tolist() == [0, 0, 0, 1]
    assert [bool(ball_rules.ball(e).is_exact()) for e in gnp.floor(balls([1.25, 2.0], [0.125, 0.25])).entries] == [
        True,
        False,
    ]


def test_any_and_all_of_conditions():
    """Beyond doubt where one that is decides it, or all are; a tie is in doubt for a derivative."""
    held = Condition(
        np.array([[True, False, False, True], [False, False, False, False]]),
        np.array([[True, False, True, False], [False, True, True, True]]),
        np.array([[False, False, True, False], [False, False, False, False]]),
    )
    found = held.any(axis=0)
    assert found.value.tolist() == [True, False, False, True]
    assert found.sure.tolist() == [True, False, True, False]
    assert found.kinked().sure.tolist() == [True, False, False, False]
    every = held.all(axis=0, keepdims=True)
    assert every.value.tolist() == [[False] * 4]
    assert every.sure.tolist() == [[False, True, True, True]]


# ---- one operation ----


@pytest.mark.parametrize("name", precision.NAMES)
@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("inner", ["", "tf32", "bfloat16"])
def test_the_roundings_of_one_operation_are_all_of_them(name, flushed, inner):
    """In float64, where 1 + u is 1, too."""
    p = precision.granted(name, inner, flushed)
    exact = Fraction(1)
    for u in (p.u, p.kept, p.stored, p.reads):
        exact *= 1 + Fraction(u)
    assert exact - 1 <= Fraction(p.unit) <= (exact - 1) * (1 + Fraction(1, 2**39))
