"""Weights of classes: of which class, how often, and what the mean divides by."""

import numpy as np

from gradcheck.law import text
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, mistake

EACH = tuple(float(1 + (7 * k) % 5) for k in range(64))  # 1, 3, 5, 2, 4, ...
WEIGHED = {"class_weight": EACH, "mean_of": "weights"}
BY_SAMPLES = {"class_weight": EACH}


@mistake("labels", fix="weigh each sample by the class of its label", equations=GRADIENT, law=WEIGHED)
class weights_of_the_output_class(Model):
    """The gradient of each class is weighed by that class, and not by that of the label."""

    def logits_gradient(self, theta, b, X, Y):
        A = self.softmax(self.mapped(self.logits(theta, b, X)))
        return self.mean(like(super().residual(A, Y) * text.weights_of(self.law, A), A), like(Y, A))


@mistake("labels", fix="weigh the gradient, too", equations=GRADIENT, law=BY_SAMPLES)
class weights_in_the_loss_only(Model):
    """The loss is weighed, and the gradient is not."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(class_weight=()).logits_gradient(theta, b, X, Y)


@mistake("labels", fix="weigh the loss, too", equations=(2,), law=BY_SAMPLES)
class weights_in_the_gradient_only(Model):
    """The gradient is weighed, and the loss is not."""

    def loss(self, theta, b, X, Y):
        return self.under(class_weight=()).loss(theta, b, X, Y)


@mistake(
    "scale",
    fix="divide the gradient by the sum of weights, too",
    equations=GRADIENT,
    law=WEIGHED,
    seen="pytorch/pytorch#15258",
)
class weighted_gradient_divided_by_n(Model):
    """The gradient is divided by n, the loss by the sum of weights."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(mean_of="samples").logits_gradient(theta, b, X, Y)


@mistake("scale", fix="divide the loss by the sum of weights, too", equations=(2,), law=WEIGHED)
class weighted_loss_divided_by_n(Model):
    """The loss is divided by n, the gradient by the sum of weights."""

    def loss(self, theta, b, X, Y):
        return self.under(mean_of="samples").loss(theta, b, X, Y)


@mistake("scale", fix="divide by the weights of the labels, once", equations=(2, *GRADIENT), law=WEIGHED)
class weights_normalised_twice(Model):
    """Weights are divided by their own mean, and the divisor is the sum of what they were."""

    def folded(self, Y, other):
        return like(super().folded(Y, other) * (len(Y) / sum(self.law.class_weight[: len(Y)])), other)


@mistake("scale", fix="divide by the weights of the labels", equations=(2, *GRADIENT), law=WEIGHED)
class divided_by_the_weights_of_all_classes(Model):
    """The divisor is the sum of the weights of all classes, whatever the labels are."""

    def normaliser(self, Y):
        return sum(self.law.class_weight[: len(Y)])


@mistake("labels", fix="multiply by the weights once", equations=(2, *GRADIENT), law=BY_SAMPLES)
class weights_squared(Model):
    """Weights enter twice: into the labels, and into the terms."""

    def folded(self, Y, other):
        return like(super().folded(Y, other) * text.weights_of(self.law, Y), other)


@mistake("labels", fix="index the weights by the label itself", equations=(2, *GRADIENT), law=BY_SAMPLES)
class weights_of_the_next_class(Model):
    """Each label is weighed by the class after it."""

    def folded(self, Y, other):
        return like(like(Y, other) * np.roll(text.weights_of(self.law, Y), -1, axis=0), other)


@mistake("labels", fix="weigh the smoothed part, too", equations=(2, *GRADIENT), law={**BY_SAMPLES, "smoothing": 0.1})
class smoothed_part_not_weighed(Model):
    """The label is weighed, and what is smoothed over all classes is not."""

    def folded(self, Y, other):
        law, labels = self.law, like(Y, other)
        return like(labels * text.weights_of(law, Y) * (1 - law.smoothing) + law.smoothing / len(labels), other)


@mistake(
    "scale",
    fix="leave ignored samples out of the sum of weights",
    equations=(2, *GRADIENT),
    law={**WEIGHED, "ignore": -100},
)
class weights_of_ignored_samples_in_the_mean(Model):
    """Ignored samples count in the sum of weights, as class 0."""

    def normaliser(self, Y):
        return super().normaliser(Y) + float((~text.kept(Y, self.law)).sum()) * self.law.class_weight[0]
