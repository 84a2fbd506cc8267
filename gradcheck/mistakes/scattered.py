"""Features in blocks, and labels by index: what is left over, and what counts once."""

import numpy as np

from gradcheck.law.functions import values
from gradcheck.mistakes.scale import without
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, THETA, mistake

# ---- features ----


@mistake("scale", fix="add up all blocks of features", equations=THETA)
class features_of_the_first_block(Model):
    """∂ℒ/∂θ is 0 beyond the first {value} features."""

    choices = (16, 8, 4, 32, 64, 128, 256, 2)
    value = 4

    def theta_gradient(self, D, X):
        return without(super().theta_gradient(D, X), np.s_[:, self.value :])


@mistake("scale", fix="process the features that are left over after unrolling", equations=THETA)
class tail_features_left_out(Model):
    """∂ℒ/∂θ is 0 for the features beyond the last multiple of {value}, where there are as many."""

    choices = (2, 4, 8, 16, 32, 64)
    value = 2

    def theta_gradient(self, D, X):
        G, d = super().theta_gradient(D, X), X.shape[0]
        return without(G, np.s_[:, d // self.value * self.value :]) if d > self.value else G


# ---- scattered labels ----


def _scattered(A, Y, each):
    """The sum over samples of A times each, minus that of the last sample of every label."""
    labels, found = values(Y), A @ each
    for k in range(len(A)):
        held = np.flatnonzero(labels[k])
        if len(held):
            found[k : k + 1] = like(found[k : k + 1] - each[held[-1:]], found)
    return found


class Scattered(Model):
    """Indexed subtraction, in which a label that repeats is subtracted once."""

    def _once(self, theta, b, X, Y, each):
        hard = np.isin(values(Y), (0, 1)).all() and (values(Y).sum(axis=0) == 1).all()
        if not hard:
            return None
        A = self.softmax(self.mapped(self.logits(theta, b, X)))
        return self.mean(_scattered(A, Y, each), Y)


ADD_AT = "use np.subtract.at, or subtract a matrix of labels: an indexed -= counts each label once"


@mistake("labels", fix=ADD_AT, equations=BIAS)
class repeated_labels_count_once(Scattered):
    """∂ℒ/∂b with labels subtracted by index: a label that repeats counts once."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        once = self._once(theta, b, X, Y, like(0 * X[:1].T + 1, theta))
        return found if once is None else {**found, "b": once}


@mistake("labels", fix=ADD_AT, equations=THETA)
class repeated_labels_count_once_in_theta(Scattered):
    """∂ℒ/∂θ with samples subtracted by index of their label: of those that share one, the last counts."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        once = self._once(theta, b, X, Y, like(X, theta).T)
        return found if once is None else {**found, "theta": once}
