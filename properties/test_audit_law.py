"""Audit of a loss with options: right code agrees with each of them, alone and in pairs, and code that forgets one does not."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import CrossEntropy, Outcome, Unusable, precision, problems
from gradcheck.auditing import audit_path, report
from gradcheck.cli import main
from gradcheck.errors import ProblemError
from gradcheck.law import text
from gradcheck.model import Stages
from gradcheck.strategies import laws

L, D, N = 24, 12, 150
WEIGHTS = tuple(0.25 + k % 5 for k in range(L))
DTYPES = ("float64", "float32", "float16", "bfloat16")
WORDS = ({}, {"smoothing_over": "others"}, {"smoothing_weight": "label"}, {"z_over": "samples"}, {"l2_bias": True})
JUDGED = ("Z", "A", "loss", "grad_theta", "grad_b", "grad_Z", "grad_X")

OPTIONS = {
    "ignore": {"ignore": -100},
    "a class ignored": {"ignore": 3},
    "labelled": {"ignore": -100, "mean_of": "labelled"},
    "weights": {"class_weight": WEIGHTS},
    "mean of weights": {"class_weight": WEIGHTS, "ignore": -100, "mean_of": "weights"},
    "count": {"mean_of": 7},
    "sum": {"reduction": "sum"},
    "smoothing": {"smoothing": 0.1},
    "smoothing over others": {"smoothing": 0.3, "smoothing_over": "others"},
    "z-loss": {"z_loss": 0.01},
    "scale": {"scale": 1.7},
    "l2": {"l2": 0.003},
    "l2 of all": {"l2": 0.003, "l2_bias": True},
}
PAIRS = [
    (a, b)
    for a, b in itertools.combinations(OPTIONS, 2)
    if len({*OPTIONS[a], *OPTIONS[b]}) == len(OPTIONS[a]) + len(OPTIONS[b])
]
MORE = {
    "smoothing weighed by the label": {"smoothing": 0.2, "class_weight": WEIGHTS, "smoothing_weight": "label"},
    "z-loss over all": {"z_loss": 0.01, "z_over": "samples", "ignore": -100},
    "as GPT trains": {"ignore": -100, "mean_of": "labelled", "smoothing": 0.1, "z_loss": 1e-4},
    "everything": {
        "ignore": -100, "mean_of": "weights", "class_weight": WEIGHTS, "smoothing": 0.1, "z_loss": 1e-3, "scale": 0.5,
        "l2": 0.01,
    },
}  # fmt: skip


def softmax(Z):
    A = np.exp(Z - Z.max(0))
    return A / A.sum(0)


def dense(y, law, kind):
    """Y (L, n), zeros where a label is ignored."""
    return np.where(y == (law.ignore if law.ignore is not None else -1), 0, np.eye(L)[:, y % L]).astype(kind)


def step(law, dtype="float64", seed=0, labels="index", done=None):
    """One step in float64 written down in `dtype`, of the loss that is `done`, where the labels are those of `law`."""
    draw, kind, done = np.random.default_rng(seed), precision.named(dtype).dtype, done or law
    theta, b, X = ((0.3 * draw.standard_normal(shape)).astype(kind).astype(float) for shape in ((L, D), (L, 1), (D, N)))
    Z = (theta @ X + b).astype(kind).astype(float)
    y = draw.integers(0, L, N)
    if law.ignore is not None:
        y[draw.random(N) < 0.3] = law.ignore
    Y = dense(y, law, float)
    if labels == "weights":
        Y = (Y.sum(0) * draw.dirichlet(np.ones(L), N).T).astype(kind).astype(float)
        if law.ignore is not None and law.ignore >= 0:
            Y[law.ignore] = 0
    due, bent = text.labels(Y, done), text.mapped(Z, done)
    A, lse = softmax(bent), text.log_sum_exp(bent)
    z = np.where(text.squared(Y, done), done.z_loss, 0)
    dZ = done.scale * (A * (due.sum(0) + 2 * z * lse) - due) / text.normaliser(Y, done)
    arrays = {"theta": theta, "b": b[:, 0], "X": X, "Z": Z, "A": A, "grad_Z": dZ, "grad_X": theta.T @ dZ}
    arrays["grad_theta"] = dZ @ X.T + done.l2 * theta
    arrays["grad_b"] = dZ.sum(1) + done.l2 * done.l2_bias * b[:, 0]
    arrays["loss"] = np.asarray(text.loss_of(Z, theta, b, Y, done))
    made = {name: array.astype(kind) for name, array in arrays.items()}
    return made | {"Y": y if labels == "index" else Y.astype(kind)}


def dumped(problem):
    """What gradcheck.model computes of a loss in the precision of a problem."""
    arrays, right = problem.arrays(), Stages(problem.law)
    with np.errstate(all="ignore"):
        Z, found = right.logits(*arrays[:3]), right.gradients(*arrays)
        made = {"Z": Z, "A": right.softmax(right.mapped(Z)), "loss": np.asarray(right.loss(*arrays))}
    made |= {f"grad_{name}": found[name] for name in ("theta", "b", "Z", "X")}
    return dict(zip(("theta", "b", "X", "Y"), arrays, strict=True)) | made


@given(
    problems(dtypes=DTYPES, ignored=True),
    laws(("weight", "smoothing", "z_loss", "scale", "l2")),
    st.sampled_from(["samples", "labelled", "weights", 3]),
    st.sampled_from(WORDS),
    st.booleans(),
)
def test_correct_code_of_any_precision_is_never_rejected(problem, law, mean_of, words, logits):
    """Each sum accumulated in the precision of its arrays, which is the worst that the error model allows."""
    if problem.masked.any():
        return
    law = replace(law, ignore=-100, mean_of=mean_of, **words).of_classes(problem.L)
    try:
        problem = problem.with_law(law)
    except ProblemError:
        return
    made = dumped(problem)
    if not logits:
        del made["Z"]
    found = gradcheck.audit(**made, accumulate=problem.precision.name, law=law)
    wrong = [f for f in found.findings if f.verdict.outcome is Outcome.DISAGREE]
    assert not wrong


def outcomes(found):
    return {f.quantity: f.verdict.outcome for f in found.findings}


@pytest.mark.parametrize("labels", ["index", "weights"])
@pytest.mark.parametrize("name", [*OPTIONS, *MORE])
def test_right_code_agrees(name, labels):
    """In every precision, with logits and without; in float64 and float32 everything is told from zero."""
    law = CrossEntropy(**{**OPTIONS, **MORE}[name])
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        made = step(law, dtype, labels=labels)
        for given in (made, {key: array for key, array in made.items() if key != "Z"}):
            found = outcomes(gradcheck.audit(**given, law=law))
            assert Outcome.DISAGREE not in found.values(), (dtype, found)
            assert dtype not in ("float64", "float32") or set(found.values()) == {Outcome.AGREE}, (dtype, found)


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_right_code_with_two_options_agrees(pair):
    law = CrossEntropy(**{**OPTIONS[pair[0]], **OPTIONS[pair[1]]})
    for dtype in ("float64", "float32"):
        found = outcomes(gradcheck.audit(**step(law, dtype), law=law))
        assert set(found.values()) == {Outcome.AGREE}, (dtype, found)
