"""What pages are made of: a run in which two things are wrong, one in which nothing is, a campaign, an audit, kills."""

from functools import cache

import numpy as np

import gradcheck
from gradcheck import conformance
from gradcheck.auditing import Audit
from gradcheck.campaign import Finding, Outcome, Record, page
from gradcheck.checks import CHECKS as CHECKED
from gradcheck.cli import audit_page, kill_page
from gradcheck.implementations import Implementation
from gradcheck.kills import Kills
from gradcheck.reports import pages
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


def campaign() -> Outcome:
    """Three causes, one of them of many findings and one known before."""
    one = Finding("theta_gradient", "not divided by n", "any", "disagree", "∂ℒ/∂θ[0, 0] = 2", "divide", file="c.json")
    more = [Finding("loss", "not divided by n", name, "disagree", "ℒ = 2") for name in ("large", "offset")]
    known = Finding(
        "softmax", "unknown", "any", "errored", "softmax raised KeyError: 'x' (m.py:3)", failed=7, known=True
    )
    record = Record(
        0, 100, {"theta_gradient": 90, "loss": 80}, {"theta_gradient": np.inf, "loss": 12.0, "softmax": 0.25}
    )
    return Outcome({0: record}, [one, *more, known], seconds=2.0, fresh=100, notes={"it printed": None})


@cache
def audited() -> Audit:
    """Of 60 rows, ten are off by a per cent, and one in an entry."""
    made, labels = np.random.default_rng(0), np.random.default_rng(1).integers(0, 60, 40)
    theta, b, X = made.standard_normal((60, 8)), made.standard_normal(60), made.standard_normal((8, 40))
    D = (_softmax(theta @ X + b[:, None]) - np.eye(60)[:, labels]) / 40
    gradient = D @ X.T
    gradient[20:30] *= 1.01
    gradient[3, 4] += 1
    return gradcheck.audit(theta=theta, b=b, X=X, Y=labels, grad_theta=gradient, grad_b=D.sum(axis=1))


def killed() -> list[Kills]:
    """Two mistakes: one that every check kills, and one that is not killed at one of the seeds."""
    quick = Kills("missing_mean", {**dict.fromkeys(CHECKED, (1,) * 5), "loss": (None, 3, 4, 9, 40)}, (1,) * 5, 100)
    slow = Kills("labels_added", {"loss": (30, None, 2, 2, 50)}, (30, None, 2, 2, 50), 100)
    return [quick, slow]


@cache
def all_pages() -> dict[str, str]:
    """A page of each make."""
    wrong, right = runs()
    return {
        "wrong": pages.text([wrong]),
        "right": pages.text([right]),
        "several": pages.text([wrong, right]),
        "compare": pages.comparison([wrong, right]),
        "fuzz": page.text(campaign(), "model.py"),
        "audit": audit_page.text(audited()),
        "kills": kill_page.text(killed()),
    }
