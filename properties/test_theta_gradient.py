"""∂ℒ/∂θ = (A − Y) Xᵀ/n, against central finite differences and scipy.optimize.check_grad (equations 11–13 and 17)."""

from mission import closed_forms, mathematical, scipy_finds_right, within

from gradcheck.referees import float64, scipy_check_grad


@closed_forms("theta")
def test_the_gradient_of_every_weight_is_its_central_difference(t):
    """∂ℒ/∂θ_lj = (ℒ(θ_lj + h) − ℒ(θ_lj − h))/2h ± h²ℒ‴/6 ± e/h: step and radius follow from the data."""
    quotient = mathematical.gradient(t.truth64, "theta")
    assert within(quotient, t.truth.allowed("theta"), t.gradient("theta"))


@closed_forms("theta")
def test_scipy_finds_the_gradient_of_the_weights_right(t):
    """check_grad(ℒ, ∂ℒ/∂θ) ≤ ‖h ℒ″/2 + 2e/h + rounding‖: no more than truncation and rounding."""
    _, b, X, _ = t.problem.reals
    posed = scipy_check_grad.pose(t.truth64.problem, "theta", t.truth64.nearby_float64_error)

    def loss(theta):
        return float64.losses(theta.reshape(-1, t.problem.d), b, X, t.problem.labels, t.problem.divisor)

    assert scipy_finds_right(posed, loss, t.gradient("theta"), t.truth.allowed("theta"))
