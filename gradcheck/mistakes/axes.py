"""Signs and axes: what is wrong with a gradient that has the right ingredients."""

import numpy as np

from gradcheck.mistakes.scale import without
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, THETA, mistake

# ---- signs ----


@mistake(
    "sign",
    fix="A - Y, not Y - A: raising the logit of the label lowers the loss",
    equations=(8, 10, 19),
    seen="deeplearning4j/deeplearning4j#345",
    common=True,
)
class flipped_sign(Model):
    """(Y - A)/n in place of (A - Y)/n."""

    def residual(self, A, Y):
        return -super().residual(A, Y)


@mistake("sign", fix="add up ∂ℒ/∂Z with its own sign", equations=BIAS)
class bias_gradient_negated(Model):
    """∂ℒ/∂b with the wrong sign."""

    def bias_gradient(self, D, X):
        return -super().bias_gradient(D, X)


@mistake("sign", fix="(A - Y) Xᵀ with its own sign", equations=THETA)
class theta_gradient_negated(Model):
    """∂ℒ/∂θ with the wrong sign."""

    def theta_gradient(self, D, X):
        return -super().theta_gradient(D, X)


@mistake("sign", fix="A - Y, not A + Y", equations=(10, 19))
class labels_added(Model):
    """(A + Y)/n."""

    def residual(self, A, Y):
        return super().residual(A, Y) + like(Y, A) * 2


@mistake("sign", fix="keep the sign of A - Y", equations=(10, 19))
class residual_without_sign(Model):
    """|A - Y|/n."""

    def residual(self, A, Y):
        return abs(super().residual(A, Y))


# ---- axes ----


@mistake(
    "axis",
    fix="return (A - Y) Xᵀ, (L, d), or declare --theta features-first",
    equations=(13, 17, 21),
    seen="nntile/nntile#433",
    common=True,
)
class transposed_theta_gradient(Model):
    """∂ℒ/∂θ transposed: X (A - Y)ᵀ/n."""

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, X).T


@mistake(
    "axis", fix="keep the axis: sum(axis=1, keepdims=True) is (L, 1)", equations=BIAS, seen="d2l, sum without keepdims"
)
class flat_bias_gradient(Model):
    """∂ℒ/∂b of shape (L,) in place of (L, 1)."""

    def bias_gradient(self, D, X):
        return super().bias_gradient(D, X)[:, 0]


@mistake(
    "axis",
    fix="sum over samples, axis=1: one number for each class",
    equations=BIAS,
    seen="pytroubles.com id1785",
    common=True,
)
class bias_gradient_over_classes(Model):
    """∂ℒ/∂b summed over classes in place of samples."""

    def bias_gradient(self, D, X):
        return like(D.sum(axis=0, keepdims=True), D).T


@mistake(
    "axis",
    fix="sum over samples only: one number for each class",
    equations=BIAS,
    seen="rasbt/stat453-deep-learning-ss21#5",
)
class bias_gradient_over_everything(Model):
    """∂ℒ/∂b summed over classes and samples, the same number for each class."""

    def bias_gradient(self, D, X):
        return like(D.sum() + D[:, :1] * 0, D)


@mistake(
    "axis",
    fix="sum ∂ℒ/∂Z over samples; ∂ℒ/∂θ has no part in it",
    equations=BIAS,
    seen="rust0258/Deeplearning.ai-Natural-Language-Processing-Specialization#62",
)
class bias_gradient_from_theta_gradient(Model):
    """∂ℒ/∂b as the row sums of ∂ℒ/∂θ."""

    def bias_gradient(self, D, X):
        return like(self.theta_gradient(D, X).sum(axis=1, keepdims=True), D)


@mistake("axis", fix="sum over samples; do not take the first", equations=BIAS)
class bias_gradient_of_first_sample(Model):
    """∂ℒ/∂b from the first sample alone."""

    def bias_gradient(self, D, X):
        return D[:, :1]


@mistake("axis", fix="sum over samples: the mean over them is taken in ∂ℒ/∂Z", equations=BIAS)
class bias_gradient_zero(Model):
    """∂ℒ/∂b is zero: the bias is not trained."""

    def bias_gradient(self, D, X):
        return super().bias_gradient(D, X) * 0


@mistake("axis", fix="the inner axis of the product is the sample: (A - Y) @ X.T", equations=THETA)
class samples_reversed(Model):
    """Sample i of the residual beside sample n - i of X."""

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, np.flip(X, axis=1))


@mistake("axis", fix="use one order of the samples for X and Y", equations=THETA)
class samples_out_of_step(Model):
    """Sample i of the residual beside sample i - 1 of X."""

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, np.roll(X, 1, axis=1))


@mistake("axis", fix="multiply by X as it is", equations=THETA)
class magnitude_of_X(Model):
    """∂ℒ/∂θ with |X| in place of X."""

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, abs(X))


@mistake("axis", fix="X has one column for each sample; all features count", equations=THETA)
class last_feature_left_out(Model):
    """The last feature left out of ∂ℒ/∂θ."""

    def theta_gradient(self, D, X):
        return without(super().theta_gradient(D, X), np.s_[:, -1])


@mistake("axis", fix="pair each sample with its own features: a matrix product, no outer sum", equations=THETA)
class sums_multiplied(Model):
    """∂ℒ/∂θ as the product of sums over samples, not the sum of products."""

    def theta_gradient(self, D, X):
        return like(D.sum(axis=1, keepdims=True) @ like(X, D).sum(axis=1, keepdims=True).T, D)


@mistake("axis", fix="rows of X and θ are features and classes in one order", equations=(20,))
class features_reversed(Model):
    """Features of X in reverse order in Z, and nowhere else."""

    def logits(self, theta, b, X):
        return super().logits(theta, b, np.flip(X, axis=0))
