"""Where the largest label is, which a loss of one's own may ask for, is known however labels are read."""

import numpy as np
import pytest

import gradcheck
from gradcheck import Arithmetic, Implementation, Loss, Outcome, Unusable, conform, precision
from gradcheck import numpy as gnp
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted


def labelled(Z, Y, *, np):
    at = np.take_along_axis(Z, np.argmax(Y, axis=0)[None], axis=0)
    return np.mean(at * at)


def written(by=2.0, read=np.asarray, **declared):
    """The loss in NumPy, where labels are read in some way, with a factor of its gradient that is 2 where it is right."""

    def loss(theta, b, X, Y):
        at = np.take_along_axis(theta @ X + b, read(Y).argmax(axis=0)[None], axis=0)
        return np.mean(at * at)

    def gradients(theta, b, X, Y):
        Z, at = theta @ X + b, read(Y).argmax(axis=0)[None]
        D = np.zeros_like(Z)
        np.put_along_axis(D, at, by * np.take_along_axis(Z, at, axis=0) / Z.dtype.type(Z.shape[1]), axis=0)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    return Implementation("labelled", gradients, loss, law=Loss(labelled), arithmetic=Arithmetic(**declared))


@pytest.mark.parametrize("declared", [{"subnormals": "flushed"}, {"inner": "bfloat16"}])
def test_the_largest_label_is_known_however_labels_are_read(declared):
    """As JAX and GPUs read them. Of a distribution, too; of equals it is the first, since they are read alike."""
    code = written(**declared)
    assert not conform(code, dtype="float32", max_examples=30, regimes=("soft-labels", "ties")).failures


@pytest.mark.parametrize(("values", "found"), [([1 / 3, 1 / 3], 0), ([0.3, 0.7], 1), ([0.3, 0.3001], None)])
def test_a_largest_label_that_reading_may_change_is_refused(values, found):
    with granted(np.dtype("float32"), precision.granted("float32", "bfloat16", False)):
        Y = Running.given(Running.exact(np.array([values], dtype=np.float32)))
        if found is None:
            with pytest.raises(Unusable, match="rounding may change it"):
                gnp.argmax(Y, axis=1)
        else:
            assert gnp.argmax(Y, axis=1).tolist() == [found] == [gnp.argmax(Y)]
        assert Y.error.any()
        if found == 0:
            with pytest.raises(Unusable, match="rounding may change it"):
                gnp.argmax(Y * 1.0, axis=1)  # which is computed


def posed(Y):
    theta, b, X = np.float32([[1.5, -2.0], [0.25, 3.0]]), np.float32([[1.0], [-0.5]]), np.float32([[1.0], [2.0]])
    return gradcheck.Problem(theta, b, X, np.float32(Y), law=Loss(labelled))


def coarser(Y):
    """As labels of bfloat16: the first of what is equal then."""
    kind = precision.named("bfloat16").dtype
    return Y.astype(kind).astype(np.float32)


@pytest.mark.parametrize("by", [2.0, 3.0])
@pytest.mark.parametrize("read", [np.asarray, coarser])
def test_a_largest_label_that_reading_may_change_is_inconclusive_and_the_run_goes_on(read, by):
    """Of the one problem: correct code may take either, and what is wrong is found in others."""
    code = written(by, read, inner="bfloat16")
    found = gradcheck.judge(code, posed([[0.3], [0.3001]]))
    for check in (
        "loss",
        "logits_gradient",
        "theta_gradient",
        "bias_gradient",
        "class_permutation",
        "duplicated_batch",
    ):
        assert found[check].outcome is Outcome.INCONCLUSIVE, (check, found[check])
    assert not any(verdict.failed for verdict in found.values())
    sure = gradcheck.judge(code, posed([[0.3], [0.7]]))
    assert sure["theta_gradient"].outcome is (Outcome.AGREE if by == 2 else Outcome.DISAGREE)


@pytest.mark.parametrize("by", [1.0, 1.5])
def test_jax_finds_the_largest_label_where_subnormals_are_flushed(by):
    """Of a distribution: a traced loss is read as its text in NumPy is."""
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def loss(theta, b, X, Y):
        at = jnp.take_along_axis(theta @ X + b, jnp.argmax(Y, axis=0)[None], axis=0)
        return jnp.mean(at * at)

    def gradients(*arrays):
        return {"theta": by * jax.jit(jax.grad(loss))(*arrays)}

    law, flushed = Loss.traced(loss), Arithmetic(subnormals="flushed")
    code = Implementation("traced", gradients, jax.jit(loss), law=law, arithmetic=flushed)
    run = conform(code, dtype="float32", max_examples=15, regimes=("soft-labels", "ties"))
    assert run.judged
    assert run.failed == (by != 1)
