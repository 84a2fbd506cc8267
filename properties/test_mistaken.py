"""Rows at fault in an audit are explained by the table of mistakes, where one of it is a function of A, Y and X."""

import numpy as np
import pytest
from test_unusual import of

import gradcheck

RNG = np.random.default_rng(5)
THETA, B, X = (RNG.normal(size=shape).astype("f4") / 3 for shape in ((24, 12), 24, (12, 150)))
Y = RNG.integers(0, 24, 150)
ARRAYS = of(THETA, B, X, Y)


def parts():
    Z = ARRAYS["Z"].astype(float)
    A = np.exp(Z - Z.max(axis=0))
    return A / A.sum(axis=0), np.eye(24)[:, Y], X.astype(float)


WRONG = {
    "keep the sign of A - Y": lambda A, Y, X: abs(A - Y) @ X.T,
    "with |X| in place of X": lambda A, Y, X: (A - Y) @ abs(X).T,
    "beside sample n - i of X": lambda A, Y, X: (A - Y) @ X[:, ::-1].T,
    "the mean of the samples subtracted": lambda A, Y, X: (A - Y) @ (X - X.mean(axis=1, keepdims=True)).T,
}


def told(G, **said):
    (finding,) = [
        f
        for f in gradcheck.audit(**{**ARRAYS, "grad_theta": G.astype("f4")}, **said).findings
        if f.quantity == "grad_theta"
    ]
    return finding


@pytest.mark.parametrize("words", WRONG)
def test_a_mistake_of_the_table_explains_rows_at_fault(words):
    """With what mends it; also of a sum, and of a loss that was multiplied."""
    G = WRONG[words](*parts())
    assert any(words in text for text in told(G / 150).faults), told(G / 150).faults
    scaled = gradcheck.audit(**{**ARRAYS, "grad_theta": (4 * G).astype("f4")}, reduction="sum", factor=4.0)
    assert any(words in text for finding in scaled.findings for text in finding.faults)


def test_what_no_mistake_explains_is_given_no_name():
    """Nor what is a factor, which has one."""
    A, Y, X = parts()
    for G, words in (
        (((A - Y) * (1 - A)) @ X.T / 150, "entries are at fault"),
        (2 * (A - Y) @ X.T / 150, "is 2 times"),
    ):
        found = told(G)
        assert found.faults and all("row" in text for text in found.faults)
        assert any(words in text for text in found.faults)


def test_zeros_are_called_zeros():
    """Also in 16 bits, whose limits let other mistakes pass for the same."""
    assert any("every entry is 0" in text for text in told(np.zeros_like(ARRAYS["grad_theta"])).faults)
    coarse = gradcheck.Arithmetic(accumulate="float32", stored="bfloat16")
    arrays = {**ARRAYS, "grad_theta": ARRAYS["grad_theta"].copy()}
    arrays["grad_theta"][-2:] = 0
    (found,) = (f for f in gradcheck.audit(**arrays, arithmetic=coarse).findings if f.quantity == "grad_theta")
    assert "every entry is 0, as if it had not been written" in found.faults[1]
