"""The bounds of a column of an audit, taken apart, are what docs/audit-theory.md derives, and not more: each formula again."""

from dataclasses import fields, replace

import numpy as np
import pytest
from test_counts import column, same
from test_sharpness_of_laws import COARSE, ETA, U64, ULPS, F

from gradcheck import CrossEntropy
from gradcheck.bounds import summed
from gradcheck.bounds.columns import ONLINE, Column, columns, rescaled
from gradcheck.bounds.columns import summed as summed_powers
from gradcheck.bounds.error_model import ErrorModel
from gradcheck.bounds.roundings import elementary, lam, roundings, written
from gradcheck.bounds.shifted import merged, prescaled, rescaling
from gradcheck.bounds.usual import usual
from gradcheck.precision import FLOAT64, named

MODEL = ErrorModel(COARSE, named("float32"))


@pytest.mark.parametrize(("delta", "L"), [(0.0, 5), (2.0**-9, 5), (0.5, 2)])  # the last by the sum that is not merged
def test_the_softmax_of_a_column_is_off_by_the_worst_of_its_forms(delta, L):
    reach, lse, most = np.array([3.0, 0.5]), np.array([2.0, 7.0]), np.array([4.0, 9.0])
    u, s = written(COARSE), COARSE.stored
    shifted = prescaled(np.full(2, delta), most, most, reach, u)
    added, online = summed_powers(L, COARSE)
    added += 4 * L * ULPS * ETA
    normaliser = shifted + lam(F) + online + added
    log_sum = normaliser + F * (np.log(L) + normaliser)
    off = np.maximum(log_sum + u * (lse + shifted + log_sum), merged(shifted + added, lse, np.log(L), L, COARSE))
    second = shifted + off
    third = second + (u + 2 * s) * (reach + np.log(L) + second)
    powers = 2 * (shifted + u * (2 * reach + np.log(L) + shifted) + lam(F)) + online + added
    found = Column(reach, lse, most, L).off(np.full(2, delta), COARSE)
    same(found[0], np.maximum(third + lam(F), powers) + roundings(COARSE, 2, writings=3))
    same(found[1], off)


def test_logits_that_are_read_in_fewer_bits_are_off_by_that_too():
    """By its unit roundoff of the largest that may be read, and an underflow."""
    reach, lse, L, theirs, ours = np.array([3.0, 0.5]), np.array([2.0, -7.0]), 5, 2.0**-9, 2.0**-30
    found = columns(reach, lse, L, arithmetic=MODEL, own=FLOAT64, logits=(np.full(2, theirs), np.full(2, ours)))
    reach = reach + 2 * (theirs + ours)
    mine = ours + FLOAT64.u * reach + lam(elementary(FLOAT64))
    lse = abs(lse) + theirs + mine
    most = lse + reach + np.log(L) + theirs
    assert COARSE.reads
    R, off = Column(reach, lse, most, L).off(theirs + COARSE.reads * most + COARSE.eta, COARSE)
    same((found.R, found.lse_error, found.lse), (R, off, lse))
    same(found.alone, Column(reach, lse, most, L).off(np.zeros(()), COARSE)[0])


def test_each_class_may_come_with_a_new_maximum_up_to_so_many():
    assert rescaled(ONLINE, 2.0**-9) > rescaled(ONLINE - 1, 2.0**-9) > rescaled(ONLINE + 1, 2.0**-9) == 0.0


@pytest.mark.parametrize(("block", "L"), [(16, 100), (2, 5), (64, 70)])
def test_powers_in_blocks_are_added_as_declared_and_rescaled_once_a_block_or_in_any_order(block, L):
    """Whichever is less, but not additions of the one beside rescalings of the other."""
    p = replace(COARSE, block=block)
    any_order = roundings(COARSE, 0, L - 1), rescaled(L, rescaling(p))
    declared = roundings(p, 0, L - 1), rescaling(p) * -(-L // block)
    assert sum(declared) > declared[0] + any_order[1] or L <= ONLINE
    assert summed_powers(L, p) == min(any_order, declared, key=sum)


@pytest.mark.parametrize(("share", "known"), [(0.999, False), (1.001, True)])
@pytest.mark.parametrize("cap", [0.0, 4.0])
def test_nothing_is_known_where_an_entry_of_d_may_leave_the_range(share, known, cap):
    """With all that it may be off by; within a cap, where it is multiplied by that, and meets the slope thereafter."""
    ones = np.ones(3)
    of = summed.Masses(2.0**-4 * ones, 2.0**12 * ones, 2.0**-4 * ones, 0 * ones, ones > 0)
    loss, found = (
        summed.Loss(CrossEntropy(smoothing=0.5, softcap=cap), 1.0, 3, 4, True, MODEL, FLOAT64),
        column(Q=0 * ones),
    )
    slope = summed.Slope(0.125 * ones, 0 * ones, 0 * ones) if cap else None
    got = summed.differences(found, of, loss)
    most = max(1.0, cap) * (got.A + got.size + (got.Y + got.unit) * of.mass + got.hard * of.hard).max()
    tight = replace(loss, arithmetic=ErrorModel(replace(COARSE, huge=most * share), named("float32")))
    assert np.isfinite(summed.differences(found, of, tight, slope).flat).all() == known


@pytest.mark.parametrize(
    "options", [{"z_loss": 0.25}, {"class_weight": (1.0, 2.0, 4.0, 0.5)}, {"z_loss": 0.5, "smoothing": 0.25}, {}]
)
@pytest.mark.parametrize("N", [0.25, 8.0])
def test_d_of_a_column_is_off_by_each_part(options, N):
    law, L, of = (
        CrossEntropy(**options),
        4,
        summed.Masses(*(np.array([1.0, 2.0, 0.5]) / k for k in (1, 2, 4, 8)), np.array([True, False, True])),
    )
    loss, found = summed.Loss(law, N, 3, L, True, MODEL, FLOAT64), column(Q=np.array([0.0, 0.25, 0.5]))
    k, R, Q = MODEL.differences(loss.masses), np.expm1(found.R), np.expm1(found.Q)
    most, smoothed = max(N, 1.0), bool(law.smoothing or law.class_weight)
    off = loss.off(of, k)
    A, flat, met, size, own = of.mass * ((1 + k) * R + k), 0.0, of.mass + 0, of.mass, 0.0
    if smoothed:
        A, met, flat = A + (1 + k) * off * (1 + R), met + off, (1 + k) * 4 * ETA * (1 + of.given)
    if law.z_loss:
        more, top = MODEL.squares(loss.masses), found.lse + found.lse_error
        A = (
            A
            + 2 * of.z * ((1 + more) * (top * R + found.lse_error) + more * found.lse)
            + 6 * (1 + more) * most * top * (1 + R) * ETA
        )
        flat, met = flat + 2 * (1 + more) * (1 + most) * ETA, met + 2 * (1 + more) * of.z * top
        size, own = of.mass + 2 * of.z * found.lse, 2 * of.z * (1 + Q) * (found.Q + 16 * U64 * found.lse)
    below = (3 * ETA * (1 + R) + 8 * FLOAT64.eta) * (1 + Q)
    count = (4 + loss.masses) * 2 + of.mass
    got = summed.differences(found, of, loss)
    same(got.A, A / N)
    same(got.flat, flat / N + (1 + k) * (met * below / N + count * ETA * max(1 / N, 1)))
    same((got.size, got.own), (size / N, (own + size * Q) / N))
    same(got.hard, (1 + k) * loss.off_hard(k) / N * smoothed + np.zeros(3))
    same(got.others, (MODEL.others(L, found.alone) + L * 3 * ETA) * of.single / N)
    same((got.Y, got.unit, got.sure), (np.full(3, MODEL.differences(0) / N), np.full(3, 1 / N), 1 + Q))
    slope = summed.Slope(np.full(3, 0.5), np.full(3, 0.25), np.full(3, 0.125))
    steep, due = summed.differences(found, of, loss, slope), summed.sloped(got, slope, loss)
    same(*(np.array([getattr(each, f.name) for f in fields(each)]) for each in (steep, due)))


@pytest.mark.parametrize(("N", "n"), [(0.25, 2), (64.0, 2), (4.0, 8)])
def test_what_underflows_in_a_sum_grows_with_its_largest_term(N, n):
    of = summed.Differences(*(np.array([2.0, 4.0]) * (k + 1) for k in range(10)))
    loss, mass = summed.Loss(CrossEntropy(), N, n, 5, True, MODEL, FLOAT64), np.array([0.5, 1.0])
    k, largest = MODEL.gradient(n), max(2 / N, *(of.A + of.size + (of.Y + of.unit) * mass))
    same(summed.weights(of, mass, loss).extra, (1 + k) * (n + 2) * 2 * (1 + 2 * max(n, N, 1.0) * largest) * ETA)


def test_sums_of_independent_roundings_are_off_by_so_many_deviations():
    model, squares, value = ErrorModel(COARSE, named("float16"), operands=1), np.array([3.0]), np.array([5.0])
    u, kept = 2.0**-11, 2.0**-9
    due = (
        8 * np.sqrt(u**2 * (5 * squares + 6 / 3 * value**2) + kept**2 * (4 * squares + 3 * value**2) + kept**2 * 0.5)
        + 6 * ETA
    )
    same(usual(model, 6, squares, value, 0.5), due)
