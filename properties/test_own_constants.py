"""A part of a loss of one's own that is taken for a constant when it is differentiated by hand is named as it is written."""

import numpy
import numpy as np
import pytest

from gradcheck import Implementation, Loss, conform
from gradcheck.diagnosis.constants import said
from gradcheck.readings.program import Program
from properties.own_losses import forward


def focal(Z, Y, *, np):
    lp = np.log_softmax(Z)
    return -(Y * (1 - np.exp(lp)) ** 2 * lp).sum() / Y.shape[1]


def held_weight(lp, p, Y):
    return -Y * (1 - p) ** 2


def held_logarithm(lp, p, Y):
    return 2 * Y * (1 - p) * p * lp


WRONG = {
    held_weight: "Y * (1 - exp(log_softmax(Z)))**2 is taken for a constant in the derivative",
    held_logarithm: "log_softmax(Z) is taken for a constant in the derivative of Y * (1 - exp(log_softmax(Z)))**2 * log_softmax(Z)",
}


def kernel(slope):
    def gradients(theta, b, X, Y):
        lp, p = forward(theta, b, X)
        g = slope(lp, p, Y) / X.shape[1]
        D = g - p * g.sum(axis=0)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    return Implementation(slope.__name__, gradients, law=Loss(focal))


@pytest.mark.parametrize("slope", WRONG, ids=lambda slope: slope.__name__)
def test_what_is_taken_for_a_constant_is_named(slope):
    run = conform(kernel(slope), max_examples=40)
    assert run.diagnosis is not None
    assert run.diagnosis.exact
    assert run.diagnosis.likely == WRONG[slope]


def test_right_code_has_no_such_part():
    def right(lp, p, Y):
        return held_weight(lp, p, Y) + held_logarithm(lp, p, Y)

    assert not conform(kernel(right), max_examples=40).failures


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (lambda Z, Y, *, np: (Z - (Z + 1)).sum() * 2, "sum(Z - (Z + 1)) * 2"),
        (lambda Z, Y, *, np: np.exp(-Z / 3).sum() ** 2, "sum(exp(-Z / 3))**2"),
        (lambda Z, Y, *, np: (Z @ Z.T * Y.sum()).sum(), "sum(Z @ transpose(Z) * 2)"),
    ],
)
def test_a_part_is_told_as_it_is_written(text, shown):
    program = Program(Loss(text), {"Z": np.ones((2, 2)), "Y": np.eye(2)})
    names = {id(program.variables["Z"]): "Z", id(program.arrays["Y"]): "Y"}
    assert said(program._loss, names) == shown


def softened(Z, Y, *, np, T=4.0):
    return -(T**2) * np.mean(np.sum(Y * np.log_softmax(Z / T), axis=0))


def test_a_constant_may_be_multiplied_in_after_something_has_underflowed():
    """T (A - Y)/n, where the text multiplies by T^2 first: what underflows in float16 is multiplied by T."""

    def gradients(theta, b, X, Y):
        T = theta.dtype.type(64)
        _, p = forward(theta / T, b / T, X)
        D = T * ((p * Y.sum(axis=0) - Y) / theta.dtype.type(X.shape[1]))
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    run = conform(Implementation("late", gradients, law=Loss(softened, T=64.0)), dtype="float16", max_examples=60)
    assert not run.failures


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        (lambda Z, Y, *, np: (Z * Z).sum(), 1.0),
        (lambda Z, Y, *, np: (Z * 8).sum() / 4 + (Z / 0.25).sum() * 3, 12.0),
        (lambda Z, Y, *, np: (np.exp(Z) ** 3 * Y).sum() * 0.5, 3.0),
    ],
)
def test_the_largest_product_of_constants_on_one_way_is_found(text, factor):
    assert Program(Loss(text), {"Z": np.ones((2, 2)), "Y": np.eye(2)}).factor == factor


# ---- constants that a text writes into ----


def weighted_in_place(Z, Y, *, np):
    w = np.array([[1.0]])
    found = (w * np.softplus(Z)).sum()
    w *= 7.0
    return found + (w * Z * Z).sum()


def seen_in_place(Z, Y, *, np):
    """What is written into is seen through another array, which cannot be written into itself."""
    w = numpy.array([[1.0]])
    seen = w[:]
    seen.flags.writeable = False
    found = (seen * np.softplus(Z)).sum()
    w *= 7.0
    return found + (seen * Z * Z).sum()


def masked_in_place(Z, Y, *, np):
    held = numpy.array([[True]])
    found = np.where(held, np.softplus(Z), 0.0).sum()
    held[:] = False
    return found + np.where(held, 0.0, 7.0 * Z * Z).sum()


@pytest.mark.parametrize("text", [weighted_in_place, seen_in_place, masked_in_place], ids=lambda text: text.__name__)
@pytest.mark.parametrize("first", [1, 7], ids=["right", "by what is written later"])
def test_a_constant_counts_as_it_was_when_it_was_used(text, first):
    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        D = first * np.exp(-np.logaddexp(0, -Z)) + 14 * Z
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    assert bool(conform(Implementation("by hand", gradients, law=Loss(text)), max_examples=20).failures) == (first == 7)
