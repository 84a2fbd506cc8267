"""The losses of benchmarks/own_losses: correct gradients by torch are judged right, and a slip in the largest entry is told."""

import importlib

import numpy as np
import pytest

import gradcheck
from benchmarks.own_losses.specs import SPECS
from gradcheck import Loss, conform
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome

pytest.importorskip("torch")
by_torch = importlib.import_module("benchmarks.own_losses.by_torch")


@pytest.mark.parametrize("name", SPECS)
def test_a_right_gradient_agrees_and_a_slip_of_1e_9_does_not(name):
    generator = np.random.default_rng(len(name))
    theta, b, X = (generator.normal(size=shape) for shape in ((3, 2), (3, 1), (2, 4)))
    problem = Problem(theta, b, X, np.eye(3)[:, [0, 2, 1, 2]], law=SPECS[name])
    found = by_torch.gradients(name, problem.law.takes.arrays, problem.arrays())[1]["theta"]
    assert str(gradcheck.judge_gradient(problem, theta=found)["theta"].outcome) == "agree"
    found.flat[abs(found).argmax()] *= 1 + 1e-9
    assert str(gradcheck.judge_gradient(problem, theta=found)["theta"].outcome) == "disagree"


# ---- what people write ----


def cosine(theta, X, Y, *, np):
    """Without b."""
    return np.mean(Y * (theta @ X))


def test_a_parameter_that_a_loss_is_not_made_of_needs_no_gradient_of_torch():
    """None of autograd is 0, and nothing is asked of that parameter alone."""
    torch = importlib.import_module("torch")

    def right(theta, b, X, Y):
        return (Y * (theta @ X)).mean()

    found = conform(gradcheck.from_torch(right, law=Loss(cosine)), max_examples=15, seed=2)
    assert not found.failed
    assert found.tallies["bias_gradient"].outcome is Outcome.INCONCLUSIVE  # 0, which nothing rounds
    assert found.tallies["inputs_without_gradient"].outcome is Outcome.AGREE

    def wrong(theta, b, X, Y):
        return torch.nn.functional.cross_entropy((theta @ X).T, Y.T)

    failed = conform(gradcheck.from_torch(wrong), max_examples=15)
    assert failed.tallies["bias_gradient"].outcome is Outcome.DISAGREE
    assert "without b" in failed.report()
