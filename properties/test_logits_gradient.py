"""∂ℒ/∂Z = (A − Y)/n, against central finite differences and scipy.optimize.check_grad (equations 7–10 and 19)."""

import numpy as np
from mission import closed_forms, mathematical, oracle, scipy_finds_right, within

from gradcheck.checks.trial import Trial
from gradcheck.referees import float64, scipy_check_grad


@closed_forms("Z")
def test_the_gradient_of_every_logit_is_its_central_difference(t):
    """∂ℒ/∂Z_li = (ℒ(Z_li + h) − ℒ(Z_li − h))/2h ± h²ℒ‴/6 ± e/h, in which the loss of sample i alone changes."""
    quotient = mathematical.gradient(t.truth64, "Z")
    assert within(quotient, t.truth.allowed("D"), t.gradient("Z"))


@closed_forms("Z")
def test_scipy_finds_the_gradient_of_the_logits_right(t):
    """check_grad(ℒ, ∂ℒ/∂Z) ≤ ‖h ℒ″/2 + 2e/h + rounding‖: posed as θ with the identity for data, Z = θ is exact."""
    p, Y = t.problem, t.problem.reals[3]
    t = Trial(t.implementation, p.with_arrays(p.precision.round(t.Z), 0 * p.b, np.eye(p.n, dtype=p.X.dtype), p.Y))
    exact = oracle(t.truth64.problem)
    posed = scipy_check_grad.pose(exact.problem, "theta", exact.nearby_float64_error)

    def loss(Z):
        return float64.sample_losses(Z.reshape(Y.shape), Y).sum() / p.n

    assert scipy_finds_right(posed, loss, t.gradient("Z"), t.truth.allowed("D"))
