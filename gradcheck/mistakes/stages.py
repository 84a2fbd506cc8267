"""The model stage by stage, so that code with a mistake is the right code with one stage replaced.

Each stage takes NumPy arrays (then the model is an implementation, to be caught) or `Running` arrays (then it tells what code
with this mistake may return, to be recognised). Two mistakes in one: a class that inherits from both.
"""

from typing import Any, ClassVar

import numpy as np

from gradcheck import model
from gradcheck.implementations import Implementation
from gradcheck.readings.running import Running

Values = Any  # an array of NumPy, or a Running one


def like(values: Values, other: Values) -> Values:
    """In the dtype of the other: ml_dtypes computes some things of bfloat16 in float32. Complex numbers stay complex."""
    return values if np.iscomplexobj(values) else values.astype(other.dtype, copy=False)


class Model:
    """The right code. theta (L, d), b (L, 1), X (d, n), Y (L, n); Z, A, D (L, n).

    `analytic` says whether its loss accepts complex arrays. A mistake that has a parameter lists its `choices`; a variant has one
    of them as its `value`.
    """

    analytic: ClassVar[bool] = True
    choices: ClassVar[tuple[Any, ...]] = ()
    value: ClassVar[Any] = None
    coarse: ClassVar[str] = ""  # a coarser precision, whose numbers some of its results are
    coarse_throughout: ClassVar[bool] = False  # all of them are

    # ---- forward ----

    def logits(self, theta: Values, b: Values, X: Values) -> Values:
        """Z."""
        if isinstance(theta, Running):
            return theta @ like(X, theta) + b
        return model.logits(theta, b, X)

    def softmax(self, Z: Values) -> Values:
        """A."""
        return Z.softmax() if isinstance(Z, Running) else model.softmax(Z)

    def log_softmax(self, Z: Values) -> Values:
        """log A, of logits."""
        return Z.log_softmax() if isinstance(Z, Running) else model.log_probabilities(Z)

    def loss(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        """The mean cross-entropy, a number."""
        return self.mean(self.total(self.log_softmax(self.logits(theta, b, X)), Y), Y)

    def total(self, log_A: Values, Y: Values) -> Values:
        """The sum that the loss is a mean of. A class without a label does not count, even at log A = -inf."""
        labels = Y if np.iscomplexobj(log_A) else like(Y, log_A)
        return -np.where(Y > 0, labels * np.where(Y > 0, log_A, 0 * labels), 0 * labels).sum()

    # ---- backward ----

    def labels(self, Y: Values) -> Values:
        """The labels, as the gradient sees them."""
        return Y

    def residual(self, A: Values, Y: Values) -> Values:
        """A - Y, where columns of Y sum to 1; A times that sum, minus Y, in general."""
        labels = like(Y, A)
        return like(A * labels.sum(axis=0, keepdims=True), A) - labels

    def mean(self, values: Values, Y: Values) -> Values:
        """Divided by n, once, wherever a sum over samples becomes a mean."""
        return self.divided(values, Y.shape[1])

    def divided(self, values: Values, by: Any) -> Values:
        """In the dtype of the values; complex ones stay complex."""
        if isinstance(values, Running) or np.iscomplexobj(values):
            return values / by
        return np.asarray(values / np.asarray(by).astype(values.dtype)).astype(values.dtype, copy=False)

    def logits_gradient(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        """D."""
        A = self.softmax(self.logits(theta, b, X))
        return self.mean(self.residual(A, self.labels(Y)), Y)

    def theta_gradient(self, D: Values, X: Values) -> Values:
        """D Xᵀ."""
        return like(D @ like(X, D).T, D)

    def bias_gradient(self, D: Values, X: Values) -> Values:
        """The row sums of D."""
        return like(D.sum(axis=1, keepdims=True), D)

    def data_gradient(self, D: Values, theta: Values) -> Values:
        """θᵀ D."""
        return like(theta.T @ D, D)

    def gradients(self, theta: Values, b: Values, X: Values, Y: Values) -> dict[str, Values]:
        """∂ℒ/∂θ, ∂ℒ/∂b, ∂ℒ/∂Z and ∂ℒ/∂X."""
        D = self.logits_gradient(theta, b, X, Y)
        return {
            "theta": self.theta_gradient(D, X),
            "b": self.bias_gradient(D, X),
            "Z": D,
            "X": self.data_gradient(D, theta),
        }

    # ---- the Jacobian ----

    def softmax_jacobian(self, z: Values) -> Values:
        """∂A/∂Z of one column z (L,): (L, L)."""
        return self.jacobian(self.softmax(z[:, np.newaxis])[:, 0])

    def jacobian(self, a: Values) -> Values:
        """Of the probabilities a (L,)."""
        return like(np.diag(a) - np.multiply.outer(a, a), a)

    # ---- as an implementation ----

    def implementation(self, name: str) -> Implementation:
        """All its functions, to be judged."""
        functions = (self.gradients, self.loss, self.logits, self.softmax, self.softmax_jacobian)
        return Implementation(name, *functions, analytic=self.analytic)
