"""How many roundings each bound of an audit counts, one kind beside the other, and what stands before each of its terms.

Units so far apart that the kinds are digits of one number: 2^-50 an operation, 2^-40 a writing, 2^-30 a reading.
"""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck import CrossEntropy, Problem
from gradcheck.bounds import summed
from gradcheck.bounds.columns import Columns, columns
from gradcheck.bounds.error_model import ErrorModel
from gradcheck.bounds.folding import Folded
from gradcheck.bounds.jacobian import jacobian_error
from gradcheck.bounds.multiplied import Factors, more_of, multiplied
from gradcheck.bounds.roundings import relative
from gradcheck.enclosure import Enclosure
from gradcheck.precision import FLOAT64, named

COUNTED = replace(FLOAT64, u=2.0**-50, stored=2.0**-40, reads=2.0**-30, eta=2.0**-200)
MODEL = ErrorModel(COUNTED, named("float32"))
COARSE = ErrorModel(replace(COUNTED, u=2.0**-11, stored=2.0**-9, reads=2.0**-8, eta=2.0**-12), named("float32"))
PIECES = replace(MODEL, granted=replace(COUNTED, pieces=3))


def digits(bound):
    """(operations and additions, writings, readings) of a relative error."""
    whole = round(float(bound) * 2.0**50)
    return whole % 2**10, whole // 2**10 % 2**10, whole // 2**20


@pytest.mark.parametrize(
    ("count", "found"),
    [
        ((8, 1, 2), lambda: MODEL.logits(7)),
        ((11, 2, 2), lambda: MODEL.gradient(9)),
        ((13, 4, 2), lambda: PIECES.gradient(9)),
        ((7, 2, 2), lambda: MODEL.data(5)),
        ((9, 4, 2), lambda: PIECES.data(5)),
        ((5, 3, 2), lambda: MODEL.differences(0)),
        ((11, 3, 2), lambda: MODEL.differences(6)),
        ((10, 3, 2), lambda: MODEL.squares(0)),
        ((16, 3, 2), lambda: MODEL.squares(6)),
        ((10, 4, 2), lambda: MODEL.others(6, np.zeros(()))),
        ((12, 3, 2), lambda: MODEL.loss(4, 40)),
        ((18, 3, 2), lambda: MODEL.squared_loss(9)),
        ((9, 2, 2), lambda: MODEL.label(6)),
        ((7, 3, 2), lambda: replace(MODEL, labels=2).differences(0)),
        ((6, 3, 2), lambda: replace(MODEL, divisor=2.0**-50).differences(0)),
    ],
)
def test_an_error_model_counts_roundings(count, found):
    assert digits(found()) == count


def test_what_is_finer_than_the_dump_is_written_down_before_a_product():
    """An operand of each logit, of a sum over samples, of one over classes: u of float32, 2^-24, far above any other unit here."""
    fine = ErrorModel(FLOAT64, named("float32"), operands=2, X=1)
    assert fine.logits(3) == pytest.approx(2 * 2.0**-24, rel=1e-6)
    assert fine.gradient(3) == pytest.approx(2.0**-24, rel=1e-6) and fine.data(3) < 2.0**-40
    assert replace(fine, X=0, theta=1).data(3) == pytest.approx(2.0**-24, rel=1e-6)
    assert (fine.loses, replace(fine, operands=0).loses, MODEL.loses) == (1, 0, 1)
    once = ErrorModel(replace(FLOAT64, returned=2.0**-8, pieces=2), named("bfloat16"))
    assert once.inside and not fine.inside
    assert once.logits(3) == pytest.approx(2.0**-8, rel=1e-6)  # the result alone
    assert once.gradient(3) == pytest.approx((1 + 2.0**-8) ** 2 - 1, rel=0.01)  # each piece


def test_what_may_underflow_or_overflow_in_a_logit():
    """Each product and addition, twice over; where operands are lost, too, those, relative to their sizes."""
    plain = ErrorModel(FLOAT64, FLOAT64)
    assert plain.underflow(3, 100.0) == 2 * 4 * FLOAT64.eta
    assert MODEL.underflow(3, 100.0) == 2 * (4 + 4 + 100.0) * COUNTED.eta
    assert plain.within(np.inf, 1.0) == 0 and MODEL.within(1.0, np.array([2.0, np.inf])).tolist() == [0.0, np.inf]
    assert MODEL.within() == 0 and MODEL.within(MODEL.huge) == np.inf


def test_an_entry_at_a_label_is_minus_the_sum_of_the_others_each_off_by_what_rounding_does_alone():
    rest = MODEL.others(6, np.zeros(()))
    assert MODEL.others(6, np.array(0.5)) == pytest.approx((1 + rest) * np.expm1(0.5) + rest, rel=1e-15)
    assert MODEL.others(6, np.array(1e9)) == pytest.approx(np.exp(700.0))


def test_the_rest_of_a_probability_is_no_less_than_it_is():
    A = np.array([0.0, 0.25, 1.0])
    np.testing.assert_allclose(summed.rest(A, np.full(3, 2.0**-10)), 1 - A + A * np.expm1(2.0**-10), rtol=1e-12)
    np.testing.assert_allclose(summed.rest(A, np.zeros(3)) - (1 - A), 4 * 2.0**-53, rtol=0.6)
    assert summed.rest(np.array([2.0]), np.zeros(1)) == 4 * 2.0**-53


def test_the_bound_of_a_column_has_a_log_sum_exp_as_far_from_0_as_it_may_be():
    """What the implementation's logits are off by, and ours, and our own roundings, which grow with the range of the column."""
    own, three = replace(FLOAT64, u=2.0**-10), np.array([3.0])
    found = columns(
        np.array([8.0]), -three, 4, arithmetic=ErrorModel(FLOAT64, FLOAT64), own=own, logits=(three / 8, three / 4)
    )
    mine = 0.75 + 2.0**-10 * (8 + 2 * 1.125) - np.log1p(-8 * 2.0**-10)
    assert found.lse == pytest.approx(3 + 0.375 + mine, rel=1e-12)
    assert found.distance == pytest.approx(8 + 2 * 1.125 + np.log(4), rel=1e-12)
    same(found.Q, 2 * mine)


def test_minus_the_sum_of_the_others_decides_on_the_diagonal_of_many_classes():
    """docs/bounds.md, section 6: of nine equal probabilities, eight entries of 3 operations, and 4 with 7 additions."""
    L, p = 9, replace(FLOAT64, u=2.0**-30)
    A = Enclosure(np.full(L, 1 / L), np.zeros(L))
    found = jacobian_error(A, np.zeros(L), p)
    one = 1 / L**2
    assert found[0, 1] == pytest.approx(3 * p.u * one, rel=1e-6)
    assert found[0, 0] == pytest.approx((L - 1) * (3 + 4 + L - 2) * p.u * one, rel=1e-6)
    one_class = jacobian_error(Enclosure(np.ones(1), np.zeros(1)), np.zeros(1), p)
    assert one_class[0, 0] == pytest.approx(2 * 3 * p.u, rel=1e-6)


def test_what_is_lost_of_a_weight_is_lost_as_often_as_it_is_taken():
    """Folded.error: 4 eta for each label, and 4 for what stands at it; beside 1 - smoothing, relative to the label as it was."""
    Y = np.array([[1.0, 0.25], [0.0, 0.75]], np.float32)
    p = Problem(
        *np.ones((4, 2, 2), np.float32)[:1],
        np.ones((2, 1), np.float32),
        np.ones((2, 2), np.float32),
        Y,
        law=CrossEntropy(class_weight=(1.0, 2.0)),
    )
    np.testing.assert_array_equal(Folded(p, p.precision).error, 4 * p.precision.eta * (1 + Y.astype(float)))


@pytest.mark.parametrize(("weight", "known"), [(30_000.0, True), (70_000.0, False)])
@pytest.mark.parametrize("Y", [np.eye(2), np.array([[1, 1], [0, 0]])], ids=["of some", "of none"])
def test_nothing_is_known_of_labels_whose_weight_overflows(weight, known, Y):
    """Not even of the labels of other classes: 65,504 is the largest number of float16."""
    theta, b, X = (np.ones(shape, np.float16) for shape in ((2, 1), (2, 1), (1, 2)))
    p = Problem(theta, b, X, Y.astype(np.float16), law=CrossEntropy(class_weight=(1.0, weight), mean_of=1))
    assert np.isfinite(Folded(p, p.precision).error).tolist() == [[known, known]] * 2


LOSS = summed.Loss(CrossEntropy(), 0.25, 3, 5, True, MODEL, FLOAT64)


def parts(**more):
    """Of D of three samples, each part another number."""
    names = ("A", "Y", "hard", "others", "flat", "size", "unit", "own", "ours", "sure")
    made = {name: np.array([1.0, 2.0, 3.0]) * 2.0 ** -(2 * k + 20) for k, name in enumerate(names)}
    return summed.Differences(**made | more)


def column(**more):
    names = ("R", "alone", "Q", "log_A", "distance", "lse", "lse_error")
    return Columns(**{name: np.array([1.0, 2.0, 4.0]) / 8 for name in names} | more)


SAME = 2.0**-38  # far less than any term, and far more than what float64 loses


def same(found, formula):
    np.testing.assert_allclose(found, formula, rtol=SAME)


@pytest.mark.parametrize("z_loss", [0.0, 0.5])
@pytest.mark.parametrize("model", [MODEL, COARSE], ids=["counted", "coarse"])
def test_what_is_multiplied_by_a_factor_of_each_sample_has_each_part_multiplied(z_loss, model):
    """Two operations more, two writings, three readings; what underflows is multiplied by the most of any part."""
    of, found, loss = parts(), column(), replace(LOSS, law=CrossEntropy(z_loss=z_loss), arithmetic=model)
    by, most, mass = np.array([-2.0, 0.5, 1.0]), np.array([4.0, 1.0, 2.0]), np.array([1.0, 0.5, 0.25])
    k = more_of(loss)
    assert digits(k) == (2, 2, 3) or model is COARSE
    got = multiplied(of, found, Factors(by, most, 8.0), mass, loss)
    c, eta, u = abs(by), model.eta, 2.0**-53
    A = c * ((1 + k) * of.A + k * of.size)
    if z_loss:
        A = A + 8 * (1 + k) * most * 2 * (found.lse + found.lse_error) * np.exp(found.R) * eta * 4
    same(got.A, A)
    same(got.Y, c * ((1 + k) * of.Y + k * of.unit) + c * (of.ours + 4 * u * of.unit))
    for name in ("hard", "others"):
        same(getattr(got, name), c * (1 + k) * getattr(of, name))
    same(got.flat, (1 + k) * most * (of.flat + 2 * (4 + mass) * eta * 4))
    same(got.own, c * (of.own + 4 * u * of.size * of.sure))
    for name in ("size", "unit"):
        same(getattr(got, name), c * getattr(of, name))
    same(got.ours, c * (of.ours + 4 * u * of.unit))
    assert got.sure is of.sure
    small = replace(loss, arithmetic=replace(MODEL, granted=replace(COUNTED, huge=2.0**-21)))
    far = multiplied(of, found, Factors(by, most, 1.0), mass, small)
    assert np.isinf(far.flat).all() and np.isfinite(far.A).all()


@pytest.mark.parametrize(
    "model", [MODEL, COARSE], ids=["counted", "coarse"]
)  # of which one operation more is seen in each part
def test_what_goes_through_a_map_of_the_logits_meets_its_slope(model):
    of, loss = parts(), replace(LOSS, law=CrossEntropy(softcap=30.0), arithmetic=model)
    slope = summed.Slope(*(np.array([1.0, 0.5, 2.0]) * 2.0**-k for k in (0, 6, 9)))
    got, top = summed.sloped(of, slope, loss), slope.by + slope.off
    k = relative(model.granted, 2, writings=2, readings=1)
    assert digits(k) == (2, 2, 1) or model is COARSE
    same(got.A, (of.A * top + of.size * slope.off) * (1 + k) + k * of.size * slope.by)
    same(got.Y, (of.Y * top + of.unit * slope.off) * (1 + k) + k * of.unit * slope.by + of.unit * slope.own)
    for name in ("hard", "others"):
        same(getattr(got, name), getattr(of, name) * top * (1 + k))
    same(got.flat, of.flat * top * (1 + k) + 4 * summed.between(loss.law)[1] * model.eta)
    same(got.own, of.own * (slope.by + slope.own) + of.size * slope.own * of.sure)
    same((got.size, got.unit, got.ours), (of.size * slope.by, of.unit * slope.by, of.unit * slope.own))


@pytest.mark.parametrize("classes", [False, True])
def test_a_sum_is_off_by_what_its_terms_are_and_by_its_own_roundings(classes):
    of, mass = parts(), np.array([1.0, 0.5, 0.25])
    got = summed.weights(of, mass, LOSS, classes=classes)
    terms, k = (5, MODEL.data(5)) if classes else (3, MODEL.gradient(3))
    same(got.A, ((1 + k) * of.A + k * of.size) * of.sure + of.own)
    same(got.Y, (1 + k) * of.Y + k * of.unit)
    same((got.hard, got.others), ((1 + k) * of.hard, (1 + k) * of.others))
    same(got.flat, (1 + k) * of.flat + COUNTED.eta)
    same((got.size, got.unit), (of.size * of.sure, of.unit))
    assert got.label == k
    largest = max(8.0, (of.A + of.size + (of.Y + of.unit) * mass).max())  # two over N, at least
    same(got.extra, (1 + k) * (terms + 2) * 2 * (1 + 2 * 3 * largest) * COUNTED.eta)
    P, S = np.array([0.5, 0.25]), np.array([0.25, 0.5])
    same(got.at_label(P, S), k * np.array([-0.5, -0.5]))


def test_labels_that_are_smoothed_or_weighed_are_off_by_what_that_costs():
    law = CrossEntropy(smoothing=0.25, smoothing_over="others")
    loss = replace(LOSS, law=law, L=4)
    of = summed.Masses(*(np.array([1.0, 2.0]) / k for k in (1, 2, 4, 8)), np.array([True, False]))
    assert (loss.masses, LOSS.masses, replace(LOSS, index=False).masses) == (4, 0, 5)
    hard = summed.unsmoothed_error(law, COUNTED) + 0.5 * summed.parted(law, 4)
    same(loss.off_hard(0.5), hard)
    same(loss.off(of, 0.5), hard * of.hard + 4 * COUNTED.eta * (4 + of.given))
    same(LOSS.off(of, 0.5), np.zeros(2))
    found = column(
        **{name: np.array([1.0, 2.0]) / 8 for name in ("R", "alone", "Q", "log_A", "distance", "lse", "lse_error")}
    )
    k = MODEL.differences(4)
    got = summed.differences(found, of, loss)
    off, grown = loss.off(of, k), np.expm1(found.R)
    same(got.A, 4 * (of.mass * ((1 + k) * grown + k) + (1 + k) * off * (1 + grown)))
    same(got.hard, 4 * (1 + k) * loss.off_hard(k))
    same(got.Y, 4 * MODEL.differences(0))
    same((got.size, got.unit, got.sure), (4 * of.mass, np.full(2, 4.0), np.exp(found.Q)))
    same(got.own, 4 * of.mass * np.expm1(found.Q))
    same(got.others, 4 * (MODEL.others(4, found.alone) + 4 * 6 * COUNTED.eta) * of.single)
