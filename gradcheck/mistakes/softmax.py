"""The softmax: what is computed in its place, and what overflows."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import mistake

ONE_STEP = "subtract the maximum of each column before exp"


def log_likelihood(A, Y):
    """sum Y log A, as it is printed: 0 log 0 is NaN."""
    return (like(Y, A) * np.log(A)).sum()


class FromSoftmax(Model):
    """The loss is the logarithm of whatever the softmax gives: as printed, 0 log 0 is NaN."""

    analytic = False

    def loss(self, theta, b, X, Y):
        return self.mean(-log_likelihood(self.softmax(self.logits(theta, b, X)), Y), Y)


def normalised(powers):
    """Columns divided by their sums."""
    return like(powers / like(powers.sum(axis=0, keepdims=True), powers), powers)


class Clipped(Model):
    """Probabilities clipped before the log."""

    analytic = False
    choices = (1e-7, 1e-8, 1e-12, 1e-15, 1e-10, 1e-6, 1e-5)
    value = 1e-7

    def total(self, log_A, Y):
        return -log_likelihood(np.clip(np.exp(log_A), self.value, 1 - self.value), Y)


@mistake(
    "stability",
    fix=ONE_STEP,
    equations=(1,),
    seen="statsmodels/statsmodels#3635",
    common=True,
)
class unshifted_softmax(FromSoftmax):
    """exp of logits as they are: overflows above 709, and is 0/0 where all are below -745."""

    def softmax(self, Z):
        return normalised(np.exp(Z))


@mistake(
    "stability",
    fix="take the maximum of each column, not of the whole matrix",
    equations=(1,),
    seen="manassharma07/crysx_nn#7",
)
class maximum_over_the_whole_matrix(FromSoftmax):
    """One shift for all samples: 0/0 in columns far below the largest."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.max()))


@mistake("stability", fix=ONE_STEP, equations=(1,))
class minimum_subtracted(FromSoftmax):
    """The minimum subtracted in place of the maximum."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.min(axis=0, keepdims=True)))


@mistake("stability", fix="subtract the maximum: the mean leaves large logits large", equations=(1,))
class mean_subtracted(FromSoftmax):
    """The mean of the logits subtracted in place of the maximum."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.sum(axis=0, keepdims=True) / len(Z)))


@mistake("stability", fix="subtract the maximum along the class axis", equations=(1,))
class maximum_over_samples(FromSoftmax):
    """The maximum of each class over samples subtracted: a shift that softmax does not forgive."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.max(axis=1, keepdims=True)))


@mistake("stability", fix="the constant has no place: a shifted softmax never divides by 0", equations=(1,))
class constant_in_the_denominator(Model):
    """exp(Z - max)/(sum + {value})."""

    analytic = False
    choices = (1e-8, 1e-7, 1e-6, 1e-9, 1e-10, 1e-5)
    value = 1e-8

    def softmax(self, Z):
        powers = np.exp(Z - Z.max(axis=0, keepdims=True))
        return like(powers / like(powers.sum(axis=0, keepdims=True) + self.value, Z), Z)


@mistake(
    "softmax",
    fix="normalise over classes, axis=0",
    equations=(1,),
    seen="fastai/fastai#3189",
    common=True,
)
class softmax_over_samples(FromSoftmax):
    """Softmax along the sample axis: rows of A sum to 1."""

    def softmax(self, Z):
        return super().softmax(Z.T).T


@mistake("softmax", fix="divide each column by its own sum", equations=(1,), seen="nntrainer/nntrainer#430")
class softmax_by_the_grand_total(FromSoftmax):
    """Divided by the sum over classes and samples."""

    def softmax(self, Z):
        powers = np.exp(Z - Z.max(axis=0, keepdims=True))
        return like(powers / like(powers.sum(), powers), Z)


@mistake(
    "softmax",
    fix="hand the logits to the loss: it applies softmax itself",
    equations=(1, 2, 10),
    seen="tflearn/tflearn#562, keras-team/keras#6143",
    common=True,
)
class softmax_applied_twice(Model):
    """Softmax of the softmax."""

    analytic = False

    def softmax(self, Z):
        return super().softmax(super().softmax(Z))

    def log_softmax(self, Z):
        return super().log_softmax(super().softmax(Z))


@mistake(
    "softmax",
    fix="softmax over the classes, not a sigmoid for each",
    equations=(1, 2),
    seen="eLifePathways/sciencebeam-gym#9",
)
class sigmoid_per_class(FromSoftmax):
    """One sigmoid for each class."""

    def softmax(self, Z):
        return like(1 / (1 + np.exp(-Z)), Z)


@mistake(
    "softmax", fix="subtract the labels from probabilities, not from logits", equations=(10,), seen="borgwang/tinynn"
)
class softmax_forgotten(Model):
    """(Z - Y)/n: logits in place of probabilities in the gradient."""

    def logits_gradient(self, theta, b, X, Y):
        return self.mean(self.residual(self.logits(theta, b, X), self.labels(Y)), Y)


@mistake("softmax", fix="use log A in the loss and A in the gradient", equations=(10,))
class logarithm_of_probabilities(Model):
    """(log A - Y)/n."""

    def logits_gradient(self, theta, b, X, Y):
        return self.mean(self.residual(self.log_softmax(self.logits(theta, b, X)), self.labels(Y)), Y)


@mistake(
    "softmax",
    fix="take the softmax of Z itself in the gradient; if the loss is meant to have the temperature T, declare a scale of 1/T and "
    "divide by T in the gradient, too",
    equations=(1, 10),
    seen="apache/mxnet#11466",
)
class temperature_in_the_gradient(Model):
    """Logits divided by a temperature of {value} in the gradient alone."""

    choices = (2.0, 0.5, 0.1, 10.0, 0.07, 20.0)
    value = 2.0

    def logits_gradient(self, theta, b, X, Y):
        A = self.softmax(self.divided(self.logits(theta, b, X), self.value))
        return self.mean(self.residual(A, self.labels(Y)), Y)


@mistake("softmax", fix="add b to every logit", equations=(20,))
class forgotten_bias(Model):
    """Z = θ X, without b."""

    def logits(self, theta, b, X):
        return super().logits(theta, b * 0, X)


@mistake("softmax", fix="add b, do not subtract it", equations=(20,))
class bias_subtracted(Model):
    """Z = θ X - b."""

    def logits(self, theta, b, X):
        return super().logits(theta, -b, X)


@mistake(
    "softmax",
    fix="pass the logits as they are, or differentiate the clip as well",
    equations=(20, 10),
    seen="explosion/thinc: softmax_sequences",
)
class logits_clipped(Model):
    """Logits clipped to ±{value}, and the clip not differentiated."""

    analytic = False
    choices = (20.0, 10.0, 30.0, 50.0, 100.0, 500.0)
    value = 20.0

    def softmax(self, Z):
        return super().softmax(np.clip(Z, -self.value, self.value))

    def log_softmax(self, Z):
        return super().log_softmax(np.clip(Z, -self.value, self.value))
