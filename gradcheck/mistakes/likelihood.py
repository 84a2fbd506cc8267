"""Probabilities that are cut off, and the loss beside a right gradient."""

import numpy as np

from gradcheck.mistakes.softmax import Clipped, FromSoftmax, log_likelihood
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import mistake


@mistake(
    "stability",
    fix="keep small probabilities: they are what moves a class",
    equations=(1,),
    seen="apple/ml-cross-entropy",
)
class small_probabilities_dropped(Model):
    """Probabilities below {value} taken for 0 in the gradient."""

    choices = (1e-7, 2.0**-12, 1e-3, 1e-5, 1e-6, 1e-8, 1e-10)
    value = 1e-7

    def residual(self, A, Y):
        return super().residual(np.where(self.value > A, A * 0, A), Y)


@mistake(
    "stability",
    fix="use log_softmax of the logits: there is nothing to clip",
    equations=(2, 10),
    seen="keras-team/keras#17634",
)
class clipped_probabilities_differentiated(Clipped):
    """Probabilities clipped to {value} before the log, and the gradient 0 where they are."""

    def residual(self, A, Y):
        labels = like(Y, A)
        inside = np.where((self.value < A) & (1 - self.value > A), labels, labels * 0)
        return super().residual(A, inside)


@mistake(
    "loss", fix="use log_softmax of the logits: there is nothing to clip", equations=(2,), seen="keras-team/keras#9664"
)
class clipped_loss(Clipped):
    """Probabilities clipped to {value} before the log, beside a gradient that does not know."""


@mistake(
    "loss", fix="use log_softmax of the logits: there is nothing to add", equations=(2,), seen="tiny-dnn/tiny-dnn#1030"
)
class constant_in_the_logarithm(Model):
    """log(A + {value}) in the loss."""

    analytic = False
    choices = (1e-8, 1e-7, 1e-6, 1e-9, 1e-10, 1e-12, 1e-15, 1e-5)
    value = 1e-8

    def total(self, log_A, Y):
        return -log_likelihood(np.exp(log_A) + self.value, Y)


@mistake("loss", fix="use (z - max) - log sum exp: log of an underflown probability is -inf", equations=(2,))
class logarithm_of_an_underflown_probability(FromSoftmax):
    """log of the softmax: -inf where it underflows, and 0 times that is NaN."""


@mistake("loss", fix="sum over all samples: no index, no early return", equations=(2,), seen="DEVLOKER/neural-network")
class loss_of_the_first_sample(Model):
    """The loss of the first sample alone."""

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X[:, :1], Y[:, :1])


@mistake("loss", fix="divide by n", equations=(2,), common=True)
class loss_summed(Model):
    """The loss summed over samples beside a mean gradient."""

    def loss(self, theta, b, X, Y):
        return like(super().loss(theta, b, X, Y) * Y.shape[1], theta)


@mistake("loss", fix="natural logarithm: log, not log2", equations=(2,))
class loss_in_bits(Model):
    """The loss with log2."""

    def loss(self, theta, b, X, Y):
        return self.divided(super().loss(theta, b, X, Y), 0.6931471805599453)


@mistake("loss", fix="scale the gradient by the upstream gradient, too", equations=(2,), seen="pytorch/pytorch#94226")
class upstream_gradient_ignored(Model):
    """The loss times {value}, and a gradient that does not know of the factor."""

    choices = (2.0, 0.5, 10.0, 100.0, 1024.0, 65536.0)
    value = 2.0

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X, Y) * self.value


@mistake("loss", fix="the loss is minus the log-likelihood", equations=(2,))
class loss_negated(Model):
    """The log-likelihood, without its minus."""

    def loss(self, theta, b, X, Y):
        return -super().loss(theta, b, X, Y)


@mistake("loss", fix="-sum Y log A: the squared error is another loss", equations=(2,))
class squared_error(Model):
    """The squared error in place of the cross-entropy."""

    analytic = False

    def loss(self, theta, b, X, Y):
        residual = self.softmax(self.logits(theta, b, X)) - like(Y, theta)
        return self.mean((residual * residual).sum(), Y)


@mistake("loss", fix="leave the other classes out: -sum Y log A is the whole loss", equations=(2,))
class binary_cross_entropy(Model):
    """Y log A + (1 - Y) log(1 - A) summed over the classes."""

    analytic = False

    def loss(self, theta, b, X, Y):
        A = self.softmax(self.logits(theta, b, X))
        labels = like(Y, A)
        return self.mean(-(labels * np.log(A) + (1 - labels) * np.log(1 - A)).sum(), Y)


@mistake("loss", fix="put the penalty into the gradient as well, or into neither", equations=(2,))
class penalty_in_the_loss(Model):
    """{value}/2 |θ|² added to the loss, and not to the gradient."""

    linear = True
    choices = (0.01, 0.0001, 0.0005, 0.001, 0.1, 1.0)
    value = 0.01

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X, Y) + (theta * theta).sum() * (self.value / 2)


@mistake("loss", fix="the entropy of A is not the loss: use Y", equations=(2,))
class entropy_of_the_prediction(Model):
    """-sum A log A: the prediction in the place of the labels."""

    analytic = False

    def total(self, log_A, Y):
        return -(np.exp(log_A) * log_A).sum()
