"""What people write in NumPy: of every reading the same, and with the gradient that difference quotients of balls have."""

import flint
import numpy as np
import pytest

import gradcheck.numpy as gnp
from gradcheck import Unusable
from gradcheck.readings.balls import Balls
from gradcheck.readings.running import Condition, Running
from gradcheck.readings.tape import Gradients, Variable

Z = np.array([[0.5, -1.25, 2.0], [1.75, 0.375, -0.75], [-0.625, 0.875, 1.5], [0.25, -0.5, -2.25]])
Y = np.eye(4)[:, [2, 0, 3]]
TEXTS = """
(Z * ((Y > 0).sum(axis=0))).sum()
(Z * np.sum(Y > 0, axis=1, keepdims=True)).sum()
np.where(np.any(Y > 0.5, axis=1, keepdims=True), Z, 2 * Z).sum()
np.where((Y > 0).all(axis=0), Z, 3 * Z).sum()
np.where(np.all(Y < 2, axis=0), Z, 3 * Z).sum()
np.where(np.any(Y), Z, 3 * Z).sum()
(Z * (Z > 0).astype(float)).sum() / (Z > 0).sum()
(Z * (Z > 0).mean(axis=0)).sum()
(np.arange(4.0)[:, None] * (Y > 0) * Z).sum() + (np.ones(3) - (Z > 0)).sum() * Z.sum() + (np.linspace(0, 1, 3) * (Z > 0.3)).sum()
(Z * ~(Y > 0)).sum() + (Z * (1 - (Y > 0))).sum() + ((Y > 0) * 2.0 * Z).sum() + (Z.T * (Y > 0).T).sum()
(Z[np.argmax(Y > 0.5, axis=0), np.arange(3)] ** 2).sum() + (Z[np.argmax(Z > 1.6, axis=0), np.arange(3)] ** 3).sum()
(np.eye(2)[(Y[0] > 0.5).astype(int)] * Z[:2].T).sum() + (np.array(Y > 0) * Z).sum()
(Y.cumsum(axis=0) * Z).sum() + (Y.std() * Z).sum() + (Y.clip(0, 0.5).repeat(1, axis=0) * Z).sum()
np.sort(Z, kind="stable")[0, 0] + np.pad(Z, 1, "constant")[1, 1] + (np.ptp(Z, axis=0, keepdims=True) * Z).sum()
Z[Y.argmax(axis=0), np.arange(Y.shape[1])].sum()
np.var(Z, axis=0).sum() + Z.var(ddof=1)
np.std(Z, axis=1, keepdims=True).sum() + Z.std()
np.outer(Z[0], Z[1]).sum() * np.inner(Z[0], Z[1]) + np.inner(Z, Z).sum()
np.vdot(Z, Z) + Z.dot(Z.T).trace()
(np.tile(Z, (2, 1)) * np.repeat(Z, 2, axis=0)).sum() + Z.repeat(2, 0).sum()
(np.hstack([Z, 2 * Z]) ** 2).sum() + np.hstack([Z[0], Z[1] ** 2]).sum()
(np.vstack([Z, Z[0]]) ** 2).sum() + (np.array([Z[0], Z[1]]) ** 3).sum()
(np.asarray([[Z[0, 0], Z[1, 1]], [Z[2, 2], 1.0]]) ** 2).sum() + np.asarray(Z).sum()
(np.log2(np.exp(Z)) + np.log10(np.exp(2 * Z)) + np.exp2(Z)).sum() + np.log2(8.0)
np.select([Z > 1, Z > 0], [Z, Z * Z], 3 * Z).sum()
np.average(Z) + np.average(Z, axis=0, weights=np.arange(4.0)).sum() + np.average(Z, weights=Y)
(np.diff(Z, axis=0) ** 2).sum() + (np.diff(Z) ** 3).sum() + np.ptp(Z, axis=0).sum()
(np.pad(Z, ((1, 1), (0, 2)), constant_values=2) ** 2).sum()
np.linalg.norm(Z) + np.linalg.norm(Z, axis=0).sum() + np.linalg.norm(Z[0], 2) + np.linalg.norm(Z, ord=2, axis=1).sum()
(np.linalg.norm(Z, ord=1, axis=1, keepdims=True) * Z).sum() + np.linalg.norm(Z, 1, 0).sum() + np.linalg.norm(Z[1], np.inf)
np.count_nonzero(Y) * Z.sum() + (np.count_nonzero(Z, axis=0) * Z).sum()
Z.clip(0, 1).sum() + np.clip(Z, a_min=-1, a_max=None).sum() + np.clip(Z, min=-1, max=1).sum()
(Z[Y > 0] ** 2).sum() + Z[Z > 0.3].sum() / (Z > 0.3).sum() + (Z.transpose(1, 0) @ Z).sum()
(Z.transpose() @ Z).sum() + Z.flatten()[3] + Z.prod(axis=0).sum() + (Z.cumsum(axis=0) ** 2).sum()
np.sum(Z, where=Y > 0) + Z.copy().squeeze().sum() + (np.copy(Z) * np.full_like(Z, 3)).sum()
np.einsum("ij->j", Z)[1] + np.einsum("ij->ji", Z)[1, 0] + np.einsum("ij->", Z)
(np.moveaxis(Z, 0, 1) ** 2)[0].sum() + np.split(Z, 2)[1].sum() + np.split(Z, [1, 3], axis=0)[1].sum()
np.diag(Z @ Z.T).sum() + np.diag(Z @ Z.T, 1).sum() + (Z @ Z.T).diagonal().sum() + Z.swapaxes(0, 1)[0].sum()
(np.diag(Z[0], 1) ** 2 @ np.arange(4.0)).sum() + (np.diag(Z[:, 1]) @ Z).sum() + (Z * Z.argmin(axis=1)[:, None]).sum()
np.float32(0.5) * Z.sum() + (np.identity(4) @ Z).sum() + (np.linspace(0, 1, 4)[:, None] * Z).sum()
(np.bincount(np.argmax(Y, axis=0), minlength=4)[:, None] * Z).sum() + Z.take([1, 2], axis=0).sum()
np.diff(Z, 2, axis=0).sum() + (np.round(Z * 0.93, 1) * Z).sum() + np.diff(Z, 0).sum()
(Z * np.round(Z * 1.3)).sum() + (Z * (Z * 0.7).round()).sum() + (Z * Z.argmax(axis=0)).sum() + Z.argsort(axis=0)[0, 0] * Z.sum()
"""
LINES = [line for line in TEXTS.splitlines() if line]
KIND, STEP = np.dtype("float64"), 2.0**-150


def written(text):
    space = {}
    exec(f"def loss(Z, Y, *, np):\n    return {text}\n", space)  # of our own
    return space["loss"]


@pytest.mark.parametrize("text", LINES)
def test_what_people_write_is_read(text):
    loss = written(text)
    plain = loss(Z, Y, np=gnp)
    if "min=" not in text:  # which NumPy 1 has not
        assert np.isclose(plain, loss(Z, Y, np=np), rtol=1e-13)
    variable = Variable(Running.exact(Z))
    found = loss(variable, Running.exact(Y), np=gnp)
    slopes = Gradients(found)[variable]
    assert abs(found.array.value - plain) <= found.array.error + 1e-14 * abs(plain)
    with flint.ctx.workprec(600):
        ball = Variable(Balls.exact(Z))
        exact = loss(ball, Balls.exact(Y), np=gnp)
        truth = Gradients(exact)[ball]
        assert abs(found.array.value - exact.array.values()) <= found.array.error
        assert (abs(slopes.value - truth.values()) <= slopes.error + 1e-300).all()
        assert (slopes.error <= 1e-12).all()
        for entry in (0, 4, 11):
            sides = []
            for step in (STEP, -STEP):
                moved = Balls.exact(Z)
                moved.entries[entry] = moved.entries[entry] + step
                sides.append(loss(Variable(moved), Balls.exact(Y), np=gnp).array.entries[0])
            off = truth.entries[entry] - (sides[0] - sides[1]) / (2 * STEP)
            assert abs(float(off.mid())) + float(off.rad()) < 2.0**-200


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("np.any(Z)", "any(condition) takes a comparison"),
        ("np.clip(Z, low=0)", "clip takes a_min and a_max, or min and max; low was given"),
        ("np.sort(Z, axis=2)", "axis 2 of an array of 2 axes; expected one from -2 to 1"),
        ("np.prod(Z, axis=(0, 5))", "axis 5 of an array of 2 axes"),
        ("np.transpose(Z, (0, 3))", "axis 3 of an array of 2 axes"),
        ("np.argmax(Z, axis=2)", "axis 2 of an array of 2 axes"),
        ("np.pad(Z, 1, 'edge')", "pad(mode='edge') is not known"),
        ("np.average(Z, weights=np.ones(3))", "average takes weights of the shape (4, 3) of x"),
        ("np.linalg.det(Z)", "np.linalg.det is not among"),
        ("np.linalg.norm(Z, 2)", "norm(ord=2) of a matrix"),
        ("np.linalg.norm(Z, 3, axis=0)", "norm(ord=3) of vectors"),
        ('np.einsum("ii->i", Z)', "is not known"),
        ("np.trace(np.stack([Z, Z]))", "trace takes a matrix"),
        ("np.inner(np.stack([Z, Z]), Z)", "inner takes vectors and matrices"),
        ("Z.nothing", "arrays of a loss have no .nothing"),
    ],
)
def test_what_is_not_known_is_a_line(text, line):
    with pytest.raises((Unusable, AttributeError)) as told:
        written(text)(Variable(Balls.exact(Z)), Y, np=gnp)
    assert line in str(told.value)


@pytest.mark.parametrize("read", [Running.exact, Balls.exact])
def test_a_count_in_doubt_is_no_whole_number(read):
    """How many logits are positive, where one is 0."""
    x = Variable(read(np.array([1.0, 0.0, -1.0, 2.0])))
    held = x > 0
    for found in (held.sum(), held.mean() * 4, held.astype(float).sum()):
        low, high = (
            (found.value - found.error, found.value + found.error)
            if isinstance(found, Running)
            else (found.values() - found.radii(), found.values() + found.radii())
        )
        assert low <= 2
        assert high >= 3
    known = x > 0.5
    assert isinstance(known, Condition)
    assert (known.sum(), known.mean(), known.astype(int).tolist()) == (2, 0.5, [1, 0, 0, 1])


@pytest.mark.parametrize("read", [np.asarray, Running.exact, Balls.exact])
def test_a_softplus_with_a_threshold_is_that_of_torch(read):
    """x itself above it, and so wrong by e^-20 there."""
    x = Variable(read(np.array([-30.0, 1.0, 19.5, 20.5])))
    found = gnp.softplus(x, threshold=20)
    values = found.array.value if isinstance(found.array, Running) else found.values()
    expected = [np.log1p(np.exp(-30)), np.log1p(np.exp(1)), np.log1p(np.exp(19.5)), 20.5]
    assert np.allclose(values, expected, rtol=1e-15)
    slopes = Gradients(found.sum())[x]
    values = slopes.value if isinstance(slopes, Running) else slopes.values() if isinstance(slopes, Balls) else slopes
    assert values[3] == 1
    assert values[2] < 1
    sharper = gnp.softplus(x, beta=2)
    values = sharper.array.value if isinstance(sharper.array, Running) else sharper.values()
    assert np.allclose(values, np.logaddexp(0, 2 * np.array([-30.0, 1.0, 19.5, 20.5])) / 2, rtol=1e-15)
