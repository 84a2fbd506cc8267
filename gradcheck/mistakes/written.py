"""The order of memory, and what is written into arrays that were only lent."""

import numpy as np

from gradcheck.mistakes.rounded import cast
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import LOGITS, THETA, mistake

NO_WRITE = "write into an array of your own, never into an argument"


# ---- memory order ----


def in_memory_order(array):
    """The same shape, filled with the entries as they lie in memory."""
    return np.ravel(array, order="K").reshape(array.shape)


@mistake(
    "memory",
    fix="heed the strides of X, or copy it with np.ascontiguousarray first",
    equations=(20, *THETA),
    regimes=("memory-F",),
)
class strides_ignored(Model):
    """X read as it lies in memory, as if it were C-ordered."""

    def logits(self, theta, b, X):
        return super().logits(theta, b, in_memory_order(X))

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, in_memory_order(X))


@mistake(
    "memory",
    fix="heed the strides of Y, or copy it with np.ascontiguousarray first",
    equations=LOGITS,
    regimes=("memory-F",),
)
class fortran_labels(Model):
    """The gradient reads Y as it lies in memory, as if it were C-ordered."""

    def labels(self, Y):
        return in_memory_order(super().labels(Y))


# ---- inputs written into ----


def overwrite(array, values):
    """In place, where that is allowed."""
    if array.flags.writeable:
        array[...] = cast(values, array.dtype)


@mistake("memory", fix=NO_WRITE, equations=LOGITS)
class labels_overwritten(Model):
    """Y -= A in place, on the way to the gradient."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        overwrite(Y, like(Y, theta) - self.softmax(self.logits(theta, b, X)))
        return found


@mistake("memory", fix=NO_WRITE, equations=(1,))
class logits_overwritten(Model):
    """The softmax subtracts the maximum from Z in place."""

    def softmax(self, Z):
        found = super().softmax(Z)
        overwrite(Z, Z - Z.max(axis=0, keepdims=True))
        return found


@mistake("memory", fix=NO_WRITE, equations=THETA)
class samples_scaled_in_place(Model):
    """X /= n in place, to divide ∂ℒ/∂θ by n."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        overwrite(X, self.divided(like(X, theta), X.shape[1]))
        return found


@mistake("memory", fix="leave the step to the optimiser", equations=THETA)
class weights_updated_in_place(Model):
    """A step of 0.1 taken in θ itself, by the function that only computes the gradient."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        overwrite(theta, theta - self.divided(found["theta"], 10))
        return found


@mistake("memory", fix=NO_WRITE, equations=(5, 6, 22))
class probabilities_overwritten_in_jacobian(Model):
    """The Jacobian puts the probabilities in the place of the logits z that it was given."""

    def softmax_jacobian(self, z):
        found = super().softmax_jacobian(z)
        overwrite(z, self.softmax(z[:, np.newaxis].copy())[:, 0])
        return found
