"""Runs that pages are made of: one in which two things are wrong, and one in which nothing is."""

from functools import cache

import numpy as np

from gradcheck import conformance
from gradcheck.implementations import Implementation
from gradcheck.verify import Run

CHECKS = ("*_gradient", "loss", "softmax", "*permutation", "central_difference_theta", "finite")


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=0))
    return E / E.sum(axis=0)


def _wrong(theta, b, X, Y):
    """Features are scaled a little, each by its own factor; the bias is not divided by n."""
    D = _softmax(theta @ X + b) - Y
    return {"theta": D @ X.T / X.shape[1] * (1 + np.arange(X.shape[0]) / 1000), "b": D.sum(axis=1, keepdims=True)}


def _right(theta, b, X, Y):
    D = (_softmax(theta @ X + b) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}


@cache
def runs() -> tuple[Run, Run]:
    """The wrong one and the right one."""
    wrong, right = (
        Implementation("wrong", gradients=_wrong, softmax=_softmax),
        Implementation("right", gradients=_right),
    )
    return (
        conformance.conform(wrong, max_examples=30, checks=CHECKS),
        conformance.conform(right, max_examples=30, checks=CHECKS),
    )
