"""∂ℒ/∂b = (1/n) Σᵢ (Aᵢ − Yᵢ), against central finite differences and scipy.optimize.check_grad (equations 14–16 and 18)."""

from mission import closed_forms, mathematical, scipy_finds_right, within

from gradcheck.referees import float64, scipy_check_grad


@closed_forms("b")
def test_the_gradient_of_every_bias_is_its_central_difference(t):
    """∂ℒ/∂b_l = (ℒ(b_l + h) − ℒ(b_l − h))/2h ± h²ℒ‴/6 ± e/h."""
    quotient = mathematical.gradient(t.truth64, "b")
    assert within(quotient, t.truth.allowed("b"), t.gradient("b"))


@closed_forms("b")
def test_scipy_finds_the_gradient_of_the_bias_right(t):
    """check_grad(ℒ, ∂ℒ/∂b) ≤ ‖h ℒ″/2 + 2e/h + rounding‖."""
    theta, _, X, _ = t.problem.reals
    posed = scipy_check_grad.pose(t.truth64.problem, "b", t.truth64.nearby_float64_error)

    def loss(b):
        return float64.losses(theta, b[:, None], X, t.problem.labels, t.problem.divisor)

    assert scipy_finds_right(posed, loss, t.gradient("b"), t.truth.allowed("b"))
