"""Labels: shifted, renumbered, smoothed, ignored; and the masses of weighted samples."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import LOGITS, mistake


@mistake(
    "labels",
    fix="count classes from 0 on both sides: labels are one class off",
    equations=LOGITS,
    seen="TrustAGI-Lab/CoLA#6",
    common=True,
)
class labels_shifted_by_one(Model):
    """Labels one class up in the gradient, the last wrapped to the first."""

    def labels(self, Y):
        return np.roll(super().labels(Y), 1, axis=0)


@mistake("labels", fix="count classes from 0 on both sides: labels are one class off", equations=LOGITS)
class labels_shifted_down(Model):
    """Labels one class down in the gradient, the first wrapped to the last."""

    def labels(self, Y):
        return np.roll(super().labels(Y), -1, axis=0)


@mistake(
    "labels", fix="count classes from 0 in the loss, too", equations=(2, *LOGITS), seen="Megvii-BaseDetection/YOLOX#357"
)
class labels_shifted_everywhere(Model):
    """Labels one class up in loss and gradient, the last wrapped to the first."""

    def labels(self, Y):
        return np.roll(super().labels(Y), 1, axis=0)

    def total(self, log_A, Y):
        return super().total(log_A, np.roll(Y, 1, axis=0))


@mistake("labels", fix="number the classes in one order", equations=LOGITS)
class classes_in_reverse(Model):
    """Labels numbered from the last class down in the gradient."""

    def labels(self, Y):
        return np.flip(super().labels(Y), axis=0)


@mistake("labels", fix="shuffle X and Y by one permutation", equations=LOGITS)
class labels_of_the_next_sample(Model):
    """Each sample with the label of the sample before it."""

    def labels(self, Y):
        return np.roll(super().labels(Y), 1, axis=1)


@mistake("labels", fix="subtract Y", equations=LOGITS)
class labels_ignored(Model):
    """A/n: the labels are not subtracted."""

    def residual(self, A, Y):
        labels = like(Y, A)
        return like(A * labels.sum(axis=0, keepdims=True), A)


@mistake("labels", fix="all samples have their own labels", equations=LOGITS)
class label_of_the_first_sample(Model):
    """Every sample with the label of the first."""

    def labels(self, Y):
        return Y * 0 + Y[:, :1]


@mistake("labels", fix="a class that no sample carries still has A in its gradient", equations=LOGITS)
class absent_classes_dropped(Model):
    """No gradient for classes that the batch does not contain."""

    def residual(self, A, Y):
        carried = like(Y, A).sum(axis=1, keepdims=True)
        D = super().residual(A, Y)
        return np.where(carried > 0, D, D * 0)


@mistake("labels", fix="subtract Y in every row, and A everywhere", equations=LOGITS)
class gradient_of_the_label_only(Model):
    """A - Y at the label and 0 in every other class."""

    def residual(self, A, Y):
        D = super().residual(A, Y)
        return np.where(Y > 0, D, D * 0)


@mistake("labels", fix="smooth the labels in the loss as well, or in neither", equations=LOGITS)
class labels_smoothed(Model):
    """Labels smoothed by {value} in the gradient alone."""

    linear = True
    choices = (0.1, 0.01, 0.05, 0.2)
    value = 0.1

    def labels(self, Y):
        labels = super().labels(Y)
        return labels * (1 - self.value) + self.value / Y.shape[0]


@mistake("labels", fix="Y holds probabilities: do not take the argmax", equations=LOGITS, regimes=("soft-labels",))
class soft_labels_hardened(Model):
    """Soft labels replaced by their largest entry."""

    def labels(self, Y):
        hard = Y * 0
        for i in range(Y.shape[1]):
            hard[int(Y[:, i].argmax()), i] = 1
        return hard


@mistake(
    "labels",
    fix="divide by n, or declare what the mean is over: samples without a label count in n",
    equations=LOGITS,
    seen="pytorch/pytorch#116349",
    regimes=("label-mass",),
)
class divided_by_the_labelled_samples(Model):
    """The mean over samples that carry a label, in place of all n."""

    def mean(self, values, Y):
        return self.divided(values, max(int((Y.sum(axis=0) > 0).sum()), 1))


@mistake("labels", fix="A times the sum of the column of Y, minus Y", equations=LOGITS, regimes=("label-mass",))
class label_mass_taken_for_one(Model):
    """(A - Y)/n, whatever the columns of Y sum to."""

    def residual(self, A, Y):
        return A - like(Y, A)


@mistake("labels", fix="use the weights in the gradient, too", equations=LOGITS, regimes=("label-mass",))
class weights_ignored(Model):
    """Labels taken for one-hot: sample weights do not reach the gradient."""

    def labels(self, Y):
        ones = Y * 0 + 1
        return np.where(Y > 0, ones, ones * 0)
