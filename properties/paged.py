"""Runs that pages are made of: one in which two things are wrong, and one in which nothing is."""

from functools import cache

import numpy as np

from gradcheck import conformance
from gradcheck.implementations import Implementation
from gradcheck.verify import Run

CHECKS = ("theta_gradient", "bias_gradient", "softmax", "loss", "central_difference_theta")


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=0))
    return E / E.sum(axis=0)


def _wrong(theta, b, X, Y):
    """Features are scaled a little, each by its own factor."""
    found = _right(theta, b, X, Y)
    return {**found, "theta": found["theta"] * (1 + np.arange(X.shape[0]) / 1000)}


def _raises(Z):
    raise KeyError("softmax")


def _right(theta, b, X, Y):
    D = (_softmax(theta @ X + b) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}


@cache
def runs() -> tuple[Run, Run]:
    """The wrong one and the right one."""
    wrong = Implementation("wrong", gradients=_wrong, softmax=_raises)
    right = Implementation("right", gradients=_right)
    judged = (conformance.conform(each, max_examples=30, checks=CHECKS) for each in (wrong, right))
    return next(judged), next(judged)
