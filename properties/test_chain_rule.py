"""∂ℒ/∂Z = ∂ℒ/∂A · ∂A/∂Z and ∂ℒ/∂θ = ∂ℒ/∂A · ∂A/∂Z · ∂Z/∂θ, composed factor by factor (equations 3, 4 and 21)."""

import numpy as np
from mission import closed_forms, mathematical, oracle, scipy_finds_right, within

from gradcheck import Problem
from gradcheck.checks.values import inverse_share, jacobian_truth
from gradcheck.referees import float64, scipy_check_grad


def composed(t):
    """−Y/(nA) · ∂A/∂Z of one sample, from the code's own A and Jacobian, times n; what rounding may do to that; and its problem."""
    outer, exact, apart = inverse_share(t)
    J, allowed = jacobian_truth(t)
    error = apart @ (J.magnitude + allowed) + abs(exact) @ allowed
    rounding = (t.problem.L + 8) * 2.0**-51 * ((abs(exact) + apart) @ (J.magnitude + allowed))
    sample = Problem(t.Z[:, [t.column]], np.zeros((t.problem.L, 1)), np.ones((1, 1)), t.problem.reals[3][:, [t.column]])
    n = t.problem.n
    return (n * (outer @ t.jacobian()))[:, np.newaxis], (n * (error + rounding))[:, np.newaxis], sample


@closed_forms("jacobian")
def test_the_chain_rule_gives_the_central_difference_of_every_logit(t):
    """Σ_k ∂ℒ/∂A_k ∂A_k/∂Z_l = (ℒ(Z_l + h) − ℒ(Z_l − h))/2h ± h²ℒ‴/6 ± e/h."""
    gradient, allowed, sample = composed(t)
    assert within(mathematical.gradient(oracle(sample), "Z"), allowed, gradient)


@closed_forms("jacobian")
def test_scipy_finds_the_chain_rule_right(t):
    """check_grad(ℒ, ∂ℒ/∂A · ∂A/∂Z) ≤ ‖h ℒ″/2 + 2e/h + rounding‖ over the logits of a sample."""
    gradient, allowed, sample = composed(t)
    posed = scipy_check_grad.pose(sample, "theta", oracle(sample).nearby_float64_error)

    def loss(z):
        return float64.sample_losses(z[:, np.newaxis], sample.reals[3])[0]

    assert scipy_finds_right(posed, loss, gradient, allowed)


@closed_forms("Z")
def test_the_last_factor_is_the_data(t):
    """Σ_i ∂ℒ/∂Z_li X_ji, of its own ∂ℒ/∂Z, = (ℒ(θ_lj + h) − ℒ(θ_lj − h))/2h ± h²ℒ‴/6 ± e/h."""
    D, X = t.gradient("Z"), t.problem.reals[2].T
    rounding = 2.0**-51 * (t.problem.n + 4) * (abs(D) @ abs(X))
    quotient = mathematical.gradient(t.truth64, "theta")
    assert within(quotient, t.truth.allowed("D") @ abs(X) + rounding, D @ X)
