"""Factors, signs, axes: what is wrong with a gradient that has the right ingredients."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, GRADIENT, THETA, mistake


def summed(D):
    """Not divided by n."""
    return like(D * D.shape[1], D)


def without(gradient, place):
    """A copy with zeros there."""
    found = gradient.copy()
    found[place] = 0
    return found


# ---- factors ----


@mistake(
    "scale",
    fix="divide the summed gradient by the number of samples",
    equations=GRADIENT,
    seen="tensorflow/swift-apis#42",
    common=True,
)
class missing_mean(Model):
    """Summed over the batch: not divided by n."""

    def logits_gradient(self, theta, b, X, Y):
        return summed(super().logits_gradient(theta, b, X, Y))


@mistake(
    "scale",
    fix="divide by n once: ∂ℒ/∂Z is divided already",
    equations=THETA,
    seen="janchorowski/nn_assignments#21",
    common=True,
)
class theta_gradient_divided_twice(Model):
    """∂ℒ/∂θ divided by n twice."""

    def theta_gradient(self, D, X):
        return self.divided(super().theta_gradient(D, X), X.shape[1])


@mistake(
    "scale", fix="sum the columns of ∂ℒ/∂Z: they are divided by n already", equations=BIAS, seen="apache/mxnet#9911"
)
class bias_gradient_divided_twice(Model):
    """∂ℒ/∂b divided by n twice."""

    def bias_gradient(self, D, X):
        return self.divided(super().bias_gradient(D, X), X.shape[1])


@mistake(
    "scale",
    fix="divide by n alone: a sample is one term of the mean, whatever its number of classes",
    equations=(2, *GRADIENT),
    seen="tinygrad/tinygrad#1427",
)
class mean_over_samples_and_classes(Model):
    """Loss and gradient divided by n L, as the mean of a matrix is."""

    def loss(self, theta, b, X, Y):
        return self.divided(super().loss(theta, b, X, Y), len(b))

    def logits_gradient(self, theta, b, X, Y):
        return self.divided(super().logits_gradient(theta, b, X, Y), len(b))


@mistake("scale", fix="divide by n, not by L: average over samples", equations=GRADIENT, common=True)
class mean_over_classes(Model):
    """Divided by the number of classes in place of the number of samples."""

    def logits_gradient(self, theta, b, X, Y):
        return self.divided(summed(super().logits_gradient(theta, b, X, Y)), len(b))


@mistake("scale", fix="divide by n, not by d: average over samples", equations=GRADIENT)
class mean_over_features(Model):
    """Divided by the number of features in place of the number of samples."""

    def logits_gradient(self, theta, b, X, Y):
        return self.divided(summed(super().logits_gradient(theta, b, X, Y)), len(X))


@mistake("scale", fix="divide by n: only the variance of a sample has n - 1", equations=GRADIENT)
class mean_over_one_sample_less(Model):
    """Divided by n - 1."""

    def logits_gradient(self, theta, b, X, Y):
        return self.divided(summed(super().logits_gradient(theta, b, X, Y)), max(Y.shape[1] - 1, 1))


@mistake(
    "scale", fix="the gradient of -log A has no factor 2: that is the squared error's", equations=GRADIENT, common=True
)
class gradient_doubled(Model):
    """Twice the gradient, as of a squared error."""

    def logits_gradient(self, theta, b, X, Y):
        return like(super().logits_gradient(theta, b, X, Y) * 2, theta)


@mistake("scale", fix="leave out the 1/2: it belongs to the squared error", equations=GRADIENT)
class gradient_halved(Model):
    """Half the gradient."""

    def logits_gradient(self, theta, b, X, Y):
        return like(super().logits_gradient(theta, b, X, Y) / 2, theta)


@mistake("scale", fix="average over all n samples, not over pieces and then not over their number", equations=GRADIENT)
class last_batch_piece_only(Model):
    """Gradient of the last half of the batch: each piece overwrites the one before."""

    def logits_gradient(self, theta, b, X, Y):
        return without(super().logits_gradient(theta, b, X, Y), np.s_[:, : Y.shape[1] // 2])


@mistake("scale", fix="divide each piece's sum by n, not by the size of the piece", equations=GRADIENT)
class means_of_batch_pieces_added(Model):
    """Means of two pieces of the batch added up rather than averaged."""

    def logits_gradient(self, theta, b, X, Y):
        D, n = super().logits_gradient(theta, b, X, Y).copy(), Y.shape[1]
        half = n // 2
        for piece, size in ((slice(None, half), half), (slice(half, None), n - half)):
            if size:
                D[:, piece] = self.divided(like(D[:, piece] * n, theta), size)
        return D


@mistake("scale", fix="count every sample once: begin the loop at 0", equations=GRADIENT)
class first_sample_twice(Model):
    """The first sample counted twice."""

    def logits_gradient(self, theta, b, X, Y):
        D = super().logits_gradient(theta, b, X, Y).copy()
        D[:, 0] = D[:, 0] * 2
        return D


@mistake("scale", fix="include the last sample: range(n), not range(n - 1)", equations=GRADIENT, common=True)
class last_sample_left_out(Model):
    """The last sample left out of the gradient."""

    def logits_gradient(self, theta, b, X, Y):
        return without(super().logits_gradient(theta, b, X, Y), np.s_[:, -1])


@mistake("scale", fix="include the last class: range(L), not range(L - 1)", equations=GRADIENT, common=True)
class last_class_left_out(Model):
    """The last class left out of the gradient."""

    def logits_gradient(self, theta, b, X, Y):
        return without(super().logits_gradient(theta, b, X, Y), np.s_[-1])


@mistake(
    "scale",
    fix="declare the class whose logit is fixed (--pinned 0), or give the first class its gradient",
    equations=GRADIENT,
)
class first_class_as_reference(Model):
    """The first class without a gradient, as if its logit were fixed at 0."""

    def logits_gradient(self, theta, b, X, Y):
        return without(super().logits_gradient(theta, b, X, Y), np.s_[0])


@mistake(
    "scale",
    fix="differentiate what is computed: connect the gradient to the loss",
    equations=GRADIENT,
    seen="gradzero/nn.py",
)
class graph_cut(Model):
    """No gradient at all: zeros."""

    def logits_gradient(self, theta, b, X, Y):
        return like(super().logits_gradient(theta, b, X, Y) * 0, theta)


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


# ---- terms of another loss ----


@mistake("penalty", fix="put the penalty into the loss as well, or into neither", equations=THETA, common=True)
class penalty_on_theta(Model):
    """{value} θ added to ∂ℒ/∂θ, and no penalty in the loss."""

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
