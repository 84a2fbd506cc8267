"""Gradients that are clipped or normalised, and samples that are standardised or weighed, in the gradient alone."""

import numpy as np

from gradcheck.law.functions import values
from gradcheck.mistakes.scale import summed
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, THETA, mistake

NORMS = (1.0, 5.0, 10.0, 0.5, 0.1, 0.25, 2.0, 0.01, 100.0)


def root(x):
    """Its square root, of what is not negative."""
    return like(np.exp(np.log(x) * 0.5), x)


@mistake("penalty", fix="clip in the optimiser, after the gradient is judged", equations=(*THETA, *GRADIENT))
class clipped_to_a_norm(Model):
    """∂ℒ/∂θ and ∂ℒ/∂b scaled down to a norm of {value} together."""

    choices = NORMS
    value = 1.0

    def norm(self, found):
        return root((found["theta"] * found["theta"]).sum() + (found["b"] * found["b"]).sum())

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        norm = self.norm(found)
        if float(values(norm)) <= self.value:
            return found
        scaled = {name: like(found[name] * (self.value / norm), theta) for name in self.clips}
        return {**found, **scaled}

    clips: tuple[str, ...] = ("theta", "b")


@mistake("penalty", fix="clip in the optimiser, after the gradient is judged", equations=THETA)
class theta_gradient_clipped_to_a_norm(clipped_to_a_norm):
    """∂ℒ/∂θ scaled down to a norm of {value}."""

    clips = ("theta",)

    def norm(self, found):
        return root((found["theta"] * found["theta"]).sum())


@mistake("scale", fix="do not divide the gradient by its norm", equations=THETA)
class theta_gradient_normalised(Model):
    """∂ℒ/∂θ divided by its own norm."""

    def theta_gradient(self, D, X):
        G = super().theta_gradient(D, X)
        norm = root((G * G).sum())
        return like(G / norm, D) if float(values(norm)) > 0 else G


@mistake("axis", fix="multiply by X as it is: standardise the data before, in the loss as well", equations=THETA)
class samples_standardised_in_the_gradient(Model):
    """∂ℒ/∂θ with X standardised, by a variance plus {value}, where the logits have X as it is."""

    choices = (1e-5, 1e-8, 1e-6, 1e-3, 1e-12, 1e-7)
    value = 1e-5

    def theta_gradient(self, D, X):
        samples = like(X, D)
        moved = like(samples - samples.sum(axis=1, keepdims=True) / samples.shape[1], D)
        spread = (moved * moved).sum(axis=1, keepdims=True) / samples.shape[1]
        return super().theta_gradient(D, like(moved / root(like(spread + self.value, D)), D))


@mistake("axis", fix="multiply by X as it is: centre the data before, in the loss as well", equations=THETA)
class samples_centred_in_the_gradient(Model):
    """∂ℒ/∂θ with the mean of the samples subtracted from X, where the logits have X as it is."""

    def theta_gradient(self, D, X):
        samples = like(X, D)
        return super().theta_gradient(D, like(samples - samples.sum(axis=1, keepdims=True) / samples.shape[1], D))


@mistake("scale", fix="weigh samples in the loss as well, or not at all", equations=GRADIENT)
class samples_weighed_by_their_place(Model):
    """Sample i is weighed by i + 1 over the mean of these weights, in the gradient alone."""

    def logits_gradient(self, theta, b, X, Y):
        D, n = summed(super().logits_gradient(theta, b, X, Y)), Y.shape[1]
        return self.divided(like(D * np.arange(1.0, n + 1)[np.newaxis], D), n * (n + 1) / 2)
