"""Factors of a gradient that has the right ingredients."""

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
