"""One text, three readings: what NumPy computes lies within the running error of what balls enclose, and balls differentiate."""

import operator
from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import flint
import numpy as np
import pytest

from gradcheck import CrossEntropy, Problem, Unusable, model, referees
from gradcheck.law import functions, text
from gradcheck.readings import differentiate
from gradcheck.readings.balls import Balls
from gradcheck.readings.running import Running
from gradcheck.readings.tape import Gradients, Variable, gradients
from gradcheck.referees import Truth, ball

L, d, n = 3, 2, 4
GRADIENTS = ("theta", "b", "X", "Z")
WEIGHTS = {"class_weight": (0.5, 2.0, 0.3)}

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "ignore": {"ignore": -100},
    "labelled": {"ignore": -100, "mean_of": "labelled"},
    "weights": WEIGHTS,
    "mean of weights": {**WEIGHTS, "mean_of": "weights"},
    "no weight": {"class_weight": (0.0, 2.0, 0.0), "mean_of": "weights"},
    "smoothing": {"smoothing": 0.1},
    "all of it": {"smoothing": 1.0},
    "others": {"smoothing": 0.3, "smoothing_over": "others"},
    "label": {"smoothing": 0.1, "smoothing_weight": "label", **WEIGHTS},
    "scale": {"scale": 0.7},
    "cap": {"softcap": 1.5},
    "cap, then scale": {"softcap": 0.9, "scale": 3.0, "scaled": "after"},
    "z-loss": {"z_loss": 0.01, "ignore": -100},
    "z-loss of all": {"z_loss": 0.3, "z_over": "samples", "ignore": -100},
    "l2": {"l2": 0.1},
    "l2 of both": {"l2": 0.2, "l2_bias": True},
    "a count": {"mean_of": 17},
    "sum": {"reduction": "sum"},
}
PAIRS = list(combinations_with_replacement(OPTIONS, 2))
LAWS = {
    " + ".join(dict.fromkeys(pair)): CrossEntropy(
        **OPTIONS[pair[0]], **{name: value for name, value in OPTIONS[pair[1]].items() if name not in OPTIONS[pair[0]]}
    )
    for pair in PAIRS
}


def posed(law: CrossEntropy, dtype: str = "float64", seed: int = 0, size: tuple[int, int, int] = (L, d, n)) -> Problem:
    """Logits of a few units; where labels may be ignored, the first is, which otherwise is soft."""
    rng, (classes, features, samples) = np.random.default_rng(seed), size
    theta, b = rng.normal(size=(classes, features)), rng.normal(size=(classes, 1))
    Y = np.zeros((classes, samples))
    Y[rng.integers(0, classes, samples), np.arange(samples)] = 1
    Y[:, 0] = 1 / 4 if law.ignore is None else 0
    Y[:, -1] = np.arange(classes) == 1  # which has a weight in each of the laws
    arrays = (a.astype(dtype) for a in (theta, b, rng.normal(size=(features, samples)), Y))
    return Problem(*arrays, law=law)


def balls(problem: Problem) -> tuple[Balls, ...]:
    return tuple(Balls.exact(array) for array in problem.reals)


def largest(found: Balls) -> float:
    """The largest absolute value of the numbers that it may be."""
    return float((abs(found.values()) + found.radii()).max(initial=0.0))


# ---- balls ----

STEP = 2.0**-150  # of a difference quotient; its truncation, STEP^2/6 times a third derivative, is nothing beside SMALL
SMALL = 2.0**-200
BITS = 600


def moved(arrays: tuple[Balls, ...], which: int, entry: int, step: float) -> list[Balls]:
    found = list(arrays)
    entries = list(arrays[which].entries)
    entries[entry] = entries[entry] + step
    found[which] = Balls(entries, arrays[which].shape)
    return found


def quotients(function: Callable[..., Balls], arrays: tuple[Balls, ...], which: int) -> Balls:
    """Central differences of a number, in each entry of one array."""
    sides = (
        [function(*moved(arrays, which, entry, step)) for entry in range(len(arrays[which].entries))]
        for step in (STEP, -STEP)
    )
    entries = [((up - down) / (2 * STEP)).entries[0] for up, down in zip(*sides, strict=True)]
    return Balls(entries, arrays[which].shape)


@cache
def exactly(name: str) -> tuple[Problem, dict[str, Balls]]:
    """A problem with that law, and its central differences in theta, b, X and Z."""
    problem = posed(LAWS[name])
    with flint.ctx.workprec(BITS):
        theta, b, X, Y = balls(problem)
        law = differentiate.Derived(theta, b, X, Y, problem.law).law
        found = {
            key: quotients(lambda *arrays: text.loss(*arrays, Y, law), (theta, b, X), which)
            for which, key in enumerate(("theta", "b", "X"))
        }
        Z = theta @ X + b
        return problem, {**found, "Z": quotients(lambda Z: text.loss_of(Z, theta, b, Y, law), (Z,), 0)}


@pytest.mark.parametrize("name", LAWS)
def test_the_gradients_of_balls_are_where_difference_quotients_lie(name):
    """Of every option alone and of every two: the referee's enclosure reaches the quotient, which is off by less than SMALL."""
    problem, exact = exactly(name)
    truth = ball.truth(problem)
    with flint.ctx.workprec(BITS):
        derived = differentiate.of(*balls(problem), problem.law)
        for key in GRADIENTS:
            assert largest(derived[key] - exact[key]) <= SMALL
            enclosure = truth.enclosure("D" if key == "Z" else key)
            apart = Balls.exact(enclosure.midpoint) - exact[key]
            assert (abs(apart.values()) + apart.radii() <= enclosure.radius + SMALL).all()
            assert (enclosure.radius <= 2.0**-52 * abs(enclosure.midpoint) + 2.0**-100).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_closed_forms_lie_where_balls_and_rounding_say(dtype):
    """gradcheck.model, by hand, against the derivative of the text, with every option."""
    for name, law in LAWS.items():
        problem = posed(law, dtype)
        truth, stages = ball.truth(problem), model.Stages(law)
        found = stages.gradients(*problem.arrays())
        given = {"loss": stages.loss(*problem.arrays()), "D": found.pop("Z"), **found}
        for key, values in given.items():
            ratio = truth.enclosure(key).inflate(truth.allowed(key)).test_ratio(values)
            assert ratio.max() <= 1, f"{key}, {name}"


def test_what_a_text_makes_of_numbers_is_not_rounded_before_balls_see_it():
    """At logits of 0 a smoothed label still has a mass of 1, so that the loss is log L; 1 - 0.1 in float64 would say otherwise."""
    law = CrossEntropy(smoothing=0.1)
    zeros = (Balls.exact(np.zeros(shape)) for shape in ((L, d), (L, 1), (d, n)))
    with flint.ctx.workprec(200):
        found = differentiate.of(*zeros, Balls.exact(np.eye(L, n) + np.eye(L, n, L)), law)["loss"]
        assert largest(found - Balls([flint.arb(L).log()], ())) < 2.0**-180


@pytest.mark.parametrize(
    "law", [CrossEntropy(ignore=-1, mean_of="labelled"), CrossEntropy(**OPTIONS["no weight"], l2=1.0)]
)
def test_of_a_mean_over_nothing_nothing_is_known(law):
    """Neither the loss nor a gradient; logits and their softmax are."""
    Y = np.zeros((L, n)) if law.ignore else np.eye(L)[:, [0, 2, 2, 0]]
    p = posed(law)
    truth = ball.truth(Problem(p.theta, p.b, p.X, Y, law=law))
    for key in ("loss", "D", "theta", "b", "X"):
        assert np.isinf(truth.enclosure(key).radius).all()
        assert not truth.enclosure(key).midpoint.any()
    assert truth.enclosure("Z").radius.max() < 1e-15
    assert truth.enclosure("A").radius.max() < 1e-15


def test_a_masked_class_takes_its_weight_with_it():
    """What is left is the loss of the other classes."""
    law = CrossEntropy(class_weight=(0.5, 7.0, 2.0), mean_of="weights", z_loss=0.1)
    p, keep = posed(law), [0, 2]
    b, Y = p.b.copy(), np.eye(L)[:, [0, 2, 2, 0]]
    b[1] = -np.inf
    whole = ball.truth(Problem(p.theta, b, p.X, Y, law=law))
    rest = CrossEntropy(class_weight=(0.5, 2.0), mean_of="weights", z_loss=0.1)
    left = ball.truth(Problem(p.theta[keep], p.b[keep], p.X, Y[keep], law=rest))
    for key in ("loss", "X"):
        assert (whole.enclosure(key).midpoint == left.enclosure(key).midpoint).all()
    for key in ("D", "theta", "b"):
        assert (whole.enclosure(key).midpoint[keep] == left.enclosure(key).midpoint).all()
        assert not whole.enclosure(key).midpoint[1].any()


def test_balls_are_arrays():
    """Moving entries, sums and choices, as NumPy has them; what is not known is not guessed."""
    array = np.arange(8.0).reshape(2, 4)
    x = Balls.exact(array)
    same = [
        (x.T, array.T),
        (x[:, [1]], array[:, [1]]),
        (x[1], array[1]),
        (x.reshape(4, 2), array.reshape(4, 2)),
        (x.sum(), array.sum()),
        (x.sum(axis=0), array.sum(axis=0)),
        (x.sum(axis=1, keepdims=True), array.sum(axis=1, keepdims=True)),
        (x.sum(keepdims=True), array.sum(keepdims=True)),
        (1 - x, 1 - array),
        (array / 4 - x, array / 4 - array),
        (x @ array.T, array @ array.T),
        (np.where(array > 2, x, 0), np.where(array > 2, array, 0)),
        (x[0] * x[:, :1], array[0] * array[:, :1]),
        (np.broadcast_to(x[0], (2, 4)), np.broadcast_to(array[0], (2, 4))),
    ]
    for found, expected in same:
        assert found.shape == expected.shape
        assert (found.values() == expected).all()
    with pytest.raises(Unusable, match=r"numpy\.tan is not among"):
        np.tan(x)
    with pytest.raises(TypeError):
        x + "1"


# ---- the tape ----

SAMPLE, OTHER = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]), np.array([[1.0, -2.0, 0.5]])
WEIGH = np.array([[0.3, 1.0, -0.7], [2.0, -1.1, 0.4]])
CHAINS: dict[Any, list[Callable[..., Any]]] = {
    operator.add: [lambda x, y: ((x + y) * (y + 1.5) * WEIGH).sum()],
    operator.sub: [lambda x, y: ((x - y) * (1.5 - y) * WEIGH).sum()],
    operator.mul: [lambda x, y: (x * y * y * WEIGH).sum()],
    operator.truediv: [lambda x, y: (x / y * WEIGH).sum(), lambda x, y: (WEIGH / (y * y + x * x)).sum()],
    operator.neg: [lambda x, y: (-x * y).sum()],
    operator.matmul: [
        lambda x, y: ((WEIGH.T @ x) @ (WEIGH.T @ (x * y))).sum(),
        lambda x, y: ((x * y) @ WEIGH.T[:, :1] * x).sum(),
    ],
    np.exp: [lambda x, y: (np.exp(x * y) * WEIGH).sum()],
    np.log: [lambda x, y: (np.log(x * x + y * y) * WEIGH).sum()],
    np.tanh: [lambda x, y: (np.tanh(x * y) * WEIGH).sum()],
    np.where: [lambda x, y: np.where(WEIGH > 0, x * x, y).sum(), lambda x, y: np.where(WEIGH > 0, y, x * y).sum()],
}


def test_every_derivative_that_the_law_needs_is_that_of_its_primitive():
    """By difference quotients of balls, with what is broadcast undone; a chain for every entry that the law is made of."""
    chains = {
        **CHAINS,
        "sum": [
            lambda x, y: (x.sum(axis=0, keepdims=True) * y).sum() * (x * x).sum(),
            lambda x, y: (x.sum(axis=0) * x.sum(axis=1, keepdims=True) * y).sum(),
            lambda x, y: ((x * y).sum(axis=1) * (x * x).sum(axis=1)).sum(axis=0),
            lambda x, y: (x.sum(keepdims=True) * x * y).sum(),
        ],
        functions.log_softmax: [lambda x, y: (functions.log_softmax(x * y) * WEIGH).sum()],
        functions.log_sum_exp: [lambda x, y: (functions.log_sum_exp(x * y) * y).sum()],
    }
    with flint.ctx.workprec(BITS):
        arrays = Balls.exact(SAMPLE), Balls.exact(OTHER)
        for chain in (one for several in chains.values() for one in several):
            value, found = gradients(chain, *arrays)
            assert value.shape == ()
            for which, gradient in enumerate(found):
                assert gradient.shape == arrays[which].shape
                assert largest(gradient - quotients(chain, arrays, which)) <= SMALL


def test_what_a_number_is_not_made_of_has_no_gradient():
    """And what it is made of twice has both parts."""
    x, y = Variable(SAMPLE), Variable(OTHER)
    known = Gradients((x * x).sum())
    assert (known[x] == 2 * SAMPLE).all()
    with pytest.raises(KeyError):
        known[y]
    with pytest.raises(Unusable, match=r"numpy\.tan is not among"):
        np.tan(x)


# ---- NumPy and running errors ----


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_numpy_reads_lies_within_the_running_error_of_what_balls_enclose(dtype):
    """The loss and its gradients, by the text and the tape, with every option alone and every two."""
    for name, law in LAWS.items():
        problem = posed(law, dtype)
        truth, computed = ball.truth(problem), differentiate.of(*problem.arrays(), law)
        running = differentiate.of(*(Running.exact(array) for array in problem.arrays()), law)
        for key, found in computed.items():
            allowed, enclosure = running[key], truth.enclosure("D" if key == "Z" else key)
            assert allowed.dtype == problem.theta.dtype, name
            assert found.ndim == 0 or found.dtype == problem.theta.dtype, name  # NumPy 1 widens what has no dimensions
            assert (abs(found - allowed.value) <= allowed.error).all(), f"{key}, {name}"
            assert (abs(enclosure.midpoint - allowed.value) <= allowed.error + enclosure.radius).all(), f"{key}, {name}"


SIZES = [(2, 1, 1), (3, 2, 4), (5, 5, 7), (2, 9, 3), (8, 3, 20), (10, 20, 10)]


def sharpness(truth: Truth, problem: Problem) -> dict[str, np.ndarray]:
    """Running error over the bound by hand."""
    running = differentiate.of(*(Running.exact(array) for array in problem.arrays()), problem.law)
    names = {**{key: key for key in ("loss", "theta", "b", "X")}, "D": "Z"}
    return {key: np.ravel(running[name].error / truth.allowed(key)) for key, name in names.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_running_errors_are_about_as_sharp_as_the_bounds_by_hand(dtype):
    """At most four times as large, in the median over problems of the worst entry, for the paper's loss."""
    ratios: dict[str, list[float]] = {}
    for seed, size in enumerate(SIZES * 5):
        problem = posed(CrossEntropy(), dtype, seed, size)
        for key, found in sharpness(referees.oracle(problem), problem).items():
            ratios.setdefault(key, []).append(found.max())
    medians = {key: round(float(np.median(found)), 2) for key, found in ratios.items()}
    assert max(medians.values()) <= 4, f"running error / bound by hand, medians: {medians}"
