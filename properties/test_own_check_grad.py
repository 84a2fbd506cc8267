"""SciPy's check_grad of a loss of one's own: steps and limits by how its text bends along each coordinate."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck import Loss, Problem
from gradcheck.checks import CHECKS, Trial
from gradcheck.referees import taylor
from gradcheck.verdict import Outcome
from properties.own_losses import FOCAL, KERNEL, hinge

VARIABLES = ("theta", "b", "Z", "X")
STEPS = np.array([1.0, 0.5, 2.0**-20, 2.0**-30])


def problem(L=2, d=2, n=2, dtype="float64"):
    draw = np.random.default_rng(7)
    arrays = draw.standard_normal((L, d)), draw.standard_normal((L, 1)), draw.standard_normal((d, n)), np.eye(L)[:, :n]
    return Problem(*(array.astype(dtype) for array in arrays)).with_law(FOCAL)


def judged(implementation, variable, p=None):
    return CHECKS[f"scipy_check_grad_{variable}"].judge(Trial(implementation, p or problem()))


def scaled(key, by):
    def gradients(theta, b, X, Y):
        due = KERNEL.gradients(theta, b, X, Y)
        return {**due, key: due[key] * by}

    return replace(KERNEL, gradients=gradients)


@pytest.mark.parametrize(
    ("loss", "second"),
    [
        (lambda theta, Y, *, np: np.sum(theta**2), lambda x, h: 2 + 0 * x),
        (lambda theta, Y, *, np: np.sum(np.exp(theta)), lambda x, h: np.exp(x + h)),
        (lambda theta, Y, *, np: np.sum(theta * np.array([[1.0, 2], [3, 4]])), lambda x, h: 0 * x),
    ],
    ids=["squares", "exponentials", "linear"],
)
def test_how_a_loss_bends_along_each_coordinate_is_known_over_its_step(loss, second):
    """The largest second derivative, and little more; where the step begins without it."""
    p = problem().with_law(Loss(loss, name="loss"))
    x = p.reals[0].ravel()
    for ahead, h in ((True, STEPS), (False, 0 * STEPS)):
        found, due = taylor.bends(p, "theta", STEPS, ahead), second(x, h)
        assert (found >= due * (1 - 2.0**-50)).all()
        assert (found <= due * (1 + 8 * h) + 2.0**-300).all() or (found <= due * (1 + 2.0**-20)).all()


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_right_gradient_agrees_and_one_that_is_off_by_little_does_not(variable):
    assert judged(KERNEL, variable).outcome is Outcome.AGREE
    for by in (1 + 1e-5, -1.0, 2.0):
        assert judged(scaled(variable, by), variable).outcome is Outcome.DISAGREE
    assert judged(scaled(variable, 1 + 1e-12), variable).outcome is Outcome.AGREE


def test_what_is_not_posed_says_why():
    kinked = problem().with_law(Loss(hinge, margin=0.0))
    kinked = kinked.with_arrays(0 * kinked.theta, 0 * kinked.b, kinked.X, kinked.Y)
    wrong = replace(KERNEL, loss=lambda *arrays: KERNEL.loss(*arrays) * 1.5)
    pairs = Loss(lambda theta, Z, Y: (Z * Y).sum() + theta.sum(), name="pairs")
    for verdict, reason in (
        (judged(KERNEL, "theta", problem(3, 2, 2)), "more than 4 coordinates, each of which a loss is read along"),
        (judged(KERNEL, "theta", problem(7, 2, 2)), "more than 12 coordinates"),
        (judged(KERNEL, "theta", problem(dtype="float32")), "scipy.optimize.check_grad perturbs in float64"),
        (judged(wrong, "b"), "its loss is not focal (see the check loss), so no step is known to be right for it"),
        (judged(replace(KERNEL, law=kinked.law), "theta", kinked), "kink"),
        (judged(replace(KERNEL, law=pairs), "Z", problem().with_law(pairs)), "through Z alone"),
    ):
        assert verdict.outcome is Outcome.SKIPPED
        assert reason in verdict.reason
    verdict = CHECKS["complex_step_of_its_own_loss"].judge(Trial(KERNEL, problem()))
    assert verdict.reason == "what rounding does to focal of complex numbers is not derived"
