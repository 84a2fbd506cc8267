"""The losses of benchmarks/own_losses: correct gradients by torch are judged right, and a slip in the largest entry is told."""

import importlib

import numpy as np
import pytest

import gradcheck
from benchmarks.own_losses.specs import SPECS
from gradcheck.problem import Problem

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
