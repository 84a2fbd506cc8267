"""Losses of TensorFlow, MLX and Paddle become implementations, where these are installed; and what from_torch may be told."""

import os
import sys

import numpy as np
import pytest

import gradcheck
from gradcheck import CrossEntropy, Layout, Takes, conform

ROWS = Layout(samples="rows", labels="index")


def alone(name, other):
    """The package, unless another has been imported: both in one process crash it."""
    if other in sys.modules:
        pytest.skip(f"{other} is imported, beside which {name} crashes")
    return pytest.importorskip(name)


def tensorflow():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tf = alone("tensorflow", "paddle")
    mean = lambda Z, Y: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(Y, Z))
    linear = lambda theta, b, X: tf.linalg.matmul(tf.cast(X, theta.dtype), theta, transpose_b=True) + b
    return gradcheck.from_tensorflow, mean, linear, lambda Z: tf.clip_by_value(Z, -10, 10), "float64"


def mlx():
    nn, mx = pytest.importorskip("mlx.nn"), pytest.importorskip("mlx.core")
    mean = lambda Z, Y: nn.losses.cross_entropy(Z, Y, reduction="mean")
    return gradcheck.from_mlx, mean, lambda theta, b, X: X @ theta.T + b, lambda Z: mx.clip(Z, -10, 10), "float32"


def paddle():
    found = alone("paddle", "tensorflow")
    # by logsumexp: its own cross_entropy clips (Paddle#54107)
    mean = lambda Z, Y: (found.logsumexp(Z, 1) - found.take_along_axis(Z, Y[:, None], 1)[:, 0]).mean()
    linear = lambda theta, b, X: X.astype(theta.dtype) @ theta.T + b
    return gradcheck.from_paddle, mean, linear, lambda Z: found.clip(Z, -10, 10), "float64"


@pytest.mark.parametrize("made", [tensorflow, mlx, paddle], ids=lambda made: made.__name__)
def test_losses_of_logits_and_of_parameters_agree_and_a_clipped_one_disagrees(made):
    adapter, mean, linear, clip, dtype = made()
    values = ("*_gradient", "loss", "logits", "*upstream*")
    for loss, failed in ((mean, False), (lambda Z, Y: mean(clip(Z), Y), True)):
        run = conform(adapter(loss, logits=linear, layout=ROWS), dtype=dtype, max_examples=30, checks=values)
        assert run.failed == failed, run.report()
        assert all(run.tallies[f"{name}_gradient"].judged for name in ("logits", "theta", "bias", "data"))
    whole = adapter(lambda theta, b, X, Y: mean(linear(theta, b, X), Y), layout=ROWS, name="mine")
    run = conform(whole, dtype=dtype, max_examples=20, checks=("theta_gradient", "data_gradient", "loss"))
    assert not run.failed and whole.name == "mine" and whole.offers == ("gradients", "loss"), run.report()


@pytest.mark.parametrize("made", [tensorflow, mlx, paddle], ids=lambda made: made.__name__)
def test_options_and_losses_of_each_sample(made):
    """A scale, which is varied; and an upstream gradient for each sample of a loss that is not reduced."""
    adapter, mean, linear, _, dtype = made()
    scaled = lambda Z, Y, *, scale: mean(Z * scale, Y)
    run = conform(adapter(scaled, logits=linear, layout=ROWS), dtype=dtype, max_examples=20, checks=("loss",))
    assert run.takes.options == ("scale",) and not run.failed and run.judged
    declared = adapter(scaled, logits=linear, layout=ROWS, takes=Takes(options=("scale",), labels=("int32",)))
    assert declared.takes.labels == ("int32",)


def test_torch_is_told_of_options_that_are_no_keyword_only_parameters():
    torch = pytest.importorskip("torch")

    def loss(Z, Y, label_smoothing=0.0):
        assert Z.requires_grad == torch.is_grad_enabled() or not Z.requires_grad
        return torch.nn.functional.cross_entropy(Z, Y, label_smoothing=label_smoothing)

    linear = lambda theta, b, X: X @ theta.T + b
    plain, told = (
        gradcheck.from_torch(loss, logits=linear, layout=ROWS, device="cpu", takes=takes)
        for takes in (Takes(), Takes(options=("label_smoothing",)))
    )
    assert plain.varied == () and told.varied == ("smoothing",)
    run = conform(told, max_examples=30, checks=("loss", "*_gradient"))
    assert not run.failed and run.tallies["data_gradient"].judged
    assert conform(plain, max_examples=10, checks=("loss",)).law == CrossEntropy()


def test_tensors_are_made_on_the_device_that_is_said():
    pytest.importorskip("torch")
    seen = []

    def loss(theta, b, X, Y):
        seen.append((theta.device.type, X.device.type, X.requires_grad))
        return (theta * 0).sum()

    made = gradcheck.from_torch(loss, layout=ROWS, device="meta")  # it has no numbers, and no result
    with pytest.raises(NotImplementedError):
        made.gradients(np.ones((2, 1)), np.ones(2), np.ones((3, 1)), np.zeros(3, int))
    assert seen == [("meta", "meta", True)]
