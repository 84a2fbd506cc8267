"""Label smoothing that is not what was meant: of the loss beside the gradient, of the label beside the rest."""

import numpy as np

from gradcheck.law import text
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, mistake

SMOOTHED = {"smoothing": 0.1}
IGNORED = {"ignore": -100, "mean_of": "labelled"}


@mistake(
    "labels",
    fix="smooth the labels of the gradient, too",
    equations=GRADIENT,
    law=SMOOTHED,
    seen="tinygrad/tinygrad#3570",
)
class smoothing_in_the_loss_only(Model):
    """The loss smooths its labels, and the gradient does not."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(smoothing=0.0).logits_gradient(theta, b, X, Y)


@mistake("labels", fix="smooth the labels of the loss, too", equations=(2,), law=SMOOTHED)
class smoothing_in_the_gradient_only(Model):
    """The gradient smooths its labels, and the loss does not."""

    def loss(self, theta, b, X, Y):
        return self.under(smoothing=0.0).loss(theta, b, X, Y)


class Smoothed(Model):
    """Smoothed in another way, in loss and gradient alike; `mixed` is handed Y, the smoothing and L."""

    def folded(self, Y, other):
        labels = like(Y, other)
        mixed = self.mixed(labels, self.law.smoothing, len(labels))
        found = np.where(text.kept(labels, self.law), mixed, 0 * labels)
        if self.law.class_weight:
            found = found * text.weights_of(self.law, labels)
        return like(found, other)

    def mixed(self, Y, smoothing, L):
        return Y * (1 - smoothing) + smoothing / L


@mistake(
    "labels",
    fix="take 1 - smoothing at the label, to which smoothing/L is added as to every class",
    equations=(2, *GRADIENT),
    law=SMOOTHED,
    seen="fastai/fastai#1814",
)
class smoothing_over_the_others_at_the_label(Smoothed):
    """1 - smoothing L/(L - 1) at the label, as if the rest went to the others, and smoothing/L on every class."""

    def mixed(self, Y, smoothing, L):
        return Y * (1 - smoothing * L / (L - 1)) + smoothing / L


@mistake("labels", fix="take the smoothing away from the label", equations=(2, *GRADIENT), law=SMOOTHED)
class smoothing_added_only(Smoothed):
    """smoothing/L on every class, and nothing is taken from the label."""

    def mixed(self, Y, smoothing, L):
        return Y + smoothing / L


@mistake("labels", fix="divide the smoothing by the number of classes", equations=(2, *GRADIENT), law=SMOOTHED)
class smoothing_not_divided(Smoothed):
    """The whole of the smoothing on every class."""

    def mixed(self, Y, smoothing, L):
        return Y * (1 - smoothing) + smoothing


@mistake("labels", fix="add smoothing/L to every class", equations=(2, *GRADIENT), law=SMOOTHED)
class smoothing_taken_away_only(Smoothed):
    """1 - smoothing at the label, and nothing on the other classes."""

    def mixed(self, Y, smoothing, L):
        return Y * (1 - smoothing)


@mistake("labels", fix="smooth labels once", equations=(2, *GRADIENT), law=SMOOTHED)
class smoothing_twice(Smoothed):
    """Labels that are smoothed already are smoothed again."""

    def mixed(self, Y, smoothing, L):
        return super().mixed(super().mixed(Y, smoothing, L), smoothing, L)


@mistake("labels", fix="divide the smoothing by L", equations=(2, *GRADIENT), law=SMOOTHED)
class smoothing_over_one_class_more(Smoothed):
    """smoothing/(L + 1) on every class, as of a vocabulary that is padded."""

    def mixed(self, Y, smoothing, L):
        return Y * (1 - smoothing) + smoothing / (L + 1)


@mistake(
    "labels",
    fix="mask the smoothed part, as the label's own",
    equations=(2, *GRADIENT),
    law={**IGNORED, **SMOOTHED},
    seen="pytorch/pytorch#7455",
)
class smoothing_of_ignored_samples(Model):
    """Ignored samples keep smoothing/L on every class."""

    def folded(self, Y, other):
        labels = like(Y, other)
        return like(labels * (1 - self.law.smoothing) + self.law.smoothing / len(labels), other)
