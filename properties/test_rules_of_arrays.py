"""Terms of the rules of whole arrays that decide alone: sums, products, choices, conditions; in errors and in balls."""

from types import SimpleNamespace
from typing import Any

import flint
import numpy as np
import pytest

import gradcheck.numpy as gnp
from benchmarks.programs import SINGLES
from benchmarks.random.judged import compiled
from gradcheck import Unusable, bounds, precision
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.primitives import PRIMITIVES, choices, moving, normalised, sums, table
from gradcheck.readings.running import Condition, Running, arithmetic, conditions, spreading
from gradcheck.readings.running import choices as either
from gradcheck.readings.running.parts import Parts
from gradcheck.readings.tape import Variable, gradients

P32, FLUSHED = precision.named("float32"), precision.granted("float32", "", True)
INF, NAN, ETA = np.inf, np.nan, FLUSHED.eta
TWO, THREE = (bounds.spread(k, P32.u + 2.0**-53) for k in (1, 2))


def parts(value: Any, error: Any = 0.0) -> Parts:
    value = np.array(value, dtype=float)
    return Parts(value, np.broadcast_to(np.array(error, dtype=float), value.shape).copy())


def summed(x: Parts, p: Any = P32, axis: Any = None, keepdims: bool = False) -> Parts:
    return arithmetic.sum_of(x, axis, keepdims, p)


def product(x: Parts, y: Parts, p: Any = P32) -> Parts:
    return arithmetic.matrix_product(x, y, p)


def landed(x: Parts, places: list[int], size: int, p: Any = P32) -> Parts:
    return spreading.scattered(x, p, places=np.array(places, dtype=int), shape=(size,))


def running(x: Parts, p: Any = P32) -> Parts:
    return spreading.cumulative(x, p, axis=0)


ONES = parts([[1.0, 1.0]]), parts([[1.0], [1.0]])
RULES: dict[str, tuple[Any, Any, Any]] = {  # what is made, its values, its errors
    "a sum of one": (lambda: summed(parts([3], 0.5)), 3, 0.5),
    "a sum of two": (lambda: summed(parts([3, 1])), 4, 4 * TWO),
    "a sum that cancels": (lambda: summed(parts([3, -3], 0.5)), 0, 1 + 7 * TWO),
    "of two of four": (lambda: summed(parts([[1, 2], [3, 4]], 0), axis=1), [3, 7], [3 * TWO, 7 * TWO]),
    "of errors along an axis": (lambda: summed(parts([[1], [2]], [[1], [0]]), axis=1), [1, 2], [1, 0]),
    "of several axes": (lambda: summed(parts([[1], [2]]), axis=(0, 1)), 3, 3 * TWO),
    "kept": (lambda: summed(parts([[1], [2]]), axis=0, keepdims=True), [[3]], [[3 * TWO]]),
    "of none": (lambda: summed(parts([])), 0, 0),
    "flushed": (lambda: summed(parts([0, 0]), FLUSHED), 0, 4 * ETA),
    "of infinity": (lambda: summed(parts([INF, 1], [0, 1])), INF, 0),
    "of opposite infinities": (lambda: summed(parts([INF, -INF])), NAN, 0),
    "of what is not known": (
        lambda: summed(parts([[INF, 1], [1, 1]], [[0, INF], [0, 0]]), axis=1),
        [INF, 2],
        [INF, 2 * TWO],
    ),
    "that may overflow": (lambda: summed(parts([3e38, 3e38, -3e38])), 3e38, INF),
    "that nearly may": (lambda: summed(parts([2.0**126, -(2.0**125)])), 2.0**125, 1.5 * 2.0**126 * TWO),
    "a product": (lambda: product(*ONES), [[2]], [[2 * TWO * 2 - 2 * TWO + 2 * P32.u]]),
    "a product, flushed": (lambda: product(parts([[0.0]]), parts([[0.0]]), FLUSHED), [[0]], [[4 * ETA]]),
    "by infinity": (lambda: product(parts([[INF, 1]]), parts([[1], [1]], 0.5)), [[INF]], [[0]]),
    "by infinity that may be 0": (lambda: product(parts([[INF, 1]]), parts([[1], [1]], 1)), [[INF]], [[INF]]),
    "what may be 0 by infinity": (lambda: product(parts([[1, 1]], 1), parts([[INF], [1]])), [[INF]], [[INF]]),
    "by what is not known": (lambda: product(parts([[1, 1]], [[0, INF]]), parts([[INF], [1]])), [[INF]], [[INF]]),
    "by what is not known, on the right": (
        lambda: product(parts([[INF, 1]]), parts([[1], [1]], INF)),
        [[INF]],
        [[INF]],
    ),
    "running sums": (lambda: running(parts([1, 2, 3])), [1, 3, 6], [0, 3 * TWO, 6 * THREE]),
    "of errors": (lambda: running(parts([1, -1], [1, 0.5])), [1, 0], [1, 1.5 + 3.5 * TWO]),
    "running, flushed": (lambda: running(parts([0, 0]), FLUSHED), [0, 0], [4 * ETA, 4 * ETA]),
    "running past infinity": (lambda: running(parts([1, INF, 1])), [1, INF, INF], [0, 0, 0]),
    "running past what is not known": (lambda: running(parts([INF, 1, 1], [0, INF, 0])), [INF] * 3, [0, INF, INF]),
    "running until it may overflow": (lambda: running(parts([3e38, 3e38, -3e38])), [3e38, INF, 3e38], [0, 0, INF]),
    "landed alone": (lambda: landed(parts([3], 0.5), [1], 2), [0, 3], [0, 0.5]),
    "landed together": (lambda: landed(parts([3, -3, 1], 0.5), [0, 0, 1], 3), [0, 1, 0], [1 + 7 * TWO, 0.5, 0]),
    "three together": (lambda: landed(parts([1, 1, 1, 2]), [0, 0, 0, 1], 2), [3, 2], [3 * THREE, 0]),
    "landed, flushed": (lambda: landed(parts([0, 0, 0]), [0, 0, 1], 2, FLUSHED), [0, 0], [6 * ETA, 0]),
    "none landed": (lambda: landed(parts([]), [], 2), [0, 0], [0, 0]),
    "infinity landed": (lambda: landed(parts([INF, 1], [0, 1]), [0, 0], 1), [INF], [0]),
    "what is not known landed": (lambda: landed(parts([INF, 1, 2], [0, INF, 0]), [0, 0, 1], 2), [INF, 2], [INF, 0]),
    "landed, and may overflow": (lambda: landed(parts([3e38, 3e38, -3e38]), [0, 0, 0], 1), [3e38], [INF]),
    "a total": (lambda: spreading.total(parts([1], 1), parts([2], 0.5), P32), [3], [1.5 + 4.5 * TWO]),
    "a total of one": (lambda: spreading.total(parts([1], 1), P32), [1], [1]),
    "a total, flushed": (lambda: spreading.total(parts([0]), parts([0]), FLUSHED), [0], [4 * ETA]),
    "a total of what is not known": (lambda: spreading.total(parts([INF]), parts([2], INF), P32), [INF], [INF]),
    "a total that may overflow": (
        lambda: spreading.total(parts([3e38]), parts([3e38]), parts([-3e38]), P32),
        [3e38],
        [INF],
    ),
    "one share": (lambda: either.share(parts([3, 1, 2], 0.25), P32), [1, 0, 0], [0, 0, 0]),
    "shares of a tie": (lambda: either.share(parts([3, 3, 2]), P32), [0.5, 0.5, 0], [0.5, 0.5, 0]),
    "shares of what may tie": (lambda: either.share(parts([3, 2, 1], [0, 1, 0]), P32), [0.5, 0.5, 0], [0.5, 0.5, 0]),
    "shares, nearly": (lambda: either.share(parts([3, 2], [0, 1 - 2.0**-50]), P32), [1, 0], [0, 0]),
    "shares of what is not known": (
        lambda: either.share(parts([3, -9], [0, INF]), P32),
        [0.5, 0.5],
        [0.5, 0.5],
    ),
    "shares of what is no number": (lambda: either.share(parts([3, NAN], [0, 1]), P32), [0.5, 0.5], [0.5, 0.5]),
    "shares beside what is no number": (
        lambda: either.share(parts([3, NAN, 1], [0, 1, 0]), P32),
        [0.5, 0.5, 0],
        [0.5, 0.5, 0],
    ),
    "shares by infinity": (lambda: either.share(parts([INF, 3]), P32), [1, 0], [0, 0]),
    "shares of the largest, not known": (lambda: either.share(parts([9, 3], [INF, 0]), P32), [0.5, 0.5], [0.5, 0.5]),
    "shares along an axis": (
        lambda: either.share(parts([[3, 1], [2, 4]]), P32, axis=1),
        [[1, 0], [0, 1]],
        np.zeros((2, 2)),
    ),
    "the largest": (lambda: either.largest(parts([[3, 1]], [[0, 1]]), P32, axis=1), [3], [1]),
    "the largest, kept": (lambda: either.largest(parts([[3, 1]], [[0, 1]]), P32, 1, True), [[3]], [[1]]),
    "chosen": (lambda: conditions.chosen(np.array([True, False]), parts([1, 1], 1), parts([2, 2], 3)), [1, 2], [1, 3]),
    "either": (
        lambda: conditions.chosen(Condition(np.array(True), np.array(False)), parts(1, 1), parts(3, 0.5)),
        1,
        3.5,
    ),
    "either, of equal infinities": (
        lambda: conditions.chosen(Condition(np.array(True), np.array(False)), parts(INF), parts(INF)),
        INF,
        8 * 2.0**-1074,
    ),
    "either, of what is no number": (
        lambda: conditions.chosen(Condition(np.array(True), np.array(False)), parts(NAN), parts(1)),
        NAN,
        INF,
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_each_term_of_an_array_decides_somewhere(name):
    """The values, and the errors: reached, and hardly exceeded."""
    made, value, error = RULES[name]
    with np.errstate(all="ignore"):
        found = made()
    value, error = np.array(value, dtype=float), np.array(error, dtype=float)
    assert found.value.shape == found.error.shape == value.shape
    assert np.array_equal(found.value, value, equal_nan=True)
    exact = (error == 0) | np.isinf(error)
    assert (found.error[exact] == error[exact]).all()
    assert (found.error >= error * (1 - 2.0**-40)).all()
    assert (found.error[~exact] <= error[~exact] * (1 + 2.0**-20) + 16 * P32.eta).all()


# ---- conditions ----

TIES = Running(np.array([-1.0, 0.0, 0.5, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
CONDITIONS: dict[
    str, tuple[Any, list[bool], list[bool], list[bool]]
] = {  # what holds, what is sure, what is to a derivative
    "above": (lambda c: c, [0, 0, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]),
    "not": (lambda c: ~c, [1, 1, 0, 0], [1, 1, 0, 1], [1, 0, 0, 1]),
    "and what is given": (lambda c: c & np.array([True, True, True, False]), [0, 0, 1, 0], [1, 1, 0, 1], [1, 0, 0, 1]),
    "given and": (lambda c: np.array([True, True, True, False]) & c, [0, 0, 1, 0], [1, 1, 0, 1], [1, 0, 0, 1]),
    "or what is given": (lambda c: c | np.array([True, False, False, False]), [1, 0, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]),
    "given or": (lambda c: np.array([True, False, False, False]) | c, [1, 0, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]),
    "and itself": (lambda c: c & c, [0, 0, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]),
    "or its opposite": (lambda c: c | ~c, [1, 1, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]),
    "some": (lambda c: c[1:3], [0, 1], [1, 0], [0, 0]),
    "in rows": (lambda c: c[None][0], [0, 0, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]),
}


@pytest.mark.parametrize("read", ["running", "balls"])
@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_keep_what_is_sure_and_what_ties(name, read):
    """Of what is differentiated; and which reading they are of."""
    made, value, sure, kinked = CONDITIONS[name]
    x: Any = TIES
    if read == "balls":
        x = Balls([flint.arb(*pair) for pair in zip(TIES.value, TIES.error, strict=True)], (4,))
    found = made((x > 0).moving())
    assert found.value.tolist() == [bool(one) for one in value] or not all(sure)
    certain = np.array(sure, dtype=bool)
    assert (found.value[certain] == np.array(value, dtype=bool)[certain]).all()
    assert np.broadcast_to(found.sure, found.shape).tolist() == certain.tolist()
    assert found.kinked().sure.tolist() == [bool(one) for one in kinked]
    assert found.kinked().kinked().sure.tolist() == found.kinked().sure.tolist()
    assert found.kinked().read == found.read == (Balls.exact if read == "balls" else None)
    assert (found.parts.error == 1 - np.array(kinked)).all()
    chosen = gnp.where(found, 2.0, 5.0)
    assert isinstance(chosen, Balls if read == "balls" else Running)
    if read == "running":
        assert gnp.where(found, 1, 0).dtype == np.float64


# ---- balls ----


@pytest.mark.parametrize(
    ("middle", "reach"), [(50, 49), (-50, 49), (0, 0.5), (3, 1), (-3, 1), (0, 0), (1e6, 1), (-1e6, 1)]
)
def test_a_sigmoid_of_a_ball_is_no_wider_than_it_is(middle, reach):
    """From one end to the other."""
    found = PRIMITIVES["sigmoid"].ball(flint.arb(middle, reach))
    ends = [1 / (1 + (-(flint.arb(middle) + side * reach)).exp()) for side in (-1, 1)]
    assert all(found.contains(end) or found.overlaps(end) for end in ends)
    assert float(found.rad()) <= 4 * float((ends[1] - ends[0]).abs_upper()) + 2.0**-40


BALL = flint.arb
BALL_RULES: dict[str, tuple[Any, Any]] = {  # what is made of balls, and the ball or number that it is
    "the larger": (lambda: ball_rules.leads(2, 1), 1),
    "the smaller": (lambda: ball_rules.leads(BALL(1), 2), 0),
    "a tie": (lambda: ball_rules.leads(1, 1), ball_rules.UNIT),
    "one of two": (lambda: ball_rules.leads(BALL(1, 1), 2), ball_rules.UNIT),
    "positive": (lambda: ball_rules.sides(BALL(2, 1)), 1),
    "negative": (lambda: ball_rules.sides(BALL(-2, 1)), -1),
    "zero": (lambda: ball_rules.sides(BALL(0)), ball_rules.BOTH),
    "may be zero": (lambda: ball_rules.sides(BALL(1, 1)), ball_rules.BOTH),
    "a sign": (lambda: ball_rules.sign(BALL(2, 1)), 1),
    "a minus": (lambda: ball_rules.sign(BALL(-2, 1)), -1),
    "no sign": (lambda: ball_rules.sign(BALL(0)), 0),
    "any sign": (lambda: ball_rules.sign(BALL(0, 1)), ball_rules.BOTH),
    "not negative": (lambda: ball_rules.sign(BALL(1, 1)), ball_rules.BOTH),
    "not positive": (lambda: ball_rules.sign(BALL(-1, 1)), ball_rules.BOTH),
    "to the 0": (lambda: ball_rules.power(BALL(3, 1), 0.0), 1),
    "to the 1": (lambda: ball_rules.power(BALL(3), 1.0), 3),
    "to the 5": (lambda: ball_rules.power(BALL(-3), 5.0), -243),
    "to the 6": (lambda: ball_rules.power(BALL(-3), 6.0), 729),
    "to the -2": (lambda: ball_rules.power(BALL(-2), -2.0), 0.25),
    "to a half": (lambda: ball_rules.power(BALL(9), 0.5), 3),
    "an even power over 0": (lambda: ball_rules.power(BALL(0, 2), 2.0), BALL(0, 4)),
}


@pytest.mark.parametrize("name", BALL_RULES)
def test_what_is_done_to_one_ball(name):
    """Exactly, but for the last bits of a radius."""
    made, expected = BALL_RULES[name]
    found, expected = made(), BALL(expected)
    assert type(found) is BALL
    assert found.contains(expected)
    assert float(found.rad()) <= float(expected.rad()) * (1 + 2.0**-20) + 2.0**-40


def test_a_ball_or_a_series_stays_as_it_is():
    for x in (BALL(1, 2), flint.arb_series([1, 2])):
        assert ball_rules.ball(x) is x
    assert type(ball_rules.ball(2)) is BALL


def test_shares_of_balls_are_of_those_that_may_be_the_largest():
    for entries, expected in (
        ([BALL(3), BALL(1), BALL(2)], [1, 0, 0]),
        ([BALL(3), BALL(3), BALL(2)], [ball_rules.UNIT, ball_rules.UNIT, 0]),
        ([BALL(3), BALL(1), BALL(2, 2)], [ball_rules.UNIT, 0, ball_rules.UNIT]),
    ):
        assert all(
            one == BALL(other) or one.contains(other)
            for one, other in zip(ball_rules.shares(entries), expected, strict=True)
        )
        assert [float(one.rad()) > 0 for one in ball_rules.shares(entries)] == [
            isinstance(one, flint.arb) for one in expected
        ]


def test_what_is_given_picks_balls_and_stretches():
    """By truth values that are given, in a column or a row; by a comparison, too."""
    x, y = Balls.exact(np.array([[1.0], [2.0]])), Balls.exact(np.array([[10.0, 20.0, 30.0]]))
    given = np.array([[True, False, True], [False, True, False]])
    assert gnp.where(given, x, y).values().tolist() == [[1, 20, 1], [10, 2, 30]]
    assert gnp.where(given[:1], x, y).values().tolist() == [[1, 20, 1], [2, 20, 2]]
    assert gnp.where(np.array([True, False])[:, None], x, x * 4).values().tolist() == [[1], [8]]
    assert gnp.where(y > 15, x, y).values().tolist() == [[10, 1, 1], [10, 2, 2]]
    assert all(type(entry) is BALL for entry in gnp.where(given, Balls([1, 2], (2, 1)), y).entries)


def test_products_of_stacks_of_balls_stretch():
    """Leading axes of one, of the other, of both."""
    a, b = np.arange(12.0).reshape(2, 1, 2, 3), np.arange(18.0).reshape(3, 3, 2)
    matmul = PRIMITIVES["matmul"]
    for x, y in ((a, b), (a[0, 0], b), (b[0].T, b), (b, b[0, :2, :]), (a[0, 0], b[0])):
        assert (matmul(Balls.exact(x), Balls.exact(y)).values() == x @ y).all()
        assert matmul(Balls.exact(x), Balls.exact(y)).shape == (x @ y).shape
    for x, y in (
        (a[0, 0, 0], b),
        (b, a[0, 0, 0, :2]),
        (a[0, 0, 0], b[0]),
        (b[0], a[0, 0, 0, :2]),
        (a[0, 0, 0], a[0, 0, 0]),
    ):
        for found in (Balls.exact(x) @ Balls.exact(y), Running.exact(x) @ Running.exact(y), Variable(x) @ Variable(y)):
            assert (found.values() == x @ y).all()
            assert found.shape == (x @ y).shape


def test_what_lands_in_balls_is_added_up():
    found = moving.SCATTER(Balls.exact(np.array([1.0, 2.0, 4.0])), places=np.array([1, 1, 2]), shape=(2, 2))
    assert found.values().tolist() == [[0, 3], [4, 0]]
    assert all(type(entry) is BALL for entry in found.entries)
    assert sums.CUMSUM(Balls.exact(np.arange(6.0).reshape(2, 3)), axis=1).values().tolist() == [[0, 1, 3], [3, 7, 12]]


# ---- values, derivatives, names ----


@pytest.mark.parametrize("name", SINGLES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_values_and_derivatives_are_of_the_dtype_of_their_operands(name, dtype):
    """In NumPy, where it knows the dtype, and in running errors."""
    text = compiled(f"def loss(x, y=None, *, np):\n    return {SINGLES[name].text}\n")
    kind = precision.named(dtype).dtype
    arrays = [np.full((4, 6), value, dtype=kind) for value in (0.5, 0.25)][: 2 if SINGLES[name].other else 1]
    for read in (np.asarray, Running.exact)[dtype == "bfloat16" :]:
        value, found = gradients(lambda *given: gnp.sum(text(*given, np=gnp)), *map(read, arrays))
        assert {value.dtype, *(one.dtype for one in found)} == {kind}


def test_what_numpy_widens_is_rounded_back():
    """A dtype of ml_dtypes beside numbers of Python."""
    kind = precision.named("bfloat16").dtype
    third = PRIMITIVES["multiply"](np.ones(2, dtype=kind), 1 / 3)
    assert third.dtype == kind
    assert (third == np.asarray(1 / 3).astype(kind)).all()


def test_the_largest_gives_back_along_any_axis():
    """Kept or not; and of numbers beside arrays."""
    array = np.array([[1.0, 3.0], [4.0, 2.0]])
    for axis, expected in ((0, [[0, 1], [1, 0]]), (1, [[0, 1], [1, 0]]), (None, [[0, 0], [1, 0]])):
        for keepdims in (False, True):
            _, (found,) = gradients(lambda x, a=axis, k=keepdims: gnp.sum(gnp.max(x, axis=a, keepdims=k)), array)
            assert found.tolist() == expected
    assert choices.LEADS(np.float16(2), 1).dtype == np.float16
    assert choices.LEADS(np.ones(2, dtype=np.float32), np.zeros(2, dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_a_softmax_goes_along_any_axis(name, axis):
    """Values, errors and balls, each as of columns."""
    array = np.random.default_rng(0).normal(size=(2, 3, 4))
    columns = np.moveaxis(array, axis, 0)
    flat, primitive = columns.reshape(len(columns), -1), PRIMITIVES[name]
    errors = np.arange(24.0).reshape(2, 3, 4) / 2**20
    turned = np.moveaxis(errors, axis, 0).reshape(flat.shape)
    expected = primitive(Running(flat, turned), axis=0)
    found = primitive(Running(array, errors), axis=axis)
    back = lambda part: np.moveaxis(part.reshape(len(part), *columns.shape[1:]), 0, axis)
    assert (found.value == back(expected.value)).all()
    assert (found.error == back(expected.error)).all()
    exact = primitive(Running.exact(array), axis=axis)
    for other in (primitive(array, axis=axis), primitive(Balls.exact(array), axis=axis).values()):
        assert (abs(other - exact.value) <= exact.error).all()
    assert normalised.along(lambda x: x, array, axis).shape == array.shape


def test_a_function_that_no_module_names_is_asked_of_numpy():
    """Older ufuncs say no module; what is not NumPy's has its name alone."""
    rest = "is not among the functions that a loss may be written in (gradcheck.numpy lists them)"
    assert str(table.missing(SimpleNamespace(__name__="sinh", __module__=None))) == f"numpy.sinh {rest}"
    assert str(table.missing(SimpleNamespace(__name__="mine", __module__=None))) == f"mine {rest}"
    assert str(table.missing(SimpleNamespace(__name__="mine", __module__="my"))) == f"my.mine {rest}"
    assert str(table.missing(12)) == f"12 {rest}"


# ---- the table ----

REAL = ["exp", "log", "tanh", "expm1", "log1p", "sqrt", "sin", "cos", "sigmoid", "divide", "power"]
REAL += ["root", "arccos", "arcsin", "arctan", "sinh", "cosh"]
OF_TWO = ["divide", "logaddexp", "raise", "portion"]
OTHERS = {
    *("softmax", "log_softmax", "logsumexp", "slope", "add", "subtract", "multiply", "negative", "matmul", "absolute"),
    *("maximum", "minimum", "leads", "sides", "sign", "max", "share", "where", "sum", "cumsum", "total"),
    *("transpose", "reshape", "broadcast_to", "pick", "scatter", "concatenate"),
    *("prod", "rest", "sort", "standing", "either", "floor", "round"),
}


def test_every_entry_has_its_name():
    """By which reports, and what is not known, call it."""
    assert set(PRIMITIVES) - {"convert"} == {*REAL, *OF_TWO, *OTHERS}  # convert: of what JAX has traced
    assert all(str(primitive) == name for name, primitive in PRIMITIVES.items())


@pytest.mark.parametrize("name", [*REAL, *OF_TWO[1:]])
def test_functions_of_whole_numbers_are_real(name):
    """As NumPy has them."""
    whole = Running.exact(np.ones((2, 2), dtype=np.int64))
    two = [whole, whole] if name in OF_TWO else [whole]
    found = PRIMITIVES[name](*two, **({"exponent": 2.0} if name == "power" else {}))
    assert found.dtype == np.float64
    assert (whole + whole).dtype == (whole * whole).dtype == (-whole).dtype == np.int64


def test_squares_are_powers():
    for x in (Running.exact(np.array([3.0])), Balls.exact(np.array([3.0]))):
        assert np.square(x).values().tolist() == np.float_power(x, 2).values().tolist() == [9]


def test_what_errors_just_reach_is_in_doubt():
    """Of a comparison: they may be equal."""
    x = Running(np.array([1.0, 1.0]), np.array([1.0, 0.5]))
    assert [(x > 0).sure.tolist(), (x <= 0).sure.tolist(), (x >= 0).sure.tolist()] == [[False, True]] * 3
    line = "a loss decides by a comparison that rounding may turn; write it with where(condition, this, that)"
    with pytest.raises(Unusable) as told:
        bool(x[:1] > 0)
    assert str(told.value) == line
