"""Samples that do not count, and still do: in the mean, in the gradient, as a class."""

import numpy as np

from gradcheck.law import text
from gradcheck.law.functions import values
from gradcheck.mistakes.smoothed import IGNORED
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, LOGITS, mistake


@mistake(
    "labels",
    fix="divide the gradient by the labelled samples, too",
    equations=GRADIENT,
    law=IGNORED,
    seen="PaddlePaddle/Paddle#76033",
)
class ignored_samples_in_the_mean_of_the_gradient(Model):
    """The gradient is divided by all samples, the loss by the labelled ones."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(mean_of="samples").logits_gradient(theta, b, X, Y)


@mistake(
    "loss",
    fix="divide the loss by the labelled samples, too",
    equations=(2,),
    law=IGNORED,
    seen="flagos-ai/FlagGems#73",
)
class ignored_samples_in_the_mean_of_the_loss(Model):
    """The loss is divided by all samples, the gradient by the labelled ones."""

    def loss(self, theta, b, X, Y):
        return self.under(mean_of="samples").loss(theta, b, X, Y)


class Clamped(Model):
    """Ignored samples count as one of the classes, in loss and gradient."""

    place = 0

    def folded(self, Y, other):
        labels = like(Y, other).copy()
        labels[self.place] = like(labels[self.place] + like(~text.kept(labels, self.law)[0], other), other)
        return labels


@mistake(
    "labels",
    fix="mask the ignored samples before their label is used as an index",
    equations=(2, *GRADIENT),
    law=IGNORED,
)
class ignored_samples_as_the_first_class(Clamped):
    """Ignored labels are clamped to class 0, and counted there."""


@mistake(
    "labels",
    fix="mask the ignored samples before their label is used as an index",
    equations=(2, *GRADIENT),
    law=IGNORED,
)
class ignored_samples_as_the_last_class(Clamped):
    """Ignored labels wrap around to the last class, and are counted there."""

    place = -1


@mistake("scale", fix="count labels that are not ignored, class 0 among them", equations=(2, *GRADIENT), law=IGNORED)
class mean_over_labels_that_are_not_0(Model):
    """Divided by the number of labels that are not 0, as a count of non-zero indices."""

    def normaliser(self, Y):
        return int((values(Y)[1:].sum(axis=0) > 0).sum())


@mistake("scale", fix="guard the count by max(count, 1), not by a sum", equations=(2, *GRADIENT), law=IGNORED)
class guard_added_to_the_count(Model):
    """{value} added to the number of labelled samples."""

    choices = (1.0, 1e-8, 1e-6, 1e-5, 1e-12, 1e-3)
    value = 1.0

    def normaliser(self, Y):
        return super().normaliser(Y) + self.value


@mistake("scale", fix="divide by the labelled samples once", equations=(2, *GRADIENT), law=IGNORED)
class ignored_samples_discounted_twice(Model):
    """Divided by the labelled samples, and by their share of all samples again."""

    def mean(self, found, Y):
        return super().mean(self.divided(found * Y.shape[1], self.normaliser(Y)), Y)


@mistake("labels", fix="mask the samples that are ignored, not as many of the last", equations=LOGITS, law=IGNORED)
class last_samples_masked(Model):
    """As many samples as are ignored are masked at the end of the batch, in the gradient."""

    def residual(self, A, Y):
        kept = text.kept(like(Y, A), self.law)
        first = np.sort(~kept, axis=1)  # as many, in front
        found = like(Y, A)
        mass = like(np.where(first, 0 * A[:1], 0 * A[:1] + 1), A)
        return like(A * mass, A) - found
