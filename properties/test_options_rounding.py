"""What rounding may do to code with options where the labels that it adds up cancel, or are lost when they are read."""

import numpy as np

from gradcheck import Arithmetic, CrossEntropy, Implementation, Problem, model
from gradcheck.checks import CHECKS, Trial
from gradcheck.implementations import adapt
from gradcheck.verdict import Outcome

U = 2.0**-53


def outcome(name: str, problem: Problem, **functions) -> Outcome:
    """What a check says of these functions."""
    arithmetic = functions.pop("arithmetic", Arithmetic())
    target = Implementation("options", **functions, law=problem.law, arithmetic=arithmetic)
    return CHECKS[name].judge(Trial(adapt(target), problem)).outcome


def test_parts_of_a_smoothed_label_that_cancel_may_each_be_off():
    """e = 2 is spread over both classes, and 1 - e taken from the label: each may be 8 roundings off, one up and one down.

    Fifty are a fault.
    """
    law = CrossEntropy(smoothing=1.0, smoothing_over="others", class_weight=(2.0, 2.0))
    b = np.array([[0.0], [30.0]])  # A is next to nothing at the label, so that it grants nothing
    problem = Problem(np.zeros((2, 1)), b, np.ones((1, 1)), np.array([[1.0], [0.0]]), law=law)
    found = {}
    for times in (8, 50):

        def gradients(theta, b, X, Y, times=times):
            A = model.softmax(b)
            kept, spread = 2 * (1 - 2.0) * Y * (1 + times * U), 2 * np.ones_like(Y) * (1 - times * U)
            D = A * 2 - (kept + spread)
            return {"theta": D @ X.T, "b": D, "Z": D}

        found[times] = outcome("logits_gradient", problem, gradients=gradients)
    assert found == {8: Outcome.AGREE, 50: Outcome.DISAGREE}


def test_labels_that_are_lost_when_they_are_read_leave_open_whether_a_sample_counts():
    """1e-60 is 0 in float32, and a sample without a label does not count."""
    law = CrossEntropy(smoothing=0.5, mean_of="labelled")
    Y = np.array([[1e-60, 1.0], [0.0, 0.0]])
    problem = Problem(np.ones((2, 1)), np.zeros((2, 1)), np.array([[1.0, 2.0]]), Y, law=law)
    right = model.Stages(law)

    def inside(*arrays):
        found = right.gradients(*(array.astype(np.float32) for array in arrays))
        return {name: value.astype(float) for name, value in found.items()}

    declared = Arithmetic(inner="float32")
    assert outcome("logits_gradient", problem, gradients=inside) is Outcome.DISAGREE
    assert outcome("logits_gradient", problem, gradients=inside, arithmetic=declared) is Outcome.INCONCLUSIVE
    assert outcome("logits_gradient", problem, gradients=right.gradients) is Outcome.AGREE


def test_the_weight_of_a_label_may_be_a_sum_that_is_coarser():
    """Of one term, 0.7, which float16 rounds; and so may its mass be."""
    law = CrossEntropy(class_weight=(0.7, 0.3), mean_of=1)
    zeros, Y = np.zeros((2, 1), np.float32), np.array([[1.0], [0.0]], np.float32)
    problem = Problem(zeros, zeros, np.ones((1, 1), np.float32), Y, law=law)

    def gradients(theta, b, X, Y):
        weight = (Y * np.float32([[0.7], [0.3]])).astype(np.float16).sum(axis=0).astype(np.float32)
        D = weight * (np.float32([[0.5], [0.5]]) - Y)
        return {"theta": D @ X.T, "b": D, "Z": D}

    declared = Arithmetic(accumulate="float16")
    assert outcome("logits_gradient", problem, gradients=gradients) is Outcome.DISAGREE
    assert outcome("logits_gradient", problem, gradients=gradients, arithmetic=declared) is not Outcome.DISAGREE
