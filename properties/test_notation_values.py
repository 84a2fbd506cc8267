"""Functions of `gradcheck.numpy` are NumPy's of the same name, or what their sentence says, where arguments can be told apart."""

from contextlib import nullcontext

import numpy as np
import pytest

import gradcheck
import gradcheck.numpy as gnp
from gradcheck import Unusable

X, Y = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]]), np.array([[2.0, -2.0, 1.0], [0.5, 4.0, -1.5]])
S = np.array([[1.0, 2.0], [5.0, 7.0]])
BOTH = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "logaddexp",
    "not_equal",
    "equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
]
SHAPED = [
    ("transpose", (X,), {}),
    ("swapaxes", (X, 0, 1), {}),
    ("roll", (X, 1, 1), {}),
    ("roll", (X, 4), {}),
    ("flip", (X, 0), {}),
    ("flip", (X,), {}),
    ("squeeze", (X[:1],), {}),
    ("squeeze", (X[:1, :1], 1), {}),
    ("expand_dims", (X, 1), {}),
    ("ravel", (X,), {}),
    ("stack", ([X, Y], 1), {}),
    ("concatenate", ([X, Y], 1), {}),
    ("take", (X, [2, 0], 1), {}),
    ("take", (X, [4, 1]), {}),
    ("trace", (S,), {}),
    ("diagonal", (S,), {}),
    ("take_along_axis", (X, np.array([[1, 0, 1]]), 0), {}),
    ("broadcast_to", (X[0], (4, 3)), {}),
    ("reshape", (X, (3, -1)), {}),
    ("cumsum", (X,), {}),
    ("cumsum", (X, 0), {}),
    ("max", (X, 1), {}),
    ("min", (X, 0), {"keepdims": True}),
    ("mean", (X, 1), {}),
    ("sum", (X, 0), {}),
    ("matmul", (X, Y.T), {}),
    ("dot", (X, Y[0]), {}),
    ("einsum", ("ij,kj->ki", X, Y), {}),
    ("einsum", ("ij,ij->j", X, Y), {}),
    ("einsum", ("ij,kl->l", X, Y), {}),
    ("einsum", ("ij,kj->k", X, Y), {}),
    ("where", (X > 0, X, Y), {}),
    ("power", (abs(X), 1.5), {}),
    ("tril", (X, 1), {}),
    ("triu", (S, -1), {}),
    ("tril", (S.tolist(),), {}),
]


@pytest.mark.parametrize("name", BOTH)
def test_of_two_arrays(name):
    np.testing.assert_allclose(getattr(gnp, name)(X, Y), getattr(np, name)(X, Y), rtol=2.0**-50)


@pytest.mark.parametrize(("name", "given", "options"), SHAPED, ids=lambda x: x if isinstance(x, str) else "")
def test_of_shapes_and_axes(name, given, options):
    found, due = getattr(gnp, name)(*given, **options), getattr(np, name)(*given, **options)
    assert np.shape(found) == np.shape(due)
    np.testing.assert_allclose(found, due, rtol=2.0**-50)


def test_of_what_numpy_does_not_have():
    np.testing.assert_allclose(gnp.log_sigmoid(X), -np.log1p(np.exp(-X)), rtol=2.0**-48)
    np.testing.assert_allclose(gnp.softplus(X), np.log1p(np.exp(X)), rtol=2.0**-48)
    np.testing.assert_allclose(gnp.norm(X, 0), np.sqrt((X**2).sum(axis=0)), rtol=2.0**-50)
    for axis in (0, 1):
        lse = np.log(np.exp(X).sum(axis=axis, keepdims=True))
        np.testing.assert_allclose(gnp.logsumexp(X, axis, keepdims=True), lse, rtol=2.0**-48)
        np.testing.assert_allclose(gnp.log_softmax(X, axis), X - lse, rtol=2.0**-46)
        np.testing.assert_allclose(gnp.softmax(X, axis), np.exp(X - lse), rtol=2.0**-46)
    np.testing.assert_array_equal(gnp.one_hot(np.array([2, 0]), 3, axis=1), [[0, 0, 1], [1, 0, 0]])


def test_what_does_not_fit_is_told():
    for words in ("ij,jk", "ij,jk,kl->il", "ii,ij->j", "i1,ij->j"):
        with pytest.raises(
            Unusable, match=r"^einsum\(.*\) is not known; expected two arrays, each letter once in each"
        ):
            gnp.einsum(words, X, Y)
    for words in ("i,ij->j", "ij,jk->il", "ij,ij->jj"):
        with pytest.raises(
            Unusable, match=r"^einsum\(.*\) does not fit arrays of 2 and 2 axes; expected a letter for each"
        ):
            gnp.einsum(words, X, Y)


@pytest.mark.parametrize(("name", "k"), [("tril", -1), ("triu", 0)])
@pytest.mark.parametrize("wrong", [False, True])
def test_a_triangle_may_be_taken_of_what_is_differentiated(name, k, wrong):
    def loss(Z, Y, *, np):
        return np.sum(getattr(np, name)(Z @ Z.T, k))

    def gradients(theta, b, X, Y):
        Z, M = theta @ X + b, getattr(np, name)(np.ones((len(theta), len(theta)), theta.dtype), k + wrong)
        D = (M + M.T) @ Z
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    with pytest.raises(gradcheck.Disagreement) if wrong else nullcontext():
        gradcheck.check(gradients, law=gradcheck.Loss(loss), max_examples=12)
