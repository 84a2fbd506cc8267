"""Every check under options, and of a loss of one's own: right code agrees, and code of another loss does not where judged."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck import CrossEntropy, Implementation, Loss, Problem
from gradcheck.checks import CHECKS, Trial, own, relations
from gradcheck.enclosure import Enclosure, outward
from gradcheck.implementations import adapt
from gradcheck.model import Stages
from gradcheck.precision import FLOAT64
from gradcheck.referees import ball, float64
from gradcheck.referees import own as referee
from gradcheck.verdict import Outcome

LAWS = {
    "scale": CrossEntropy(scale=2.5, reduction="sum"),
    "cap and z-loss": CrossEntropy(softcap=5.0, z_loss=0.1),
    "weights": CrossEntropy(class_weight=(1.0, 3.0, 0.5), smoothing=0.1, mean_of="weights"),
    "ignore and penalty": CrossEntropy(ignore=-100, mean_of="labelled", l2=0.1),
}


def squares(Z, Y):
    D = Z - Y
    return (D * D).sum() / 2


class OfSquares:
    loss = staticmethod(lambda theta, b, X, Y: squares(theta @ X + b, Y))

    @staticmethod
    def gradients(theta, b, X, Y):
        D = theta @ X + b - Y
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}


def posed(law, seed=1):
    rng = np.random.default_rng(seed)
    L, d, n = 3, 2, 4
    Y = np.eye(L)[:, [0, 2, 1, 2]]
    Y[:, 1] = 0 if law.ignore is not None else (0.5, 0.25, 0.25)
    return Problem(rng.normal(size=(L, d)), rng.normal(size=(L, 1)), rng.normal(size=(d, n)), Y).with_law(law)


def right(law):
    code = OfSquares() if law.own else Stages(law)
    return Implementation("right", gradients=code.gradients, loss=code.loss, dtypes=("float64", "float32"), law=law)


def verdicts(target, problem):
    trial = Trial(adapt(target), problem)
    return {name: check.judge(trial) for name, check in CHECKS.items()}


def outcomes(found, outcome):
    return {name for name, verdict in found.items() if verdict.outcome is outcome}


# what compares with the truth of the law, and what with itself
TRUTHS = {
    "loss", "logits_gradient", "theta_gradient", "bias_gradient", "data_gradient", "forward_difference",
    "central_difference_theta", "central_difference_b", "sample_permutation", "one_sample",
}  # fmt: skip
ITSELF = {
    "gradient_of_its_own_loss", "repeatable", "finite", "theta_gradient_from_logits_gradient",
    "bias_gradient_from_logits_gradient", "data_gradient_from_logits_gradient",
}  # fmt: skip
TWICE = {"duplicated_batch", "loss_of_a_duplicated_batch"}  # of a mean, or a sum as it is declared


@pytest.mark.parametrize("law", [*LAWS.values(), Loss(squares)], ids=[*LAWS, "own"])
def test_right_code_agrees_and_code_of_another_loss_does_not(law):
    p, other = posed(law), Stages(CrossEntropy()) if law.own else OfSquares()
    found = verdicts(right(law), p)
    assert outcomes(found, Outcome.AGREE) | outcomes(found, Outcome.SKIPPED) == set(CHECKS)
    assert TRUTHS | ITSELF | (set() if law.own else TWICE) <= outcomes(found, Outcome.AGREE)
    wrong = outcomes(verdicts(replace(right(law), gradients=other.gradients, loss=other.loss), p), Outcome.DISAGREE)
    assert wrong >= TRUTHS


def test_what_is_added_up_over_the_classes_is_off_by_all_of_it():
    truth, own = (
        Enclosure(np.array([[1.0, -2.0], [0.5, 2.5]]), np.full((2, 2), 0.25)),
        Enclosure(np.zeros(2), np.full(2, 0.125)),
    )
    found = relations._sum_of(truth, own)
    np.testing.assert_array_equal(found.midpoint, [1.5, 0.5])
    np.testing.assert_array_equal(found.radius, outward(0.5 + 4 * 2.0**-53 * np.array([1.5, 4.5]) + 0.125, 10))


def penalised(theta, b, Y):
    return (theta**2).sum() + ((b - Y) ** 2).sum()


def test_what_does_not_go_through_the_logits_is_told_by_its_name():
    law = Loss(penalised)
    for check, key in (
        ("theta_gradient_from_logits_gradient", "θ"),
        ("bias_is_a_weight", "b"),
        ("scipy_check_grad_Z", "Z"),
    ):
        assert own.barred(check, law) == f"penalised is not known to depend on {key} through Z alone"
        assert own.barred(check, CrossEntropy()) == own.barred(check, Loss(squares)) == ""
    assert own.barred("logits_gradient", law) == "penalised is no function of Z, and has no ∂ℒ/∂Z"
    assert own.barred("softmax", law) == "penalised has no softmax of its own"


@pytest.mark.parametrize("name", LAWS)
def test_the_referee_in_float64_meets_the_balls_under_options(name):
    law = replace(LAWS[name], l2_bias=LAWS[name].l2 > 0)
    p = posed(law)
    for quantity in ("loss", "D", "theta", "b", "X"):
        one, other = float64.truth(p).enclosure(quantity), ball.truth(p).enclosure(quantity)
        assert one.meets(other), quantity
        assert (one.radius <= 1e-12 * (1 + abs(one.midpoint))).all(), quantity


def test_what_underflows_is_lost_as_often_as_it_is_multiplied():
    assert referee._losing(FLOAT64, 4.0) == replace(FLOAT64, eta=4 * FLOAT64.eta)


@pytest.mark.parametrize(("huge", "known"), [(2.0, False), (8.0, True)])
def test_a_gradient_of_labels_may_overflow_before_it_is_divided(huge, known):
    """Twice a log-sum-exp and a logarithm of 3: of logits that are all 0."""
    p = Problem(np.zeros((3, 1)), np.zeros((3, 1)), np.ones((1, 2)), np.eye(3)[:, :2])
    truth = replace(ball.truth(p), grants=replace(FLOAT64, huge=huge))
    assert np.isfinite(truth.label_gradient()).all() == known
