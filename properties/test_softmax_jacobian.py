"""∂A_l/∂Z_l = A_l (1 − A_l) and ∂A_l/∂Z_k = −A_l A_k, against central finite differences and check_grad (equations 5, 6, 22)."""

import numpy as np
from hypothesis import assume
from mission import closed_forms, mathematical, scipy_finds_right, within

from gradcheck.checks.values import jacobian_truth
from gradcheck.referees import float64, scipy_check_grad


@closed_forms("jacobian")
def test_the_diagonal_of_the_jacobian_is_its_central_difference(t):
    """A_l (1 − A_l) = (A_l(z_l + h) − A_l(z_l − h))/2h ± h² A_l (1 − A_l)/6 ± rounding."""
    quotient, (_, allowed) = mathematical.jacobian(t.Z[:, t.column]).entries, jacobian_truth(t)
    on = np.diag_indices(t.problem.L)
    assert within(quotient.take(*on), allowed[on], t.jacobian()[on])


@closed_forms("jacobian")
def test_the_other_entries_of_the_jacobian_are_their_central_differences(t):
    """−A_l A_k = (A_l(z_k + h) − A_l(z_k − h))/2h ± h² A_l A_k/6 ± rounding, l ≠ k."""
    quotient, (_, allowed) = mathematical.jacobian(t.Z[:, t.column]).entries, jacobian_truth(t)
    off = ~np.eye(t.problem.L, dtype=bool)
    assert within(quotient.take(off), allowed[off], t.jacobian()[off])


@closed_forms("jacobian")
def test_both_identities_hold_of_the_probabilities_that_the_code_returns(t):
    """A_l (1 − A_l) and −A_l A_k, formed from its own A, are the central differences of the mathematical softmax."""
    quotient, (_, allowed) = mathematical.jacobian(t.Z[:, t.column]).entries, jacobian_truth(t)
    a = t.softmax()[:, t.column]
    assert within(quotient, allowed, np.where(np.eye(len(a), dtype=bool), a * (1 - a), -np.outer(a, a)))


@closed_forms("jacobian")
def test_columns_of_the_softmax_do_not_mix(t):
    """∂A_li/∂Z_kj = 0 for i ≠ j: A_li(Z_kj + 1) − A_li(Z_kj − 1) is no more than the rounding of both."""
    assume(t.problem.n > 1)
    above, below, here = t.Z.copy(), t.Z.copy(), np.arange(t.problem.n) == t.column
    above[0, ~here] += 1
    below[0, ~here] -= 1
    up, down = (t.softmax(t.problem.precision.round(Z).astype(float))[:, here] for Z in (above, below))
    assert (abs(up - down) <= 2 * t.A[1].A[:, here]).all()


@closed_forms("jacobian")
def test_scipy_finds_every_row_of_the_jacobian_right(t):
    """check_grad(z ↦ A_l(z), row l of ∂A/∂Z) ≤ ‖h A_l″/2 + 2e/h + rounding‖, for every l."""
    z, J, (_, allowed) = t.Z[:, t.column], t.jacobian(), jacobian_truth(t)
    assume(np.isfinite(2 * z).all() and len(z) <= 64)  # a quotient for each entry of each row

    def bounds(Z):
        return float64.softmax(Z).magnitude, float64.softmax(Z).radius

    for l, posed in enumerate(scipy_check_grad.pose_softmax(z, 2.0**-49, bounds)):

        def A_l(z, l=l):
            return float64.softmax(z[:, np.newaxis]).midpoint[l, 0]

        assert scipy_finds_right(posed, A_l, J[l], allowed[l])
