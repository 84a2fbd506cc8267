"""Truncation of differences, term by term: each formula a second time, on numbers where every term counts."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import CrossEntropy, Loss, Problem
from gradcheck.enclosure import U64, Enclosure
from gradcheck.referees import bending, central_softmax, lawful, own, quotient
from gradcheck.referees.bending import Bending, Span
from gradcheck.referees.cumulants import THIRD_MOMENT, Move, softmax_curvature

SAME = 2.0**-38


def same(found, formula):
    np.testing.assert_allclose(found, formula, rtol=SAME, atol=2.0**-1060)


def posed(law, n=3):
    rng = np.random.default_rng(3)
    Y = np.eye(3)[:, [0, 2, 1][:n]]
    return Problem(rng.normal(size=(3, 2)), rng.normal(size=(3, 1)), rng.normal(size=(2, n)), Y).with_law(law)


@pytest.mark.parametrize(
    ("options", "inside"),
    [
        ({}, 2.5), ({"scaled": "after"}, 1.0), ({"softcap": 0.0}, 0.0), ({"z_loss": 0.0}, 2.5),
        ({"class_weight": (1.0, 2.0, 4.0)}, 2.5),
    ],
)  # fmt: skip
def test_the_bounds_of_derivatives_along_a_line_are_their_formulas(options, inside):
    """g' <= s, g'' <= 4/(3 sqrt 3) s s'/c, g''' <= 2 s s'^2/c^2; and lse^2 by its own derivative."""
    law = CrossEntropy(**{"scale": 2.5, "softcap": 4.0, "z_loss": 0.25} | options)
    p = posed(law)
    of, (one, other) = (
        Bending(p),
        (Span(*np.array(pair)) for pair in (([1.0, 2.0, 0.5], [4.0, 2.0, 1.0]), ([2.0, 1.0, 3.0], [1.0, 4.0, 5.0]))),
    )
    s, K2, K3 = 2.5, 4 / (3 * np.sqrt(3)) * 2.5 * inside / 4, 2 * 2.5 * (inside / 4) ** 2
    same(of.slopes, (s, K2, K3))
    mass = p.labels.sum(axis=0)
    same(of.mass, mass)
    c, lse = of.of_squares
    Z, size = p.theta @ p.X + p.b, abs(p.theta) @ abs(p.X) + abs(p.b)

    def mapped(z):
        z = z if law.scaled == "after" else z * 2.5
        z = law.softcap * np.tanh(z / law.softcap) if law.softcap else z
        return z * 2.5 if law.scaled == "after" else z

    same(c, np.full(3, law.z_loss))
    low, high = mapped(Z.max(axis=0) - 1), mapped(Z.max(axis=0) + 1)
    np.testing.assert_allclose(
        lse, 2 * law.z_loss * np.maximum(abs(low), abs(high + np.log(3))), rtol=2.0**-30, atol=2.0**-1060
    )
    assert size.shape == Z.shape
    same(
        of.second(one, other),
        s**2 * ((mass + lse) * one.range * other.range / 4 + 2 * c * one.size * other.size)
        + K2 * (2 * mass + lse) * one.size * other.size,
    )
    R, m = one.range, one.size
    same(
        of.third(one),
        s**3 * ((mass + lse) * R**3 / THIRD_MOMENT + 1.5 * c * m * R**2)
        + 3 * s * K2 * ((mass + lse) * R * m**2 / 2 + 2 * c * m**3)
        + K3 * (2 * mass + lse) * m**3,
    )
    summed = one.plus(other)
    same((summed.range, summed.size), (R + other.range, m + other.size))
    same(of.mean(R), R.sum() / p.divisor)
    assert of.mean(np.array([1.0, np.nan, 1.0])) == np.inf


def test_a_penalty_bends_by_its_own_factor():
    p = posed(CrossEntropy(l2=0.5))
    one, other = (Move(k * np.ones((3, 2)), k * np.ones((3, 1))) for k in (2.0, -3.0))
    with_bias = Bending(p.with_law(CrossEntropy(l2=0.5, l2_bias=True)))
    same(Bending(p).penalised(one, other), 0.5 * 6 * 6)
    same(with_bias.penalised(one, other), 0.5 * 6 * 9)
    assert Bending(posed(CrossEntropy())).penalised(one, other) == 0.0
    flat = [bending.moments(posed(CrossEntropy(scale=2.0)), key) for key in ("theta", "b", "X")]
    for law, more in (
        (CrossEntropy(scale=2.0, l2=0.5), (0.5, 0, 0)),
        (CrossEntropy(scale=2.0, l2=0.5, l2_bias=True), (0.5, 0.5, 0)),
    ):
        for key, known, extra in zip(("theta", "b", "X"), flat, more, strict=True):
            same(bending.moments(posed(law), key), known + extra)


def test_a_softmax_bends_along_a_line_by_the_range_of_a_step():
    most, up, down = np.array([[0.25], [0.5]]), np.array([[0.25], [-0.5]]), np.array([[0.125], [-0.25]])
    third = (1 + 1 / THIRD_MOMENT) * (0.75**3 + 0.375**3) / 6
    formula = np.minimum(most * np.exp(0.75), 1.0) * (5 / 8 * 0.375 * (0.75 + 0.375) + third)
    same(central_softmax._along(most, up, down), formula)
    assert formula[1, 0] == 1.0 * (5 / 8 * 0.375 * 1.125 + third)
    up, down = np.array([0.25, 0.5]), np.array([0.125, 0.5])
    formula = softmax_curvature(most) * (abs(up - down) * (up + down) / 2 + (up**3 + down**3) / 6)
    same(central_softmax._coordinates(most, up, down), formula)
    assert central_softmax._coordinates(2 * most[1:], up[1:], down[1:]) == central_softmax._coordinates(
        4 * most[1:], up[1:], down[1:]
    )


@pytest.mark.parametrize(
    ("size", "u", "step"),
    [(0.5, 2.0**-53, 2.0**-16), (3.0, 2.0**-24, 2.0**-6), (2.0**20, 2.0**-24, 0.5), (100.0, 2.0**-8, 1.5625)],
)
def test_the_step_of_a_softmax_balances_truncation_and_rounding(size, u, step):
    """(3 e)^(1/3) to a power of two, at most half of the reach, and no less than moves every entry."""
    assert central_softmax.best_step(np.array([size, -size / 2]), u) == step


def test_ends_of_a_step_are_two_spacings_apart_at_least():
    start = np.array([1.0, 2.0**60])
    above, below = quotient.ends(start, np.array([0.5, 1.0]))
    assert above.tolist() == [1.5, 2.0**60 + 2 * np.spacing(2.0**60)] and below[0] == 0.5 and below[1] < start[1]
    same(np.stack(quotient.sides(start, start + 0.5, start - 0.25))[:, 0], (0.5, 0.25, 0.25))
    same(quotient.ranges(np.array([[1.0, 4.0], [3.0, -2.0]]), np.array([[0.25, 0.0], [0.5, 0.125]])), (3.0, 6.25))
    found = quotient.per(Enclosure(np.array([1.0, 1.0]), np.array([0.5, 0.5])), np.array([-2.0, 0.0]))
    assert found.midpoint[0] == -0.5 and found.radius[1] == np.inf
    same(found.radius[0], 0.25 + 3 * U64 * 0.5)
    same(quotient.difference(np.ones(1), np.zeros(1), np.full(1, 0.5)).radius, 0.5 + U64)
    assert quotient.difference(np.ones(1), np.zeros(1), np.full(1, np.nan)).radius == np.inf


def test_laws_are_looked_for_on_labels_of_one_class_and_of_several():
    found = list(lawful._problems())
    assert [(p.L, p.d, p.n) for p in found] == list(lawful.SHAPES)
    assert [bool(((p.Y == 0) | (p.Y == 1)).all()) for p in found] == [True, False, True]
    for p in found:
        assert (p.Y.sum(axis=0) == 1).all() and (p.Y >= 0).all()
        assert (p.theta * lawful.GRID == np.round(p.theta * lawful.GRID)).all()  # can be shifted exactly


def test_of_an_upstream_gradient_what_the_value_is_apart_and_its_error_are_both_allowed(monkeypatch):
    def squares(Z, Y):
        D = Z - Y
        return (D * D).sum()

    truth = own.truth(posed(Loss(squares)))
    D = truth.enclosure("D").midpoint
    read = SimpleNamespace(computed=lambda quantity: SimpleNamespace(value=-3 * D + 0.25, error=np.full(D.shape, 0.5)))
    asked = []
    monkeypatch.setattr(own, "rounded", lambda *given: asked.append(given[1:]) or read)
    found = truth.upstream("D", np.full(3, -3.0), np.zeros(3), 2)
    same(found, 0.5 + 0.25 + 2 * U64 * abs(3 * D))
    (wider, seed, off), p = asked[0], truth.granted
    assert (wider, seed) == (replace(p, eta=3 * p.eta), -3.0) and 2 * U64 <= off < 2.1 * U64
    assert lawful.of_Z(truth.problem)
