"""The table of primitives: each column against the others, at random, at the ends of what is allowed, and at kinks."""

import doctest
import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradcheck.numpy as gnp
from benchmarks.programs import DTYPES, SINGLES, Counted, program, single
from benchmarks.random.judged import compiled
from gradcheck import Unusable, bounds, precision
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.jaxpr import kinds
from gradcheck.readings.primitives import PRIMITIVES
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted
from gradcheck.readings.tape import Gradients, Variable, gradients
from gradcheck.referees.rounded import EXACT

BITS, STEP = 600, 2.0**-150
READ = {"numpy": np.asarray, "running": Running.exact, "balls": Balls.exact}
READINGS = pytest.mark.parametrize("read", READ.values(), ids=READ)


# ---- at random ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SINGLES)
def test_what_is_computed_and_what_is_true_lie_within_the_running_error(name, dtype):
    """Of each primitive, its value and its gradients, of inputs anywhere within their own errors."""
    counted = Counted()
    for seed in range(3):
        single(np.random.default_rng(seed), name, dtype, ("numpy",), counted)
    assert not counted.outside
    assert counted.worst[name]["numpy"] > 0.05


@given(st.sampled_from(sorted(SINGLES)), st.sampled_from(DTYPES), st.integers(100, 2**32))
def test_so_they_do_wherever_they_are_drawn(name, dtype, seed):
    """The same, from seeds of Hypothesis."""
    counted = Counted()
    single(np.random.default_rng(seed), name, dtype, ("numpy",), counted)
    assert not counted.outside


@given(st.integers(0, 2**32), st.sampled_from(DTYPES))
def test_random_programs_lie_within_their_running_errors(seed, dtype):
    """Value and gradients, in NumPy and in truth."""
    counted = Counted()
    program(seed, dtype, ("numpy",), counted)
    assert not counted.outside


def reached(variable: Any, found: set[str]) -> set[str]:
    if isinstance(variable, Variable) and variable.function is not None:
        found.add(variable.function.name)
        for operand in variable.operands:
            reached(operand, found)
    return found


def test_every_primitive_is_drawn():
    """Those of the table that a text can name are in one of the texts; the others are what derivatives are made of."""
    found: set[str] = set()
    for case in SINGLES.values():
        given = [Variable(np.full((4, 6), 0.5)) for _ in range(2)]
        reached(compiled(f"def loss(x, y=None, *, np):\n    return {case.text}\n")(*given, np=gnp), found)
    assert set(PRIMITIVES) - found == {
        "leads",
        "sides",
        "share",
        "sign",
        "scatter",
        "slope",
        "total",
        "broadcast_to",
        "portion",
        "rest",
        "standing",
        "either",
        kinds.CONVERT.name,  # of what JAX has traced
    }


# ---- at the ends ----

POINTS = np.array([-3.0, -1.5, -0.75, -0.2, 0.3, 0.6, 0.9, 2.0, 5.0])
ENDS: dict[str, tuple[Callable[[Any], Any], float, float]] = {  # text, and the roundings beside those of one function
    **{name: (getattr(gnp, name), 1.0, 0.0) for name in ["exp", "log", "log1p", "expm1", "tanh", "sqrt", "arccos"]},
    "root": (PRIMITIVES["root"], 1.0, 0.0),
    **{name: (getattr(gnp, name), 1.0, 0.0) for name in ["arcsin", "arctan", "sinh", "cosh"]},
    "sigmoid": (gnp.sigmoid, 1.0, 2.0),
    "power": (lambda x: gnp.power(x, 1.75), 1.0, 0.0),
    "cube": (lambda x: x**3, 1.0, 0.0),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("scale", [2.0**-30, 2.0**-7])
@pytest.mark.parametrize("name", ENDS)
def test_the_error_of_a_function_reaches_its_ends_and_little_beyond(name, scale, dtype):
    """What an error of the input makes of the value at either end, with all that rounding may do: no less, and hardly more."""
    function, elementary, more = ENDS[name]
    p, x = precision.named(dtype), POINTS.copy()
    x = (
        x[x > 0]
        if name in ("log", "sqrt", "root", "power")
        else x[abs(x) < 0.95]
        if name in ("arccos", "arcsin", "log1p")
        else x
    )
    x, e = x.astype(dtype).astype(float), abs(x) * scale
    found = function(Running(x, e, np.dtype(dtype)))
    with flint.ctx.workprec(200):
        exact = [function(Balls.exact(part)) for part in (x - e, x, x + e)]
        ends = [abs((one - exact[1]).values()) for one in (exact[0], exact[2])]
        moved, size = np.maximum(*ends), abs(exact[1].values()) + np.maximum(*ends)
    f = elementary * bounds.elementary(p) + more * p.u
    least = moved + f * size * (1 - 8 * p.u)
    assert (found.error >= least * (1 - 2.0**-45)).all()
    assert (found.error <= (moved * (1 + 8 * scale) + (f + 2.0**-49) * size) * (1 + 16 * p.u) + 8 * p.eta).all()


@READINGS
def test_balls_and_errors_sum_along_any_axes(read):
    """Three axes, several at once, kept or not; products of stacks; vectors."""
    array = np.arange(24.0).reshape(2, 3, 4) / 8
    x = read(array)
    for axis in (0, 1, 2, -1, (0, 2), (1, 2), None):
        for keepdims in (False, True):
            for name in ("sum", "mean", "max", "min"):
                found = getattr(gnp, name)(x, axis=axis, keepdims=keepdims)
                expected = getattr(np, name)(array, axis=axis, keepdims=keepdims)
                assert found.shape == expected.shape
                assert np.allclose(np.asarray(found.values() if read is not np.asarray else found), expected)
    same = [
        (gnp.matmul(x, array.swapaxes(1, 2)), array @ array.swapaxes(1, 2)),
        (gnp.matmul(x, array[0].T), array @ array[0].T),
        (gnp.dot(x[0, 0], array[0].T), array[0, 0] @ array[0].T),
        (gnp.einsum("abc,cd->bd", x, array[0].T), np.einsum("abc,cd->bd", array, array[0].T)),
        (gnp.einsum("abc,abd->acd", x, array), np.einsum("abc,abd->acd", array, array)),
        (gnp.cumsum(x, axis=1), array.cumsum(axis=1)),
        (gnp.logsumexp(x, axis=2), np.log(np.exp(array).sum(axis=2))),
        (gnp.softmax(x, axis=1), np.exp(array) / np.exp(array).sum(axis=1, keepdims=True)),
        (gnp.trace(x[0][:, :3]), np.trace(array[0][:, :3])),
        (gnp.stack([x, x * 2], axis=1), np.stack([array, array * 2], axis=1)),
        (gnp.flip(gnp.roll(x, 1, 2), 1), np.flip(np.roll(array, 1, 2), 1)),
        (gnp.swapaxes(x, 0, 2), array.swapaxes(0, 2)),
        (gnp.squeeze(gnp.expand_dims(x, 1)), array),
    ]
    for found, expected in same:
        assert found.shape == expected.shape
        assert np.allclose(np.asarray(found.values() if read is not np.asarray else found), expected, rtol=1e-12)


# ---- derivatives ----

SMOOTH = np.array([[0.5, 0.85, 0.3], [0.75, 0.25, 0.6], [0.4, 0.95, 0.15], [0.7, 0.2, 0.55]])
OTHER = np.array([[0.35, 0.7, 0.9], [0.1, 0.45, 0.8], [0.65, 0.33, 0.27], [0.58, 0.47, 0.92]])


@pytest.mark.parametrize("name", SINGLES)
def test_every_derivative_is_where_difference_quotients_lie(name):
    """By balls: a central difference is off by no more than its step squared times a third derivative."""
    text = compiled(f"def loss(x, y=None, *, np):\n    return {SINGLES[name].text}\n")
    arrays = [Balls.exact(SMOOTH), *([Balls.exact(OTHER)] if SINGLES[name].other else [])]
    shape = text(*(a.values() for a in arrays), np=gnp).shape
    weight = np.cos(np.arange(np.prod(shape))).reshape(shape)

    def number(*given: Any) -> Any:
        return gnp.sum(text(*given, np=gnp) * weight)

    with flint.ctx.workprec(BITS):
        _, found = gradients(number, *arrays)
        for which, gradient in enumerate(found):
            for entry in (0, 4, 11):
                sides = []
                for step in (STEP, -STEP):
                    moved = [Balls(list(a.entries), a.shape) for a in arrays]
                    moved[which].entries[entry] = moved[which].entries[entry] + step
                    sides.append(number(*moved).entries[0])
                off = gradient.entries[entry] - (sides[0] - sides[1]) / (2 * STEP)
                assert abs(float(off.mid())) + float(off.rad()) < 2.0**-200


@READINGS
def test_what_flows_back_through_products_of_stacks(read):
    """To either operand, summed over the axes along which it was broadcast."""
    x, y = np.arange(24.0).reshape(2, 3, 4) / 8, np.arange(20.0).reshape(4, 5) / 16
    weight = np.cos(np.arange(30.0)).reshape(2, 3, 5)
    _, found = gradients(lambda x, y: gnp.sum(gnp.matmul(x, y) * weight), read(x), read(y))
    expected = weight @ y.T, np.einsum("bij,bik->jk", x, weight)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.allclose(one if isinstance(one, np.ndarray) else one.values(), other, rtol=1e-12)


@READINGS
def test_what_flows_in_by_three_ways_is_a_sum_of_any_order(read):
    """Rounded no more often than a sum of three."""
    x = Variable(read(np.array([0.3, 0.7])))
    found = Gradients(gnp.sum(x * 0.1 + x * 0.2 + x * 0.3))[x]
    assert np.allclose(found if isinstance(found, np.ndarray) else found.values(), 0.6)
    if isinstance(found, Running):
        assert 0 < found.error.max() <= 3 * 0.6 * 2.0**-53 * 2.1


# ---- kinks ----

KINKS: dict[
    str, tuple[Callable[[Any], Any], float, float]
] = {  # a text, and its derivative at 0 from below and from above
    "abs": (gnp.abs, -1.0, 1.0),
    "relu": (gnp.relu, 0.0, 1.0),
    "maximum": (lambda x: gnp.maximum(x, 2 * x), 1.0, 2.0),
    "minimum": (lambda x: gnp.minimum(3 * x, x), 1.0, 3.0),
    "clip": (lambda x: gnp.clip(x, 0, 1), 0.0, 1.0),
    "where": (lambda x: gnp.where(x > 0, x, 4 * x), 1.0, 4.0),
    "where not": (lambda x: gnp.where(~(x <= 0) & (x < 9), x, 4 * x), 1.0, 4.0),
    "times": (lambda x: (x >= 0) * x, 0.0, 1.0),
    "max": (lambda x: gnp.max(gnp.stack([x, 5 * x]), axis=0), 1.0, 5.0),
    "min": (lambda x: gnp.min(gnp.stack([x, 5 * x]), axis=0), 1.0, 5.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_at_a_kink_a_derivative_reaches_from_one_side_to_the_other(name):
    """At a tie, and where errors reach across it; beside it, it is one of the two."""
    function, low, high = KINKS[name]
    low, high = sorted((low, high))
    within = [Running(np.zeros(1), np.zeros(1)), Running(np.full(1, 0.25), np.full(1, 0.5))]
    for x in (*within, Balls.exact(np.zeros(1)), Balls([flint.arb(0.25, 0.5)], (1,))):
        _, (found,) = gradients(lambda x: gnp.sum(function(x)), x)
        reach = found.error if isinstance(found, Running) else found.radii()
        assert (found.values() - reach <= low).all()
        assert (found.values() + reach >= high).all()
        assert (reach <= 2.5 * high).all()
    for x in (Running(np.array([-0.5, 0.5]), np.full(2, 0.125)), Balls.exact(np.array([-0.5, 0.5]))):
        _, (found,) = gradients(lambda x: gnp.sum(function(x)), x)
        reach = found.error if isinstance(found, Running) else found.radii()
        assert (reach < 1e-12).all()
        assert set(found.values().round(12).tolist()) == {low, high}


def test_a_tie_among_many_is_shared():
    """Each of those that tie may have all of it or nothing; the others have nothing. Elsewhere the largest has it."""
    array = np.array([[3.0, 1.0], [3.0, 2.0], [1.0, 0.0]])
    for read in READ.values():
        _, (found,) = gradients(lambda x: gnp.sum(gnp.max(x, axis=0)), read(array))
        value = np.asarray(found if isinstance(found, np.ndarray) else found.values())
        assert (value == [[0.5, 0], [0.5, 1], [0, 0]]).all()
        reach = {Running: lambda f: f.error, Balls: lambda f: f.radii()}.get(type(found), lambda f: 0.5 * (f == 0.5))(
            found
        )
        assert ((reach >= 0.5) == (value == 0.5)).all()
        assert (reach[value != 0.5] < 1e-12).all()


def test_a_choice_that_rounding_may_turn_is_either():
    """Of where, sign and comparisons; what is beyond doubt stays so, and no doubt can be decided by an if."""
    x = Running(np.array([0.1, 1.0, 0.0]), np.array([0.2, 0.2, 0.0]))
    found = gnp.where(x > 0, 5.0, -3.0)
    assert (found.value == [5, 5, -3]).all()
    assert (found.error >= [8, 0, 0]).all()
    assert not found.error[1:].any()
    assert (gnp.sign(x).error >= [2, 0, 0]).all()
    assert not gnp.sign(x).error[1:].any()
    balls = Balls([flint.arb(0.1, 0.2), flint.arb(1)], (2,))
    chosen = gnp.where(gnp.logical_and(balls > 0, balls > -1), 5.0, -3.0)
    assert chosen.entries[0].contains(5) and chosen.entries[0].contains(-3)
    assert chosen.entries[1] == 5
    for doubtful in (x[0:1] > 0, balls[:1] > 0, Variable(Balls.exact(np.zeros(1))) > 0):
        with pytest.raises(Unusable, match=r"where\(condition, this, that\)"):
            bool(doubtful)
    assert bool(Variable(Balls.exact(np.ones(1))) > 0)


# ---- what is granted ----


@pytest.mark.parametrize("declared", [{"reads": 2.0**-8}, {"stored": 2.0**-8}, {"kept": 2.0**-8}, {"adds": 2.0**-8}])
def test_a_granted_arithmetic_is_counted_once_for_each_result(declared):
    """Operands rounded to 8 bits when they are read, arrays or results that are written down so, sums that are added so."""
    from dataclasses import replace

    kind, coarse = np.dtype("float32"), precision.named("bfloat16")
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(3, 4)).astype(kind) for _ in range(2))
    bare = Running.exact(x) * Running.exact(y)
    with granted(kind, replace(precision.named("float32"), **declared)):
        a, b = (Running.given(Running.exact(part)) for part in (x, y))
        times, total, matrix = a * b, gnp.sum(a * b, axis=0), a @ b.T
    down = lambda v: coarse.round(v).astype(kind)
    read = down if "reads" in declared or "stored" in declared else lambda v: v
    kept = (lambda v: v) if "adds" in declared else down
    assert (abs(kept(read(x) * read(y)) - times.value) <= times.error).all()
    added = np.zeros(4, dtype=kind)
    for row in kept(read(x) * read(y)):
        added = down(added + row) if "adds" in declared else added + row
    assert (abs(kept(added) - total.value) <= total.error).all()
    assert (abs(kept(read(x) @ read(y).T) - matrix.value) <= matrix.error).all()
    assert (total.error > 0).all()
    if "adds" not in declared:
        assert (times.error > 2.0**-9 * abs(times.value)).all()
    assert (times.error < 2.0**-5 * abs(times.value)).all()
    assert ((Running.exact(x) * Running.exact(y)).error == bare.error).all()  # afterwards nothing is


# ---- each rounding is its formula ----

U, ETA = 2.0**-24, 2.0**-149  # of float32, beside which our own rounding in float64 is nothing
F = bounds.elementary(precision.named("float32"))
A, E = np.array([[0.3, -1.7, 5.0], [2.0, 0.9, -0.6]]), np.array([[0.05, 0.2, 0.0], [0.3, 0.0, 0.1]])
B, G = np.array([[1.3, -0.7, 3.0], [-5.0, 1.1, 0.8]]), np.array([[0.0, 0.1, 0.4], [0.5, 0.0, 0.2]])


def times(k: int) -> float:
    return bounds.spread(k, U)


def once(value: Any, error: Any) -> Any:
    return error + U * (abs(value) + error) + ETA


def multiplied(a: Any, e: Any, b: Any, g: Any) -> Any:
    return once(a * b, abs(a) * g + abs(b) * e + e * g)


def divided(a: Any, e: Any, b: Any, g: Any) -> Any:
    moved = (e + abs(a / b) * g) / (abs(b) - g)
    return once(a / b, moved + U * (abs(a / b) + moved) + (abs(a) + e) * ETA)


def summed(e: Any, size: Any, k: int) -> Any:
    return e.sum(axis=0) + times(k - 1) * size.sum(axis=0)


def raised(a: Any, e: Any, b: Any, g: Any) -> Any:
    moved = e / (a - e)
    return a**b * np.expm1(abs(b) * moved + g * (abs(np.log(a)) + moved))


def by_slope() -> Any:
    inner = multiplied(A, E, A, E)
    moved = divided(A * A, inner, B, G)
    return moved + 2 * (abs(A) + E) * 2 * ETA


def factors(a: Any, e: Any, roundings: int) -> Any:
    """Of a product along the first axis."""
    size = abs(a.prod(axis=0))
    moved, reach = (abs(a) + e).prod(axis=0) - size, np.maximum(1, abs(a) + e).prod(axis=0)
    return moved + times(roundings) * (size + moved) + roundings * ETA * reach


def by_the_others() -> Any:
    """What flows back to each of three factors in a row."""
    g, off, found = abs(B[:, :1]), G[:, :1], []
    for k in range(3):
        others, errors = (np.delete(part, k, axis=1).T for part in (A, E))
        found.append(factors(others, errors, 4))
    rest, error = (
        np.stack(column, axis=1) for column in ([abs(np.delete(A, k, axis=1).prod(axis=1)) for k in range(3)], found)
    )
    reach = np.maximum(1, SA).prod(axis=1, keepdims=True)
    return once(g * rest, g * error + off * rest + off * error) + 4 * reach * (g + off + 1) * ETA / np.minimum(
        abs(A) - E, 1
    )


SA, SB = abs(A) + E, abs(B) + G
FORMULAS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "add": (lambda x, y: x + y, once(A + B, E + G)),
    "subtract": (lambda x, y: x - y, once(A - B, E + G)),
    "multiply": (lambda x, y: x * y, multiplied(A, E, B, G)),
    "divide": (lambda x, y: x / y, divided(A, E, B, G)),
    "divide by a power of 2": (lambda x, y: x / 4, once(A / 4, E / 4)),
    "negative": (lambda x, y: -x, E),
    "abs": (lambda x, y: abs(x), E),
    "maximum": (gnp.maximum, np.maximum(E, G)),
    "minimum": (gnp.minimum, np.maximum(E, G)),
    "max": (lambda x, y: gnp.max(x, axis=0), E.max(axis=0)),
    "matmul": (lambda x, y: x.T @ y, abs(A.T) @ G + E.T @ abs(B) + E.T @ G + times(2) * SA.T @ SB + 2 * ETA),
    "sum": (lambda x, y: gnp.sum(x, axis=0), summed(E, SA, 2)),
    "sum of all": (gnp.sum and (lambda x, y: gnp.sum(x)), E.sum() + times(5) * SA.sum()),
    "cumsum": (
        lambda x, y: gnp.cumsum(x, axis=0),
        E.cumsum(axis=0) + np.array([[0.0], [times(1)]]) * SA.cumsum(axis=0),
    ),
    "prod": (lambda x, y: gnp.prod(x, axis=0), factors(A, E, 1)),
    "prod of all": (lambda x, y: gnp.prod(x), factors(A.ravel(), E.ravel(), 5)),
    "rest": (lambda x, y: PRIMITIVES["rest"](y[:, :1], x), by_the_others()),
    "sort": (
        lambda x, y: gnp.sort(x, axis=1),
        np.maximum(np.sort(A + E) - np.sort(A), np.sort(A) - np.sort(A - E)),
    ),
    "floor": (lambda x, y: gnp.floor(x), np.maximum(np.floor(A + E) - np.floor(A), np.floor(A) - np.floor(A - E))),
    "total": (lambda x, y: PRIMITIVES["total"](x, y, x), 2 * E + G + times(2) * (2 * SA + SB)),
    "scatter": (
        lambda x, y: PRIMITIVES["scatter"](x, places=np.array([[0, 1, 1], [1, 2, 3]]), shape=(4,)),
        np.array(
            [E[0, 0], E[0, 1] + E[0, 2] + E[1, 0] + times(2) * (SA[0, 1] + SA[0, 2] + SA[1, 0]), E[1, 1], E[1, 2]]
        ),
    ),
    "slope": (lambda x, y: PRIMITIVES["slope"](x, x, y), by_slope()),
    "square": (lambda x, y: x**2, 2 * E * SA + F * (A**2 + 2 * E * SA) + 2 * ETA),
    "cube": (lambda x, y: x**3, 3 * E * SA**2 + F * (abs(A) ** 3 + 3 * E * SA**2) + 3 * ETA),
    "tenth": (lambda x, y: x**10, 10 * E * SA**9 + times(9) * (abs(A) ** 10 + 10 * E * SA**9) + 10 * ETA),
    "raise": (
        lambda x, y: gnp.power(abs(x), y),
        raised(abs(A), E, B, G) + F * (abs(A) ** B + raised(abs(A), E, B, G)) + 4 * ETA,
    ),
    "where": (lambda x, y: gnp.where(A > 0.5, x, y), np.where(A > 0.5, E, G)),
    "where in doubt": (lambda x, y: gnp.where(x > A - E / 2, x, y), np.where(E > 0, abs(A - B) + E + G, G)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_every_rounding_is_its_formula(name):
    """No term is missing, and none is too many: written once more, for float32."""
    text, formula = FORMULAS[name]
    kind = np.dtype("float32")
    found = text(Running(A, E, kind), Running(B, G, kind))
    assert (found.error >= formula * (1 - 2.0**-40)).all()
    assert (found.error <= formula * (1 + 2.0**-25) + 2.0**-1040).all()


@pytest.mark.parametrize("apart", [0.0, 0.5, 3.0, 30.0])
def test_a_sum_of_exponentials_is_rounded_as_its_formula_says(apart):
    """logaddexp: the larger error, and of m + log1p(exp(-d)) each rounding."""
    x, y, e, g = np.array([2.0, -1.3]), np.array([2.0, -1.3]) - apart, 0.0, 2.0**-40
    found = gnp.logaddexp(
        Running(x, np.full(2, e), np.dtype("float32")), Running(y, np.full(2, g), np.dtype("float32"))
    )
    power = np.exp(-apart)
    turned = U * apart * power
    inner = turned + F * (power + turned)
    formula = g + inner + F * np.log1p(power + inner) + U * (abs(np.logaddexp(x, y)) + g + inner)
    assert (found.error >= formula * (1 - 2.0**-20)).all()
    assert (found.error <= formula * (1 + 2.0**-16) + 16 * ETA).all()
    zero = gnp.logaddexp(
        Running(x - x, np.zeros(2), np.dtype("float32")), Running(np.full(2, -apart), np.zeros(2), np.dtype("float32"))
    )
    assert (zero.error <= (2 * F * (power + np.log1p(power)) + U * np.log1p(power) * 1.01) + 16 * ETA).all()


TINY = 2.0**-537.51  # its square is a little less than half of the least number of float64
WIDE: list[
    tuple[str, str, list[float], list[float], Callable[..., Any], float]
] = [  # where float64 itself vanishes or overflows
    ("exp", "float64", [-100.0], [750.0], gnp.exp, 1e277),
    ("exp of what vanishes", "float64", [-800.0], [705.0], gnp.exp, 5e-42),
    ("exp of what vanishes", "float32", [-800.0], [719.0], gnp.exp, 6e-36),
    ("expm1", "float64", [-100.0], [750.0], gnp.expm1, 1e277),
    ("power that vanishes", "float64", [1e-6], [0.9e-6], lambda x: x**54.5, 8e-314),
    ("exponent that may be negative", "float64", [0.1], [0.2], lambda y: gnp.power(0.0, y), 1.0),
    ("sigmoid by an exp that overflows", "float32", [-88.2], [0.53], gnp.sigmoid, 0.0),
    ("sigmoid by our own exp that overflows", "exact", [-715.0], [0.0], gnp.sigmoid, 3e-311),
    ("product that vanishes", "exact", [TINY], [0.0], lambda x: x * x * 2.0**600, 2.0**-475.02),
    ("quotient that vanishes", "float64", [1e20], [1e20 * (1 - 1e-15)], lambda y: 1e-308 / y, 1e-313),
    ("products that vanish", "exact", [TINY] * 64, [TINY] * 64, lambda x: x @ x, 125 * 2.0**-1074),
]


@pytest.mark.parametrize("case", WIDE, ids=lambda case: f"{case[0]} {case[1]}")
def test_errors_hold_where_float64_vanishes_or_overflows(case):
    """Something that may be computed, or is true, of an argument within its error."""
    _, dtype, x, e, text, reached = case
    kind = np.dtype("float64" if dtype == "exact" else dtype)
    with granted(kind, EXACT if dtype == "exact" else precision.of(kind)):
        found = text(Running(np.array(x), np.array(e), kind))
    assert (abs(reached - found.value) <= found.error).all()


def test_zero_to_a_positive_power_is_zero():
    """Also where the power is known to within an error."""
    found = gnp.power(Running(np.zeros(1), np.zeros(1)), Running(np.full(1, 1.3), np.full(1, 0.1)))
    assert found.value == 0 and found.error < 1e-300


INFINITE = [  # of exact numbers: infinite, NaN, or nothing known where an infinity meets what may be 0
    (lambda x: x * 0.5, np.inf, np.inf, 0.0),
    (lambda x: x - x, np.inf, np.nan, 0.0),
    (lambda x: 1 / x, 0.0, np.inf, 0.0),
    (lambda x: x / x, 0.0, np.nan, 0.0),
    (gnp.log, 0.0, -np.inf, 0.0),
    (gnp.log1p, -1.0, -np.inf, 0.0),
    (gnp.exp, -np.inf, 0.0, 0.0),
    (gnp.sigmoid, np.inf, 1.0, 1e-5),
    (gnp.sqrt, -1.0, np.nan, 0.0),
    (gnp.sqrt, 0.0, 0.0, 1e-30),
    (lambda x: gnp.logaddexp(x, 2.0), -np.inf, 2.0, 0.0),
    (lambda x: gnp.logaddexp(x, 2.0), np.inf, np.inf, 0.0),
    (lambda x: x**2, np.inf, np.inf, 0.0),
    (lambda x: x**-2, 0.0, np.inf, np.inf),
    (lambda x: x**3, -1.0, -1.0, 0.0),
    (gnp.arccos, 1.5, np.nan, 0.0),
]


@pytest.mark.parametrize("case", INFINITE)
def test_infinities_of_exact_numbers_are_certain(case):
    """And of numbers with errors that reach to where they come from nothing is known."""
    text, x, value, error = case
    found = text(Running(np.full(2, x), np.zeros(2), np.dtype("float32")))
    assert np.array_equal(found.value, np.full(2, value), equal_nan=True)
    assert (found.error <= error).all()


@pytest.mark.parametrize(
    "text", [gnp.log, gnp.log1p, gnp.sqrt, gnp.arccos, gnp.reciprocal, lambda x: x**0.5, lambda x: x**-1]
)
def test_where_a_function_ends_nothing_is_known(text):
    """Errors that reach beyond its domain, or to its pole."""
    at = {gnp.log1p: -0.9, gnp.arccos: 0.9}.get(text, 0.1)
    found = text(Running(np.full(2, at), np.array([0.2, 0.01]), np.dtype("float32")))
    assert np.isinf(found.error[0])
    assert found.error[1] < 20


def test_what_overflows_is_infinite_or_in_doubt_and_granted_it_is_unknown():
    """In float16: beyond its largest number; near it, either; and in a granted arithmetic nothing is known of it."""
    kind = np.dtype("float16")
    x = Running(np.array([300.0, 255.0, 100.0]), np.array([0.0, 2.0, 0.0]), kind)
    texts = [lambda x: x * x, lambda x: x**2, lambda x: gnp.exp(x / 20), lambda x: gnp.expm1(x / 20)]
    for text in texts[:2]:
        found = text(x)
        assert found.value[0] == np.inf and found.error[0] == 0
        assert np.isinf(found.error[1])
        assert found.error[2] < 100
    for text in texts:
        with granted(kind, precision.of(kind)):
            found = text(x)
        assert np.isinf(found.error[0])
    with granted(kind, precision.of(kind)):
        assert np.exp(Running(np.array([-100.0]), np.zeros(1), kind)).error[0] > 0
        assert (np.array([[np.inf]]) * Running(np.ones((1, 1)), np.zeros((1, 1)), kind)).error[0, 0] == 0
    assert np.exp(Running(np.array([-100.0]), np.zeros(1), kind)).error[0] == 0


def test_a_slope_of_a_quotient_is_known_where_none_of_its_orders_overflows():
    """Of g, y, b: where y/b or g/b does, nothing is known; where b may be 0, neither."""
    kind = np.dtype("float16")
    g, y, b = (np.array(column) for column in ([0.125, 3e4, 1.0, 1.0], [3e4, 0.125, 2.0, 1.0], [0.25, 0.25, 4.0, 1.0]))
    found = PRIMITIVES["slope"](
        Running(g, 0 * g, kind), Running(y, 0 * y, kind), Running(b, np.array([0.0, 0, 0, 2]), kind)
    )
    assert np.isinf(found.error[[0, 1, 3]]).all()
    assert found.value[2] == -0.5
    assert found.error[2] < 2.0**-11


def test_another_precision_rounds_once_more_where_it_is_coarser():
    """Of what has an error; what has none is rounded as NumPy rounds it."""
    x = Running(np.array([1.1, -3.3]), np.array([0.01, 0.02]), np.dtype("float32"))
    u = 2.0**-11
    found = x.astype("float16")
    assert found.dtype == np.float16
    assert (found.value == x.value).all()
    formula = x.error + u * (abs(x.value) + x.error) + 2.0**-24
    assert (found.error >= formula * (1 - 2.0**-40)).all()
    assert (found.error <= formula * (1 + 2.0**-25)).all()
    assert (x.astype("float64").error == x.error).all()
    exact = Running(x.value, 0 * x.error, x.dtype).astype("float16")
    assert (exact.value == x.value.astype("float16")).all()
    assert not exact.error.any()


def test_what_is_rounded_to_another_precision_and_what_is_true_are_both_granted():
    """Of numbers that are known exactly, too: code that does not round them there is more careful."""
    kind, x = np.dtype("float32"), np.array([0.1, 1.5], dtype=np.float32)
    assert not Running.exact(x).astype("float16").error.any()
    with granted(kind, precision.of(kind)):
        found = Running.exact(x).astype("float16")
    for one in (x, x.astype(np.float16)):
        assert (abs(found.value - one.astype(float)) <= found.error).all()


def test_conditions_come_together():
    """And, or, not, of what is sure and what is not, in parts."""
    x = Running(np.array([-1.0, 0.1, 1.0]), np.array([0.1, 0.2, 0.1]))
    above, below = x > 0, x < 0
    rows = {
        "and": (above & below, [False, False, False], [True, False, True]),
        "or": (above | below, [True, True, True], [True, False, True]),
        "not": (~above, [True, False, False], [True, False, True]),
        "given": (np.array([True, True, False]) & above, [False, True, False], [True, False, True]),
        "function": (np.logical_or(above, below), [True, True, True], [True, False, True]),
        "some": ((above | below)[1:], [True, True], [False, True]),
    }
    for name, (found, value, sure) in rows.items():
        assert found.value.tolist() == value, name
        assert found.sure.tolist() == sure, name
        assert found.shape == (len(value),)
        assert found.ndim == 1
    balls = (Balls.exact(np.array([1.0, 2.0])) > 1)[1:]
    assert isinstance(gnp.where(balls, 1, 0), Balls)
    assert isinstance(gnp.where(~balls | balls, 1, 0), Balls)
    assert (gnp.where(above[2:], np.float32(1), np.float32(0)).value == 1).all()


# ---- the names ----


def test_the_names_are_in_order_and_their_examples_run():
    """`__all__` is sorted, each is there and documented, and numpy stays numpy."""
    assert gnp.__all__ == sorted(set(gnp.__all__))
    for module in map(import_module, (f"gradcheck.numpy.{found.name}" for found in iter_modules(gnp.__path__))):
        assert doctest.testmod(module, extraglobs={"np": gnp, "numpy": np}).failed == 0
        for name, function in vars(module).items():
            if getattr(function, "__module__", "") == module.__name__ and not name.startswith("_"):
                assert ">>>" in (function.__doc__ or ""), name
    assert all(hasattr(gnp, name) for name in gnp.__all__)
    assert np.linalg.norm is not gnp.norm


@READINGS
def test_functions_of_numpy_itself_are_read_by_the_same_table(read):
    """np.exp(Z) is np.exp(Z), whoever is asked; and so are methods and operators."""
    x = Variable(read(np.array([[0.5, 0.25], [0.75, 0.1]])))
    pairs = [
        (np.exp(x), gnp.exp(x)),
        (np.sum(x, axis=0), x.sum(axis=0)),
        (np.mean(x), x.mean()),
        (np.max(x, axis=1), x.max(axis=1)),
        (np.concatenate([x, x]), gnp.concatenate([x, x])),
        (np.linalg.norm(x), gnp.norm(x)),
        (np.sqrt(x), x**0.5),
        (abs(x), np.abs(x)),
        (np.reshape(x, (4,)), x.ravel()),
        (np.transpose(x), x.T),
        (np.where(x > 0.3, x, 0), gnp.where(x > 0.3, x, 0.0)),
        (x[0] * 1, x[0, :] * 1),
        (2**x, gnp.power(2.0, x)),
        (x.min(), -((-x).max())),
    ]
    for one, other in pairs:
        assert isinstance(one, Variable)
        assert one.shape == other.shape
        assert np.allclose(one.values(), other.values(), rtol=1e-15, atol=0)


@READINGS
def test_what_is_missing_is_one_line_that_names_it(read):
    """Whether NumPy or SciPy is asked; and what makes plain numbers or arrays of variables, or indices of them."""
    x = Variable(read(np.ones((2, 2))))
    known = "is not among the functions that a loss may be written in (gradcheck.numpy lists them)"
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: np.fft.fft(x), f"numpy.fft.fft {known}"),
        (lambda: np.tan(x), f"numpy.tan {known}"),
        (lambda: np.partition(x, 1), f"numpy.partition {known}"),
        (lambda: float(x), "plain number"),
        (lambda: np.array(x), "plain array"),
        (lambda: x[x > 1], "an array is made of a comparison that rounding may turn"),
        (lambda: x[x], "an index"),
        (lambda: gnp.argmax(x), "argmax takes what is given"),
        (lambda: gnp.where(x, 1, 2), "takes a comparison"),
        (lambda: gnp.einsum("ii,jk->ik", x, x), "is not known"),
        (lambda: gnp.einsum("ij,jkl->ik", x, x), "does not fit"),
        (lambda: gnp.einsum("ij,jk->ii", x, x), "each once, for the result"),
    ]
    for call, line in refused[: 5 if read is np.asarray else None]:
        with pytest.raises(Unusable, match=re.escape(line)) as told:
            call()
        assert "\n" not in str(told.value)


def test_what_is_given_may_be_an_index():
    """Labels, of any reading; and what stops a gradient does."""
    Y = np.eye(3)[:, [2, 0]]
    for read in READ.values():
        assert gnp.argmax(read(Y), axis=0).tolist() == [2, 0]
        x = Variable(read(np.arange(6.0).reshape(3, 2)))
        picked = gnp.take_along_axis(x, gnp.argmax(read(Y), axis=0)[None], axis=0)
        assert picked.values().tolist() == [[4, 1]]
        found = Gradients(gnp.sum(gnp.stop_gradient(x) * x))[x]
        assert (
            np.asarray(found if isinstance(found, np.ndarray) else found.values()) == np.arange(6.0).reshape(3, 2)
        ).all()


def test_a_power_of_balls_takes_as_many_products_as_its_exponent_has_bits():
    with flint.ctx.workprec(128):
        found = ball_rules.power(flint.arb("1.0001"), 10**9 + 1)
        assert found.overlaps(flint.arb("1.0001") ** flint.arb(10**9 + 1))
        assert ball_rules.power(flint.arb(-2, 1), 3).contains(flint.arb(-27))
