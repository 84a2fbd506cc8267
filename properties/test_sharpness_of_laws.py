"""The bounds of options, of columns and of upstream gradients are what docs/bounds.md derives, and not more: each formula again.

In a precision where every unit counts: operations, writings, readings, what is lost, and how far float64 itself is off.
"""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from test_counts import SAME, same

from gradcheck import CrossEntropy, Enclosure, Problem
from gradcheck.bounds import gradients, losses, mapping, penalties
from gradcheck.bounds.folding import SMOOTHED, Folded, divided, sums
from gradcheck.bounds.gradients import Allowed
from gradcheck.bounds.roundings import elementary, lam, relative, roundings, written
from gradcheck.bounds.softmax import SoftmaxError
from gradcheck.bounds.upstream import Upstream
from gradcheck.precision import FLOAT64
from gradcheck.referees import oracle

U64, ETA = 2.0**-53, 2.0**-12
COARSE = replace(FLOAT64, name="float16", u=2.0**-11, stored=2.0**-8, kept=2.0**-9, reads=2.0**-7, eta=ETA)
ULPS, F = 1, 2 * 2.0**-11 * (1 + 2.0**-9) + 2.0**-9
F64 = 8 * U64
ONE, TWO, SIX = (
    np.array([[1.0, 0.5], [0.25, 3.0]]),
    np.array([[0.125, 0.5], [0.75, 0.0625]]),
    np.array([[2.0, 0.75], [1.5, 1.0]]),
)


def problem(law, Y=((1.0, 0.25), (0.0, 0.5))):
    theta, b, X = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.5], [-0.25]]), np.array([[0.5, 1.0], [-1.0, 0.25]])
    return Problem(theta, b, X, np.array(Y)).with_law(law)


def test_what_is_written_down_of_exp_is_off_by_two_units():
    assert elementary(COARSE) == pytest.approx(F, rel=SAME) and written(COARSE) == pytest.approx(
        2.0**-11 + 2.0**-9 + 2.0**-20
    )


def mapped_of():
    return mapping.Mapped(Enclosure(ONE, TWO / 64), TWO / 16, Enclosure(SIX, TWO / 32), TWO / 8)


@pytest.mark.parametrize("by", [0.5, 4.0])
def test_a_scale_is_three_roundings_and_may_be_of_theta(by):
    x, k, own = mapped_of(), relative(COARSE, 3, writings=1, readings=2), relative(FLOAT64, 2)
    for size in (SIX, ONE / 64):
        got = mapping._scaled(x, by, size, TWO, COARSE)
        most = np.maximum(size, ONE + TWO / 64)
        same(got.Z.midpoint, by * ONE)
        same(got.delta, by * TWO / 16 * (1 + k) + k * by * most + (1 + k) * (2 * ETA + TWO + ETA * most))
        same(got.slope.midpoint, by * SIX)
        same(got.slope_delta, by * TWO / 8 * (1 + k) + k * by * (SIX + TWO / 32) + 2 * ETA)
        same(got.Z.radius, by * TWO / 64 + own * by * (ONE + TWO / 64))
        same(got.slope.radius, by * TWO / 32 + own * by * SIX)
    assert mapping._scaled(x, 1, SIX, TWO, COARSE) is x
    assert np.isinf(mapping._scaled(x, by, SIX, TWO, replace(COARSE, huge=by * 1.5)).delta).all()


def tanh_off(Z, delta, cap, p, of):
    ulps, f = of
    k = relative(p, 2, writings=1, readings=2)
    moved = delta / cap * (1 + k) + k * abs(Z) / cap + p.eta * (1 + abs(Z))
    slope = 1 / np.cosh(np.maximum(abs(Z) / cap - moved, 0)) ** 2
    passed = np.minimum(np.minimum(slope, 1) * moved, 2)
    return passed + (f + F64) * (np.tanh(abs(Z) / cap) + passed) + (ulps + 1) * p.eta


def of_column(Z, delta, cap, p, of):
    ulps, f = of
    k = relative(p, 2, writings=1, readings=2)
    passed = np.minimum((delta / cap * (1 + k) + p.eta * (1 + abs(Z)) + 0.45 * k) / (1 - k), 2)
    return passed + (f + F64) * (np.tanh(abs(Z) / cap) + passed) + (ulps + 1) * p.eta


def slope_off(t, delta, rounding):
    return 2 * abs(t) * delta + delta**2 + rounding * (1 + (abs(t) + delta) ** 2)


@pytest.mark.parametrize(("column", "off"), [(False, tanh_off), (True, of_column)])
def test_a_cap_is_a_tanh_and_its_slope_is_one_minus_a_square(column, off):
    x, cap = mapped_of(), 2.0
    got, t = mapping._capped(x, cap, COARSE, column=column), np.tanh(ONE / 2)
    bent = np.ones_like(t) if column else 1 - t * t
    exact, code = off(ONE, TWO / 64, cap, FLOAT64, (4, F64)), off(ONE, TWO / 64 + TWO / 16, cap, COARSE, (ULPS, F))
    read, inexact = relative(COARSE, 2, writings=1, readings=1), relative(COARSE, 2, writings=1)
    wide, coarse = slope_off(t, exact, 2 * U64), slope_off(t, code + read * t, inexact)
    size, more, steep = bent + wide + coarse, relative(COARSE, 1, writings=1), SIX + TWO / 32
    for found, formula in (
        (got.Z.midpoint, cap * t),
        (got.Z.radius, cap * (exact + 2 * U64 * t)),
        (got.slope.midpoint, SIX * bent),
        (got.delta, cap * code * (1 + read) + read * cap * t + 2 * ETA),
        (got.slope.radius, steep * wide + TWO / 32 * size + 4 * U64 * SIX * bent),
        (got.slope_delta, steep * coarse + TWO / 8 * size + more * (steep + TWO / 8) * size + ETA),
    ):
        np.testing.assert_allclose(found, formula, rtol=2.0**-36)
    far = mapping._capped(x, cap, replace(COARSE, huge=2.0), column=column)
    assert (far.delta == np.inf).all() and (far.slope_delta == np.inf).all()


def test_what_a_gradient_meets_on_its_way_through_a_map():
    for options, pair in (
        ({}, (1, 1)),
        ({"scale": 4.0}, (1, 4)),
        ({"scale": 4.0, "scaled": "after"}, (4, 1)),
        ({"softcap": 8.0}, (8, 1)),
        ({"softcap": 0.25}, (1, 4)),
        ({"softcap": 0.25, "scale": 0.5}, (1, 4)),
        ({"softcap": 2.0, "scale": 4.0, "scaled": "after"}, (8, 1)),
    ):
        assert mapping.between(CrossEntropy(**options)) == pair


def test_a_penalty_is_added_to_a_gradient_and_to_a_loss():
    w, l2 = 2.0**-6, 0.5
    k, added = relative(COARSE, 3, writings=1, readings=2), relative(COARSE, 1, writings=1)
    k, added = k + (1 + k) * w, added + (1 + added) * w
    found = TWO + k * l2 * SIX + (1 + k) * (9 + 2 * SIX) * ETA
    same(
        penalties.penalised(TWO, ONE, SIX, l2, COARSE, terms=5, writing=w, count=3),
        found + added * (ONE + found + l2 * SIX),
    )
    most = (1 + k) * l2 * SIX + ONE + found + l2 * SIX + l2  # all that may stand in one sum
    for huge, known in ((most[1, 1], False), (most[1, 1] * 1.001, True)):
        left = penalties.penalised(TWO, ONE, SIX, l2, replace(COARSE, huge=huge), terms=5, writing=w, count=3)
        assert np.isfinite(left[1, 1]) == known
    k, added, own = relative(COARSE, 5, 7, writings=2, readings=2), relative(COARSE, 1, writings=1), l2 / 2 * 3.0
    k += (1 + k) * (2 + w) * w
    size = 2.0 + 0.25 + own * (1 + k)
    due = 0.25 + k * own + added * size + (1 + k) * (9 * 1.5 + 6) * ETA
    same(penalties.penalised_loss(np.array(0.25), np.array(2.0), np.array(3.0), l2, COARSE, count=7, writing=w), due)
    tight = replace(COARSE, huge=4.0)
    assert penalties.penalised_loss(np.array(0.25), np.array(2.0), np.array(3.0), l2, tight, count=7) == np.inf


SOFTMAX = SoftmaxError(*(ONE / 2.0**k for k in (3, 5, 4, 1)), *(np.array([[1.0, 2.0]]) / 2.0**k for k in (0, 3)))


@pytest.mark.parametrize("each", [False, True])
def test_squares_of_log_sum_exps_are_off_by_twice_what_these_are(each):
    folded = Folded(problem(CrossEntropy(z_loss=0.25, mean_of=3)), COARSE)
    n, axis = (1, 0) if each else (2, None)
    k, (lse, apart) = folded.relative(9, n, writings=3, readings=2), (SOFTMAX.lse, SOFTMAX.lse_error)
    reach, c = ((lse + apart) ** 2).sum(axis=axis), 0.25
    squares, found = losses._squares(folded, SOFTMAX, each=each)
    same(squares, (c * lse**2).sum(axis=axis))
    off = (c * (2 * lse + apart) * apart).sum(axis=axis)
    same(found, (1 + k) * off + k * squares + (1 + k) * (3 * 3 * reach + 2 * n * (1 + c)) * ETA)
    left = losses._squares(replace(folded, precision=replace(COARSE, huge=float(np.min(reach)))), SOFTMAX, each=each)
    assert np.isinf(left[1]).all()
    upper = TWO
    k = folded.relative(10, folded.own, writings=3, readings=2)
    sized = (1 + k) * (lse + apart) * SOFTMAX.A + k * lse * upper + (1 + k) * apart * upper
    lost = 2 * 4 + 18 * (lse + apart) * (upper + SOFTMAX.A)
    same(gradients._of_squares(folded, SOFTMAX, upper), 0.5 * sized + (1 + k) * lost * ETA)


def test_labels_that_are_off_cost_what_stands_at_them():
    folded = Folded(problem(CrossEntropy(smoothing=0.25, smoothing_over="others")), COARSE)
    stands = SOFTMAX.distance + SOFTMAX.log_A + 2 * SOFTMAX.lse
    same(losses._of_labels(folded, SOFTMAX, 0.5), (folded.error + 0.5 * folded.parts) * stands)
    apart, k = 2 * SOFTMAX.lse + SOFTMAX.distance, 0.125
    each, size = losses._label_errors(SOFTMAX, k, True, COARSE)
    same(each, (1 + k) * SOFTMAX.log_A + k * apart)
    assert size is SOFTMAX.distance
    more, size = losses._label_errors(SOFTMAX, k, False, COARSE)
    same(more, each + (1 + k) * relative(COARSE, 4, 1, writings=2) * (apart + SOFTMAX.log_A))
    same(size, apart)


def test_a_label_is_off_where_it_was_before_it_was_smoothed():
    law = CrossEntropy(smoothing=0.25, class_weight=(2.0, 4.0))
    folded = Folded(problem(law), COARSE)
    Y = folded.problem.reals[3]
    hard = np.array([[2.0], [4.0]]) * Y
    same(folded.error, 2 * 0.25 * relative(COARSE, SMOOTHED, writings=1, readings=1) * hard + 4 * ETA * (1 + Y))


def test_a_weight_and_a_mass_are_sums_of_one_term_at_least():
    """Which are written down like others; of a distribution that is weighed, of L terms."""
    law = CrossEntropy(class_weight=(1.0, 2.0, 4.0), smoothing=0.25, smoothing_weight="label")
    same(sums(law, COARSE, 3, one_class=True), 2 * lam(COARSE.kept))
    same(sums(law, COARSE, 3, one_class=False), 2 * lam(COARSE.u) + 2 * lam(COARSE.kept))
    assert sums(CrossEntropy(), COARSE, 3, one_class=True) == 0.0


def test_a_divisor_of_weights_is_a_sum_among_as_many_as_there_are_labels():
    """In chains, which may be two that meet."""
    n, p = 64, replace(COARSE, chain=16)
    law = CrossEntropy(class_weight=(1.0, 2.0), mean_of="weights")
    one = Problem(np.ones((2, 1)), np.zeros((2, 1)), np.ones((1, n)), np.eye(2)[:, np.arange(n) % 2]).with_law(law)
    mass, N = 1.0 * n, 1.5 * n
    divisor = roundings(p, 2, 2 * n - 1, among=2 * n) + ETA * (mass + 2 * n) / N
    same(Folded(one, p)._more[1], sums(law, p, 2, one_class=True) + divisor)
    assert roundings(p, 2, 2 * n - 1, among=2 * n) != roundings(p, 2, 2 * n - 1)


@pytest.mark.parametrize("c", [8.0, 0.125])
def test_a_penalty_meets_an_upstream_gradient_like_all_else(c):
    """c times the gradient with its penalty, whose error is that of the gradient, and of one operation more."""
    one = problem(CrossEntropy(l2=0.5))
    of = {f.name: getattr(oracle(one)._bounds, f.name) for f in fields(Allowed)}
    got = Upstream(**of, upstream=np.array([c]))
    most, bound, weight, theta = max(1.0, c), TWO / 8, ONE, SIX
    found = Allowed._penalised(got, bound, weight, most * theta, 0.5)
    due = found + got._more * (found + 0.5 * most * theta) + 4 * most * got.precision.eta
    same(got._penalised(bound, weight, theta, 0.5), due)
    assert (found > bound).all() and got._penalised(bound, weight, theta, 0.0) is bound


def test_a_gradient_meets_the_slope_of_a_map():
    folded = Folded(problem(CrossEntropy(softcap=2.0)), COARSE)
    by = SimpleNamespace(slope=Enclosure(SIX, TWO / 32), slope_delta=TWO / 8)
    k, steep = relative(COARSE, 2, writings=2, readings=1), SIX + TWO / 32
    bound, size = gradients._sloped((ONE / 8, ONE), by, folded)
    same(bound, (ONE / 8 * (steep + TWO / 8) + ONE * TWO / 8) * (1 + k) + k * ONE * steep + 4 * ETA)
    same(size, ONE * steep)
    known = np.isfinite(gradients._sloped((ONE / 8, ONE), by, replace(folded, precision=replace(COARSE, huge=9.0)))[0])
    assert known.tolist() == [[True, True], [True, False]]


def test_a_divisor_is_a_sum_of_weights_and_a_loss_a_sum_of_twice_as_many_terms_as_labels():
    """Some that are 0 belong to blocks, too: so many among all."""
    same(divided(COARSE, 6, 8.75, 3.5), roundings(COARSE, 2, 5) + ETA * (8.75 + 6) / 3.5)
    n, p = 64, replace(COARSE, block=16)
    Y, draw = np.eye(2)[:, np.arange(n) % 2], np.random.default_rng(0)
    one = Problem(np.ones((2, 1)), np.zeros((2, 1)), draw.normal(size=(1, n)), Y)
    folded, softmax = Folded(one, p), SoftmaxError(*(draw.uniform(size=(k, n)) for k in (2, 2, 2, 2, 1, 1)))
    k = relative(p, 5, 127, 3, 2, 256)
    assert relative(p, 5, 127, 3, 2) < k < relative(p, 5, 127, 3, 2, 384)
    each, distance = losses._label_errors(softmax, k, True, p)[0][Y > 0], softmax.distance[Y > 0]
    lost = (1 + k) * (n + 2 + distance.sum()) * ETA + (1 + k) * (n + (1 + distance).sum()) * ETA
    same(losses.loss_error(folded, softmax), each.sum() / n + lost)


@pytest.mark.parametrize("l2_bias", [False, True])
def test_a_penalty_of_a_loss_is_a_sum_of_as_many_squares_as_there_are_parameters(l2_bias):
    one = problem(CrossEntropy(l2=0.5, l2_bias=l2_bias))
    squares, size = 14.25 + 0.3125 * l2_bias, (one.Y * SOFTMAX.distance).sum() / 2
    due = penalties.penalised_loss(np.array(0.25), size, np.array(squares), 0.5, COARSE, count=6)
    same(losses.penalty_error(np.array(0.25), Folded(one, COARSE), SOFTMAX), due)
