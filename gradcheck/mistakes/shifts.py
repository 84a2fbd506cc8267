"""What the maximum is taken for, and what is sorted, flushed or taken by its sign: a softmax that goes wrong at its edges."""

import numpy as np

from gradcheck.law.functions import values
from gradcheck.mistakes.rounded import SHORT, through
from gradcheck.mistakes.softmax import log_likelihood
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, LOGITS, mistake
from gradcheck.mistakes.tiles import Normalised

SHIFTED = (1, 2, *GRADIENT)


@mistake("stability", fix="begin the maximum at -inf, or at the first class", equations=SHIFTED)
class maximum_from_a_sentinel(Normalised):
    """The maximum begins at {value}, and not at -inf."""

    choices = (0, -10000, -1000, -100, -65504, -1e6, -1e9, 2.2250738585072014e-308)
    value = 0

    def shift(self, Z):
        return np.maximum(super().shift(Z), like(0 * Z[:1] + self.value, Z))


@mistake("stability", fix="take the maximum over all classes: range(L), not range(L - 1)", equations=SHIFTED)
class maximum_without_the_last_class(Normalised):
    """The maximum is taken over all classes but the last."""

    def shift(self, Z):
        return Z[:-1].max(axis=0, keepdims=True)


@mistake("stability", fix="keep the maximum in the dtype of the logits", equations=SHIFTED)
class maximum_in_float32(Normalised):
    """The maximum is rounded to float32 before it is subtracted."""

    near = True

    def shift(self, Z):
        return through(super().shift(Z), SHORT)


@mistake(
    "stability",
    fix="leave the exponent as it is: exp underflows by itself",
    equations=SHIFTED,
    seen="PaddlePaddle/Paddle#54107",
)
class exponent_floored(Normalised):
    """z - max is never taken for less than -{value}."""

    choices = (64, 50, 20, 30, 80, 87, 88, 100, 10)
    value = 64

    def softmax(self, Z):
        return super().softmax(self._floored(Z))

    def log_softmax(self, Z):
        return super().log_softmax(self._floored(Z))

    def _floored(self, Z):
        moved = like(Z - Z.max(axis=0, keepdims=True), Z)
        return np.maximum(moved, like(0 * moved - self.value, Z))


@mistake("softmax", fix="add up every class that ties with the largest", equations=SHIFTED)
class ties_counted_once(Normalised):
    """The sum of exps is 1 for all largest logits together, and the others: ties are counted once."""

    def total_of(self, Z, shift):
        largest = values(Z) == values(Z).max(axis=0, keepdims=True)
        powers = np.exp(Z - shift)
        return like(np.where(largest, 0 * powers, powers).sum(axis=0, keepdims=True) + 1, Z)


@mistake(
    "softmax",
    fix="subtract the maximum from z, not z from the maximum",
    equations=SHIFTED,
    seen="fastmachinelearning/hls4ml#42",
)
class softmax_of_negated_logits(Normalised):
    """Softmax of -Z."""

    def softmax(self, Z):
        return super().softmax(-Z)

    def log_softmax(self, Z):
        return super().log_softmax(-Z)


@mistake("softmax", fix="exp, not a power of 2", equations=SHIFTED)
class powers_of_two(Normalised):
    """2^z in place of exp z."""

    def softmax(self, Z):
        return super().softmax(like(Z * float(np.log(2)), Z))

    def log_softmax(self, Z):
        return super().log_softmax(like(Z * float(np.log(2)), Z))


# ---- in the gradient alone ----


@mistake("softmax", fix="A - Y needs the probabilities, not the prediction", equations=LOGITS)
class prediction_in_place_of_probabilities(Model):
    """1 at the largest logit and 0 elsewhere in the place of A, in the gradient."""

    def residual(self, A, Y):
        most = values(A).argmax(axis=0)
        return super().residual(np.where(np.arange(len(A))[:, np.newaxis] == most, 0 * A + 1, 0 * A), Y)


@mistake("axis", fix="undo a sort with the argsort of its order", equations=LOGITS)
class sorted_back_by_its_own_order(Model):
    """Probabilities are sorted, and put back by the order itself in place of its inverse."""

    def residual(self, A, Y):
        order = np.argsort(values(A), axis=0, kind="stable")
        back = np.take_along_axis(np.take_along_axis(A, order, axis=0), order, axis=0)
        return super().residual(back, Y)


@mistake("stability", fix="keep small gradients: they add up", equations=GRADIENT)
class small_gradients_flushed(Model):
    """Entries of ∂ℒ/∂Z below {value} are taken for 0."""

    choices = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-10, 1e-12, 1e-15, 1e-20, 1e-30)
    value = 1e-6

    def logits_gradient(self, theta, b, X, Y):
        D = super().logits_gradient(theta, b, X, Y)
        return np.where(abs(D) < self.value, 0 * D, D)


@mistake("sign", fix="A - Y with its own sign in every class", equations=GRADIENT)
class odd_classes_negated(Model):
    """∂ℒ/∂Z has the opposite sign in odd classes."""

    def logits_gradient(self, theta, b, X, Y):
        D = super().logits_gradient(theta, b, X, Y).copy()
        D[1::2] = -D[1::2]
        return D


@mistake("stability", fix="use log_softmax of the logits: there is nothing to clamp", equations=(2, *GRADIENT))
class probabilities_clamped_from_below(Model):
    """Probabilities clamped to {value} from below before the log, and the gradient 0 where they are."""

    analytic = False
    choices = (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-9, 1e-15, 1e-20, 1e-5, 1e-3)
    value = 1e-10

    def total(self, log_A, Y):
        A = np.exp(log_A)
        return -log_likelihood(np.maximum(A, like(0 * A + self.value, A)), Y)

    def residual(self, A, Y):
        labels = like(Y, A)
        return super().residual(A, np.where(self.value < A, labels, labels * 0))
