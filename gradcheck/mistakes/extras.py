"""Terms, weights and limits of another loss that are left on, where the plain one is meant."""

import numpy as np

from gradcheck.law.functions import log_sum_exp, values
from gradcheck.mistakes.softmax import FromSoftmax
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, LOGITS, mistake

BOTH = (2, *GRADIENT)
AMOUNTS = (0.1, 0.01, 0.05, 0.2, 0.001, 0.02, 0.15, 0.3, 0.5)
CAPS = (30.0, 50.0, 20.0, 15.0, 10.0, 5.0, 3.0, 2.0, 1.0, 25.0, 40.0, 60.0, 100.0)


# ---- labels ----


@mistake("labels", fix="smooth the labels in the gradient as well, or in neither", equations=(2,))
class smoothing_left_in_the_loss(Model):
    """Labels smoothed by {value} in the loss, and not in the gradient."""

    linear = True
    choices = AMOUNTS
    value = 0.1

    def total(self, log_A, Y):
        return super().total(log_A, like(Y, log_A) * (1 - self.value) + self.value / len(Y))


@mistake("labels", fix="switch label smoothing off, or declare it", equations=BOTH)
class smoothing_left_on(Model):
    """Labels smoothed by {value} in loss and gradient."""

    choices = AMOUNTS
    value = 0.1

    def folded(self, Y, other):
        return like(like(Y, other) * (1 - self.value) + self.value / len(Y), other)


@mistake("labels", fix="class 0 is a class: ignore an index that is none", equations=BOTH)
class class_ignored(Model):
    """Samples of class {value} have neither loss nor gradient, and the mean is over the others."""

    choices = (0, 1, -1)
    value = 0

    def _kept(self, Y):
        return values(Y)[self.value : (self.value + 1) or None] == 0

    def folded(self, Y, other):
        labels = like(Y, other)
        return np.where(self._kept(Y), labels, 0 * labels)

    def normaliser(self, Y):
        return max(int(self._kept(Y).sum()), 1)


@mistake("labels", fix="leave class weights out, or declare them", equations=BOTH)
class balanced_class_weights(Model):
    """Samples weighed by n/(L times the number of samples of their class), in loss and gradient."""

    def folded(self, Y, other):
        labels = like(Y, other)
        counts = labels.sum(axis=1, keepdims=True) * len(labels)
        shares = np.where(
            values(counts) > 0, labels * labels.shape[1] / np.where(values(counts) > 0, counts, 1), 0 * labels
        )
        each = np.where(values(labels) > 0, shares / np.where(values(labels) > 0, labels, 1), 0 * labels)
        return like(labels * like(each, other).sum(axis=0, keepdims=True), other)


# ---- the loss ----


def focused(log_A, gamma):
    """(1 - A)^gamma."""
    rest, found = 1 - np.exp(log_A), 1
    for _ in range(gamma):
        found = rest * found
    return found


@mistake("loss", fix="the focal loss is another loss: leave its factor out, or differentiate it", equations=(2,))
class focal_loss_beside_a_plain_gradient(Model):
    """The focal loss of gamma {value} beside the gradient of the cross-entropy."""

    analytic = False
    choices = (2, 1, 3, 4, 5)
    value = 2

    def total(self, log_A, Y):
        return super().total(like(log_A * focused(log_A, self.value), log_A), Y)


@mistake("loss", fix="leave the focal factor out", equations=BOTH)
class focal_loss(focal_loss_beside_a_plain_gradient):
    """The focal loss of gamma {value}, and its gradient, in the place of the cross-entropy."""

    def logits_gradient(self, theta, b, X, Y):
        log_A = self.log_softmax(self.logits(theta, b, X))
        A, labels = np.exp(log_A), like(Y, log_A)
        slope = focused(log_A, self.value) - A * log_A * focused(log_A, self.value - 1) * self.value
        share = np.where(values(labels) > 0, labels * slope, 0 * labels)
        return self.mean(like(A * share.sum(axis=0, keepdims=True) - share, A), Y)


@mistake("loss", fix="log_softmax has no limit: do not clamp it", equations=(2,))
class log_probabilities_clamped(Model):
    """log A is never taken for less than -{value} in the loss."""

    analytic = False
    choices = (100, 50, 30, 20, 10, 1000, 5)
    value = 100

    def total(self, log_A, Y):
        return super().total(np.maximum(log_A, like(0 * np.exp(log_A) - self.value, log_A)), Y)


@mistake("loss", fix="use log_softmax: no loss is infinite, and none is left out", equations=(2,))
class infinite_losses_left_out(FromSoftmax):
    """The mean of the losses that are finite: samples whose probability underflows are left out."""

    def loss(self, theta, b, X, Y):
        labels = like(Y, theta)
        with np.errstate(all="ignore"):
            log_A = np.log(self.softmax(self.logits(theta, b, X)))
            each = np.where(values(labels) > 0, -labels * log_A, 0 * labels).sum(axis=0)
        kept = each[np.isfinite(values(each))]
        return like(kept.sum() / len(kept) if len(kept) else 0 * labels.sum(), theta)


@mistake("penalty", fix="differentiate the z-loss as well, or leave it out", equations=(2,))
class z_loss_left_in_the_loss(Model):
    """{value} times the mean of lse^2 added to the loss, and not to the gradient."""

    linear = True
    choices = (1e-4, 1e-3, 1e-5, 1e-2, 2e-4, 5e-4, 1e-6, 0.1)
    value = 1e-4

    def loss(self, theta, b, X, Y):
        lse = log_sum_exp(self.logits(theta, b, X))
        return super().loss(theta, b, X, Y) + like(self.divided((lse * lse).sum() * self.value, Y.shape[1]), theta)


@mistake("penalty", fix="add the z-loss to the loss as well, or leave it out", equations=LOGITS)
class z_loss_left_in_the_gradient(Model):
    """The gradient of {value} times the mean of lse^2 added to that of the loss, which has none."""

    choices = (1e-4, 1e-3, 1e-5, 1e-2, 2e-4, 5e-4, 1e-6, 0.1)
    value = 1e-4

    def logits_gradient(self, theta, b, X, Y):
        return self.under(z_loss=self.value).logits_gradient(theta, b, X, Y)


# ---- logits ----


@mistake("softmax", fix="multiply the gradient by 1 - tanh(z/c)^2, or leave the cap out", equations=BOTH)
class cap_left_on_and_not_differentiated(Model):
    """Logits capped by {value} tanh(z/{value}), and the gradient of the capped ones taken for that of the logits."""

    choices = CAPS
    value = 30.0

    def mapped(self, Z):
        return self.under(softcap=self.value).mapped(Z)


@mistake("softmax", fix="leave the cap out, or declare it", equations=BOTH)
class cap_left_on(Model):
    """Logits capped by {value} tanh(z/{value}), in loss and gradient."""

    choices = CAPS
    value = 30.0

    def loss(self, theta, b, X, Y):
        return self.under(softcap=self.value).loss(theta, b, X, Y)

    def logits_gradient(self, theta, b, X, Y):
        return self.under(softcap=self.value).logits_gradient(theta, b, X, Y)


@mistake("softmax", fix="divide by T in both, or in neither", equations=(2,))
class temperature_in_the_loss(Model):
    """Logits divided by a temperature of {value} in the loss alone."""

    choices = (2.0, 0.5, 0.1, 10.0, 0.07, 20.0, 4.0, 5.0)
    value = 2.0

    def log_softmax(self, Z):
        return super().log_softmax(self.divided(Z, self.value))
