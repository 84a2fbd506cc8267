"""Numbers that a text makes of numbers alone: exact in truth, rounded where code may round them, and arrays of NumPy meanwhile."""

import flint
import numpy as np
import pytest

import gradcheck
import gradcheck.numpy as gnp
from gradcheck.checks import CHECKS, Trial
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.readings.balls import Balls
from gradcheck.readings.numerals import Numerals, read_by
from gradcheck.readings.running import Condition, Running
from gradcheck.referees import own
from gradcheck.verdict import Outcome

VALUES = ("loss", "logits_gradient", "theta_gradient", "bias_gradient", "data_gradient", "forward_difference")


def schedule(Z, Y, *, np):
    """Samples that count less and less: 1 - t/T loses digits."""
    n = Z.shape[1]
    w = 1 - (np.arange(n) + 1) / (n + 1)
    return -np.mean(w * np.sum(Y * np.log_softmax(Z), axis=0))


def balanced(Z, Y, *, np):
    """By effective numbers of samples."""
    w = 1e-4 / (1 - 0.9999 ** np.array([10.0, 20.0, 30.0]))
    return -(w[:, None] * Y * np.log_softmax(Z)).sum() / np.sum(w)


def written(law, weights):
    """By hand, weights in the precision of the arrays."""

    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        A = np.exp(Z - Z.max(axis=0))
        w = weights(theta.dtype.type, Y)
        D = w * (A / A.sum(axis=0) * Y.sum(axis=0) - Y)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    return Implementation("written", gradients, law=law)


def of_schedule(kind, Y):
    n = Y.shape[1]
    return (kind(1) - (np.arange(n).astype(kind) + kind(1)) * (kind(1) / kind(n + 1))) / kind(n)


def of_labels(kind, Y):
    w = kind(1e-4) / (kind(1) - kind(0.9999) ** np.array([10, 20, 30], kind))
    return (w[:, None] * Y).sum(axis=0) / w.sum()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("loss", "weights"), [(schedule, of_schedule), (balanced, of_labels)])
def test_numbers_may_be_rounded_as_the_text_has_them(loss, weights, dtype):
    """In the precision of the arrays, by a reciprocal: not only once, when they are done. And a fault of them is told."""
    draw = np.random.default_rng(0)
    theta, b, X, Y = (
        draw.normal(size=(3, 2)),
        draw.normal(size=(3, 1)),
        draw.normal(size=(2, 20)),
        np.eye(3)[:, np.arange(20) % 3],
    )
    law = gradcheck.Loss(loss)
    problem = Problem(*(array.astype(dtype) for array in (theta, b, X, Y)), law=law)
    right = written(law, weights)
    found = {name: CHECKS[name].judge(Trial(right, problem)).outcome for name in VALUES}
    assert found.pop("loss") is Outcome.SKIPPED
    assert set(found.values()) == {Outcome.AGREE}
    wrong = written(law, lambda kind, Y: weights(kind, Y) * kind(1 + 1e-2))
    assert CHECKS["theta_gradient"].judge(Trial(wrong, problem)).outcome is Outcome.DISAGREE
    if dtype == "float64":
        assert (own.truth(problem).enclosure("theta").radius < 1e-15).all()


@pytest.fixture(params=["running", "balls"])
def read(request):
    with flint.ctx.workprec(200):
        yield Running.exact if request.param == "running" else Balls.exact


def test_whole_numbers_stay_numbers(read):
    """Indices, masks, and what is compared beyond doubt."""
    with read_by(read):
        k = gnp.arange(4)
        for found in (k, k + 1, 2 * k - 1, gnp.eye(4), 1 - gnp.eye(4), gnp.ones((2, 2)) * 3, -k, k[1:], k // 2, k**2):
            assert type(found) is Numerals
        assert (k / 1.0).tolist() == [0, 1, 2, 3]
        assert type(1 - gnp.eye(3) > 0) is np.ndarray
        assert np.arange(8)[k].tolist() == [0, 1, 2, 3]
        assert (k.sum(), gnp.eye(3).sum()) == (6, 3)


def test_what_is_rounded_is_read(read):
    with read_by(read):
        k = gnp.arange(1, 4)
        row = gnp.linspace(0, 1, 4)
        for found in (k / 3, 1 / k, 0.1 * k, 2.0**-k / 3, np.log(k), gnp.sqrt(k), row @ np.ones((4, 1)), row.sum()):
            assert isinstance(found, Running | Balls)
        third = k[:1] / 3
        assert third.error[0] > 0 if isinstance(third, Running) else third.radii()[0] < 1e-50
        assert isinstance((k / 3) > 0.5, Condition)
        w = gnp.ones(3)
        w[1] = 0.25
        assert type(w) is Numerals
        whole = w[::2]
        whole *= 3
        assert type(whole) is Numerals
        assert w.tolist() == [3, 0.25, 3]
        w *= 0.1  # is read from here on
        assert isinstance(w, Running | Balls)
        w = gnp.ones(3)
        w[1:] *= k[1:] / 3
        assert type(w) is Numerals
        assert np.allclose(np.asarray(w), [1, 2 / 3, 1])
        w /= w.sum()
        for found in (w, gnp.linspace(0, 1, 4).mean(), (k * 0.5).std(), gnp.softmax(k * 0.5, axis=0)):
            assert isinstance(found, Running | Balls)
        assert float(gnp.sum(gnp.zeros(2))) == 0


def test_without_a_reading_they_are_arrays_of_numpy():
    assert type(gnp.arange(3)) is np.ndarray
    left = np.arange(3).view(Numerals) / 3
    assert np.asarray(left).tolist() == [0, 1 / 3, 2 / 3]
