"""Terms of bounds that larger ones hide, each where it is all that there is, or decides (docs/bounds.md, docs/audit-theory.md)."""

from dataclasses import replace

import numpy as np
import pytest
from test_counts import column, same
from test_sharpness_of_laws import COARSE, SOFTMAX, U64, problem

from gradcheck import CrossEntropy
from gradcheck.bounds import losses, mapping, shifted, summed
from gradcheck.bounds.columns import REACH, columns
from gradcheck.bounds.error_model import ErrorModel
from gradcheck.bounds.folding import Folded, parted
from gradcheck.bounds.gradients import allowed_of
from gradcheck.bounds.roundings import elementary, lam, written
from gradcheck.bounds.usual import usual
from gradcheck.enclosure import Enclosure
from gradcheck.precision import FLOAT64, named

MODEL = ErrorModel(COARSE, named("float32"))
Z = Enclosure(np.array([[3.0, 1.0], [1.0, 2.0]]), np.zeros((2, 2)))
A = Enclosure(np.full((2, 2), 0.5), np.zeros((2, 2)))


def test_what_is_ours_of_a_column_is_a_sum_of_its_classes_twice():
    """Once of the powers, and once of their sum."""
    mine = FLOAT64.u * 3.0 + lam(elementary(FLOAT64))
    zeros = np.zeros(1)
    got = columns(np.array([3.0]), np.array([2.0]), 5, arithmetic=MODEL, own=FLOAT64, logits=(zeros, zeros))
    same(got.Q, 2 * mine + 2 * (5 + 16) * U64)


def test_beyond_what_a_probability_can_be_only_its_logarithm_goes_on():
    zeros, lse = np.zeros(2), np.array([2.0, 1.0])
    far, cut = (
        columns(np.array([3.0, x]), lse, 5, arithmetic=MODEL, own=FLOAT64, logits=(zeros, zeros))
        for x in (2 * REACH, REACH)
    )
    same((far.R, far.alone, far.Q), (cut.R, cut.alone, cut.Q))
    assert far.distance[1] > 2 * REACH > cut.distance[1] and far.log_A[1] > 1.5 * cut.log_A[1]
    same((far.distance[0], far.log_A[0]), (cut.distance[0], cut.log_A[0]))


@pytest.mark.parametrize("over", ["all", "others"])
def test_a_label_has_parts_that_cancel_only_where_the_others_are_smoothed_over_by_more(over):
    assert parted(CrossEntropy(smoothing=0.5, smoothing_over=over), 4) == 0
    assert parted(CrossEntropy(smoothing=0.9, smoothing_over=over), 4) == pytest.approx(0.4 if over == "others" else 0)


def test_what_a_loss_of_each_sample_is_off_by_is_of_that_sample_alone():
    law = CrossEntropy(reduction="sum")
    whole = problem(law, np.eye(2))
    tiny = replace(COARSE, eta=2.0**-11)  # what underflows is as much as what is rounded
    found = losses.loss_error(Folded(whole, tiny), SOFTMAX, each=True)
    for i in range(2):
        one = replace(whole, X=whole.X[:, [i]], Y=whole.Y[:, [i]])
        of = type(SOFTMAX)(*(getattr(SOFTMAX, name)[:, [i]] for name in SOFTMAX.__dataclass_fields__))
        same(found[i], losses.loss_error(Folded(one, tiny), of))


def test_what_squares_of_log_sum_exps_are_off_by_is_added_to_a_loss():
    plain, squared = (Folded(problem(CrossEntropy(reduction="sum", z_loss=z)), COARSE) for z in (0.0, 2.0))
    due = losses.loss_error(plain, SOFTMAX) + losses._squares(squared, SOFTMAX)[1]
    assert due <= losses.loss_error(squared, SOFTMAX) <= 1.05 * due


@pytest.mark.parametrize("times", [1, 8])
def test_a_loss_of_squares_is_known_while_its_sum_is_in_the_range(times):
    """With every sample as often as it is there."""
    law = CrossEntropy(reduction="sum", z_loss=64.0)
    squares = sum(losses._squares(Folded(problem(law), COARSE), SOFTMAX))
    for share, known in ((0.99, False), (1.5, True)):
        p = replace(COARSE, huge=float(times * squares * share))
        assert np.isfinite(losses.loss_error(Folded(problem(law), p), SOFTMAX, times=times)) == known


def test_what_stands_at_a_logit_is_known_while_twice_its_log_sum_exp_is_in_the_range():
    law, delta = CrossEntropy(z_loss=64.0, reduction="sum"), np.full((2, 2), 0.25)
    p = replace(COARSE, reads=0.0)
    found = allowed_of(problem(law), p, abs(Z.midpoint), Z, A, delta=delta, ours=False)
    most = 2 * 64 * (found.softmax.lse + found.softmax.lse_error).max()
    for share, known in ((0.999, False), (1.001, True)):
        tight = allowed_of(
            problem(law), replace(p, huge=float(most * share)), abs(Z.midpoint), Z, A, delta=delta, ours=False
        )
        assert np.isfinite(tight.D).all() == known
    assert np.isfinite(found.D).all()


def test_theta_and_b_times_a_scale_may_underflow_at_each_feature():
    law, zeros = CrossEntropy(scale=4.0), np.zeros((2, 2))
    of, p = problem(law), replace(COARSE, eta=2.0**-4)
    got = allowed_of(of, p, abs(Z.midpoint), Z, A, delta=zeros, ours=False)
    carried = p.eta * (1 + abs(of.reals[2]).sum(axis=0))
    same(got.mapped.delta, mapping.mapped(Z, zeros, abs(Z.midpoint), carried, law=law, precision=p).delta)


def test_a_long_chain_is_sorted_and_a_short_one_is_not():
    Z, rho = np.array([[3.0], [1.0], [2.0]]), np.zeros((1, 1))
    assert shifted._rescalings(Z, rho, shifted.SHORT - 1) == shifted.SHORT - 1
    assert shifted._rescalings(Z, rho, shifted.SHORT).ravel().tolist() == [0, 2, 1]


@pytest.mark.parametrize(("merged", "due"), [(0, 3), (4, 4), (np.inf, 7)])
def test_a_log_sum_exp_of_parts_is_rounded_once_for_each_level_or_as_often_as_is_declared(merged, due):
    assert shifted.levels(8, merged) == due


def test_what_rescales_a_running_sum_is_not_written_down():
    assert COARSE.kept
    within = replace(COARSE, kept=0.0)
    same(shifted.rescaling(COARSE), lam(elementary(within)) + lam(written(within)))


@pytest.mark.parametrize(("huge", "known"), [(3.8, False), (5.0, True)])
def test_twice_a_mass_over_its_divisor_is_in_the_range(huge, known):
    loss = summed.Loss(
        CrossEntropy(), 0.5, 3, 5, True, ErrorModel(replace(COARSE, huge=huge), named("float32")), FLOAT64
    )
    assert loss.fits(np.ones(1)).all() == known


@pytest.mark.parametrize(("share", "known"), [(0.999, False), (1.001, True)])
def test_an_entry_of_d_is_as_large_as_its_label_and_what_that_is_off_by(share, known):
    """Where the label is nearly all of it."""
    of = summed.Masses(*np.ones((2, 3)), *np.full((2, 3), 2.0**-6), np.ones(3) > 0)
    law = CrossEntropy(smoothing=2.0**-6)
    loss, found = summed.Loss(law, 1.0, 3, 4, True, MODEL, FLOAT64), column(R=np.zeros(3), Q=np.zeros(3))
    got = summed.differences(found, of, loss)
    most = (got.A + got.size + (got.Y + got.unit) * of.mass + got.hard * of.hard).max()
    tight = replace(loss, arithmetic=ErrorModel(replace(COARSE, huge=most * share), named("float32")))
    assert np.isfinite(summed.differences(found, of, tight).flat).all() == known


@pytest.mark.parametrize(("share", "known"), [(0.999, False), (1.001, True)])
def test_twice_a_log_sum_exp_of_a_column_is_in_the_range(share, known):
    """Before it is multiplied by A, which may be small."""
    ones = np.ones(3)
    of = summed.Masses(2.0**-9 * ones, 2.0**-9 * ones, 0 * ones, 0 * ones, ones > 0)
    found = column(R=0 * ones, Q=0 * ones, lse=2.0**-3 * ones, lse_error=2.0**-9 * ones)
    most = 2 * 64.0 * (found.lse + found.lse_error).max() * share
    model = ErrorModel(replace(COARSE, huge=most), named("float32"))
    got = summed.differences(found, of, summed.Loss(CrossEntropy(z_loss=64.0), 8.0, 3, 4, True, model, FLOAT64))
    assert np.isfinite(got.flat).all() == known


def test_of_what_is_not_written_down_no_deviation_is_counted_for_that():
    model, squares, value = ErrorModel(FLOAT64, FLOAT64, operands=1), np.array([3.0]), np.array([5.0])
    same(usual(model, 6, squares, value), 8 * FLOAT64.u * np.sqrt((6 / 2 + 2) * squares + 6 / 3 * value**2))
