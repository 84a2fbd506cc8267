"""The truth of a loss of one's own, and what rounding may add to it: beside balls, beside the bounds by hand, beside code."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import flint
import numpy as np
import pytest

from benchmarks.own import allowances, drawn, told
from gradcheck import Implementation, Loss, arithmetic, referees
from gradcheck import numpy as space
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import CHECKS, Trial
from gradcheck.drawing import pose
from gradcheck.problem import Problem
from gradcheck.readings.balls import Balls
from gradcheck.readings.constants import Option
from gradcheck.readings.program import Program
from gradcheck.readings.running import Running
from gradcheck.readings.working import working
from gradcheck.referees import own
from gradcheck.verdict import Outcome
from properties import own_losses
from properties.own_losses import FOCAL, KERNEL, cross_entropy, focal, hinge, overflowing

QUANTITIES = ("loss", "D", "theta", "b", "X")
LOSSES = tuple(map(Loss, (cross_entropy, focal, overflowing)))
PLAIN = LOSSES[0]


def posed(dtype, count, seed=1):
    found = []
    pose(found.append, dtype=dtype, regimes=("*",), seed=seed, count=count, shrink=False)
    return [p for p in found if p.L * (p.n + p.d) <= 300 and not p.masked.any()]


@pytest.mark.parametrize("law", LOSSES, ids=lambda law: law.name)
def test_what_is_read_in_float64_encloses_what_balls_enclose(law):
    """Also where something overflows or underflows on the way: of an exact reading nothing of that is certain."""
    for problem in posed("float64", 60):
        truth = own.truth(problem.with_law(law))
        for quantity in QUANTITIES:
            wide, sharp = truth.reading.float64.enclosed(quantity), truth.enclosure(quantity)
            assert wide.meets(sharp), (quantity, problem)
            assert wide.inflate(2.0**-1070).encloses(sharp) or np.isinf(wide.radius).any(), (quantity, problem)


def test_the_text_of_the_cross_entropy_encloses_what_its_closed_form_is():
    for problem in posed("float64", 40):
        by_hand, text = referees.oracle(problem), referees.oracle(problem.with_law(PLAIN))
        for quantity in QUANTITIES:
            assert by_hand.enclosure(quantity).meets(text.enclosure(quantity)), (quantity, problem)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_its_allowance_is_at_most_four_times_that_by_hand(dtype):
    pytest.importorskip("ml_dtypes")
    assert max(allowances(dtype, 40).values()) <= 4


SOME = tuple(json.loads((Path(__file__).parents[1] / "docs" / "power.json").read_text())["mistakes"])[::9]


@pytest.mark.parametrize("mistake", SOME)
def test_its_verdict_on_a_mistake_is_that_of_the_closed_form(mistake):
    """`python -m benchmarks.own --plain` asks about all of docs/power.md."""
    problems = drawn("float64", 8)
    assert told(mistake, None, problems) == told(mistake, PLAIN, problems)


def test_precision_is_doubled_where_radii_are_not_small():
    """Beside what is allowed; here, beside what somebody asks for."""

    def cancelling(Z, Y, *, np):
        return ((1 - np.tanh(Z)) * np.exp(2 * Z) * Y).sum()

    at = np.zeros((2, 1)), np.array([[80.0], [0.0]]), np.zeros((1, 1)), np.array([[1.0], [0.0]])
    reading = own.truth(Problem(*at).with_law(Loss(cancelling))).reading
    wide, sharp = (reading.enclosed("loss", np.asarray(allowed)) for allowed in (np.inf, 1e-12))
    assert wide.radius > 1e20 and wide.meets(sharp)
    assert abs(sharp.midpoint - 2) < 1e-12 and sharp.radius < 1e-12 and max(reading.programs) >= 256


def test_at_a_kink_precision_is_not_doubled_for_ever():
    at = np.zeros((2, 1)), np.array([[1.0], [0.0]]), np.zeros((1, 1)), np.array([[1.0], [0.0]])
    truth = own.truth(Problem(*at).with_law(Loss(hinge)))
    assert truth.enclosure("D").radius.max() >= 0.5 and len(truth.reading.programs) <= 3


@pytest.mark.parametrize("c", [0.125, 16.0, -1.75])
def test_upstream_gradients_are_granted_a_multiplication_anywhere(c):
    """Before everything, after everything, or in between."""
    for problem in posed("float32", 30):
        posed_ = problem.with_law(FOCAL)
        truth = referees.oracle(posed_)
        D = own_losses.logits_gradient(*posed_.arrays())
        theta = np.float32(c) * (D @ posed_.X.T), (np.float32(c) * D) @ posed_.X.T
        value, by = truth.enclosure("theta"), np.array([c])
        allowed = truth.upstream("theta", by, abs(c) * value.magnitude)
        for found in theta:
            assert (abs(found.astype(float) - c * value.midpoint) <= allowed * (1 + 1e-9) + 1e-300).all()


def test_what_is_declared_is_granted():
    """Arrays between two steps in a coarser precision: what plain float32 may not do, and autocast may."""

    def coarse(theta, b, X, Y):
        D = own_losses.logits_gradient(theta, b, X, Y).astype(np.float16).astype(np.float32)
        return {"Z": D, "b": D.sum(axis=1, keepdims=True)}

    it = Implementation("coarse", coarse, law=FOCAL)
    stored = replace(it, arithmetic=Arithmetic(stored="float16"))
    problems = [p.with_law(FOCAL) for p in posed("float32", 30)]
    outcomes = {
        each.arithmetic.stored: {CHECKS["logits_gradient"].judge(Trial(each, p)).outcome for p in problems}
        for each in (it, stored)
    }
    assert Outcome.DISAGREE in outcomes[""] and Outcome.DISAGREE not in outcomes["float16"]
    granted = arithmetic.granted("float32", stored.arithmetic)
    wide = replace(referees.oracle(problems[0]), grants=granted).allowed("D")
    assert (wide >= referees.oracle(problems[0]).allowed("D")).all()


def test_a_factor_off_by_rounding_and_a_little_more_is_told():
    """In the median of problems, what is off by 1e-12 in float64."""
    told = []
    for problem in posed("float64", 25):
        posed_ = problem.with_law(FOCAL)
        it = replace(KERNEL, gradients=lambda *arrays: {"theta": own_losses.gradients(*arrays)["theta"] * (1 + 1e-12)})
        told.append(CHECKS["theta_gradient"].judge(Trial(it, posed_)).outcome is Outcome.DISAGREE)
    assert np.mean(told) > 0.5


@pytest.mark.parametrize("other", [2, 0.3, 7.0])
def test_an_option_is_computed_with_in_the_reading(other):
    """0.1 is not 1/10, but 1 - 0.1 is exact in balls; of whole numbers sums stay numbers."""
    with flint.ctx.workprec(128):
        option = Option(0.1)
        option.read = Balls.exact
        for made, exact in (
            (1 - option, 1 - flint.arb(0.1)),
            (option * other, flint.arb(0.1) * other),
            (other / option, other / flint.arb(0.1)),
        ):
            assert made.entries[0].overlaps(exact) and made.entries[0].rad() < 1e-30
        whole = Option(2.0)
        whole.read = partial(pytest.fail, "it is a number already")
        assert (whole - 1, 3 * whole, whole + 1, 1 - whole) == (1.0, 6.0, 3.0, -1.0)


def test_functions_and_powers_of_options_alone_are_of_the_reading():
    """cos m, which NumPy would round before a reading sees it, and 0.1**2, which Python would."""
    with flint.ctx.workprec(128):
        option = Option(0.1)
        option.read = Balls.exact
        tenth = flint.arb(0.1)
        for made, exact in (
            (space.cos(option), tenth.cos()),
            (space.log(1 - option), (1 - tenth).log()),
            (option**2, tenth**2),
            (2**option, flint.arb(2) ** tenth),
            (3 - (-option) * abs(-option), 3 + tenth**2),
        ):
            assert made.entries[0].overlaps(exact) and made.entries[0].rad() < 1e-30
    running = Option(0.1)
    running.read = Running.exact(np.zeros((), np.float32)).numbers
    assert space.cos(running).error > 0 and running**2 is not None and (running**2).error > 0


def test_constants_of_a_text_are_of_the_precision_that_is_judged():
    """numpy.eye is of float64, and a kernel of float16 has it in float16; numbers that float16 lacks are rounded."""

    def weighed(Z, Y, *, np, weights=(0.1, 0.3)):
        return (Z.T @ Z * np.eye(Z.shape[1])).sum() * 0.01 + (Z * np.array(weights)[:, None]).sum()

    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        one = np.float16
        return {"Z": (one(2) * Z) * one(0.01) + np.array([[0.1], [0.3]], dtype=one)}

    it = Implementation("half", gradients, law=Loss(weighed))
    draw = np.random.default_rng(0)
    for _ in range(20):
        arrays = (
            draw.standard_normal((2, 1)),
            draw.standard_normal((2, 1)),
            draw.standard_normal((1, 3)),
            np.eye(2)[:, [0, 1, 1]],
        )
        at = Problem(*(array.astype(np.float16) for array in arrays)).with_law(it.law)
        assert CHECKS["logits_gradient"].judge(Trial(it, at)).outcome is Outcome.AGREE


def test_a_text_is_read_once_with_balls_and_once_with_errors():
    """Its constants are looked at in the balls' program; without balls in one more, of plain arrays. Logits are given to it."""
    read = []

    def counted(Z, Y, *, np):
        read.append(type(Z.array).__name__)
        return focal(Z, Y, np=np)

    problem = posed("float64", 1)[0].with_law(Loss(counted))
    truth = own.truth(problem)
    for quantity in QUANTITIES:
        truth.enclosure(quantity), truth.allowed(quantity)
    assert sorted(read) == ["Balls", "Running"]
    read.clear()
    for quantity in QUANTITIES:
        own.truth(problem).computed(quantity)
    assert sorted(set(read)) == ["Running", "ndarray"]


def test_logits_that_are_given_are_differentiated_through():
    """What flows back to theta, b and X is as it is where the product is made."""
    rng = np.random.default_rng(3)
    theta, b, X, Y = (
        rng.normal(size=(3, 2)),
        rng.normal(size=(3, 1)),
        rng.normal(size=(2, 4)),
        np.eye(3)[:, [0, 1, 2, 0]],
    )
    given = {"theta": theta, "b": b, "X": X, "Y": Y}
    made, known = Program(PLAIN, given), Program(PLAIN, given, logits=theta @ X + b)
    for name in ("theta", "b", "X", "Z"):
        np.testing.assert_array_equal(made.gradient(name), known.gradient(name))


def test_a_product_of_options_is_that_of_the_numbers_and_not_of_float64():
    """3 · 0.1 as float64 rounds it is no part of the truth."""

    def tripled(Z, Y, *, np, g=0.1):
        return np.sum(Z * (g * 3))

    one = Balls.exact(np.ones((1, 1)))
    with working(200):
        found = Program(Loss(tripled), {"Z": one, "Y": one}).loss.entries[0]
        assert found.contains(flint.arb(0.1) * 3) and not found.contains(flint.arb(0.1 * 3))
