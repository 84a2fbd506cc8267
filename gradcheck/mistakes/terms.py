"""Terms of another loss, that are added to the gradient, or cut off from it."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, GRADIENT, THETA, mistake


@mistake("penalty", fix="put the penalty into the loss as well, or into neither", equations=THETA, common=True)
class penalty_on_theta(Model):
    """{value} θ added to ∂ℒ/∂θ, and no penalty in the loss."""

    linear = True
    choices = (0.01, 0.0001, 0.0005, 0.001, 0.1, 0.5, 1.0, 2.0)
    value = 0.01

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        return {**found, "theta": found["theta"] + like(theta * self.value, theta)}


@mistake(
    "penalty",
    fix="leave the bias out of the penalty, or put it into the loss as well",
    equations=BIAS,
    seen="scikit-learn/scikit-learn#10626",
    common=True,
)
class penalty_on_bias(Model):
    """{value} b added to ∂ℒ/∂b, and no penalty in the loss."""

    linear = True
    choices = (0.01, 0.0001, 0.0005, 0.001, 0.1, 0.5, 1.0, 2.0)
    value = 0.01

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        return {**found, "b": found["b"] + like(b * self.value, b)}


@mistake("penalty", fix="do not clip the gradient before it is judged", equations=GRADIENT)
class gradient_clipped(Model):
    """∂ℒ/∂θ clipped to ±{value}."""

    choices = (1.0, 5.0, 10.0, 0.5, 0.1)
    value = 1.0

    def theta_gradient(self, D, X):
        return like(np.clip(super().theta_gradient(D, X), -self.value, self.value), D)
