"""The closed forms of the paper, in its notation, stage by stage, with the options of the loss. Columns of X are samples.

theta (L, d), b (L, 1), X (d, n), Y (L, n), Z, A and D (L, n). Results have the dtype of theta (of Z, z) exactly. Inputs may be
of any memory order, are not changed, and X and Y may be integers. Knows nothing of bounds or referees.

Each stage takes NumPy arrays, and then the model is an implementation, or `Running` ones, and then it tells what code may
return. Code with a mistake is a `Stages` with one of them replaced. The forward stages are those of `gradcheck.law.text`; the
backward ones are by hand, as users write them, and lie in what the text's own derivative encloses (properties/test_readings.py).
"""

from typing import Any

import numpy as np

from gradcheck.law import CrossEntropy, functions, text
from gradcheck.law.functions import tanh, values
from gradcheck.law.options import PLAIN
from gradcheck.problem import Array

Values = Any  # an array of NumPy, or of another reading


def like(found: Values, other: Values) -> Values:
    """In the dtype of the other."""
    return functions.like(found, other.dtype)


class Stages:
    """The right code for one loss."""

    def __init__(self, law: CrossEntropy = PLAIN) -> None:
        self.law = law

    # ---- forward ----

    def logits(self, theta: Values, b: Values, X: Values) -> Values:
        """`Z = theta X + b` (eq. 20), (L, n)."""
        return like(theta @ like(X, theta), theta) + b

    def mapped(self, Z: Values) -> Values:
        """Scaled and capped."""
        return like(text.mapped(Z, self.law), Z) if self.law.mapped else Z

    def softmax(self, Z: Values) -> Values:
        """`A = exp Z / sum exp Z`, column by column (eq. 1), (L, n)."""
        return functions.softmax(Z)

    def log_softmax(self, Z: Values) -> Values:
        """`log A = (Z - max) - log sum exp(Z - max)`, (L, n)."""
        return functions.log_softmax(Z)

    def log_sum_exp(self, Z: Values) -> Values:
        """`max + log sum exp(Z - max)`, (1, n)."""
        return functions.log_sum_exp(Z)

    def folded(self, Y: Values, other: Values) -> Values:
        """`Y'`: smoothed and weighed, in the dtype of the other."""
        if self.law.plain:
            return Y
        return like(text.labels(like(Y, other), self.law), other)

    def loss(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        """`-(1/N) sum Y' log A'` (eq. 2), a number, and what is added to it."""
        Z = self.mapped(self.logits(theta, b, X))
        total = self.total(self.log_softmax(Z), self.folded(Y, Z))
        if self.law.z_loss:
            total = total + self.squares(Z, Y)
        found = self.mean(total, Y)
        return like(found + self.penalty(theta, b), found) if self.law.l2 else found

    def total(self, log_A: Values, Y: Values) -> Values:
        """The sum that the loss is a mean of. A class without a label does not count, even at log A = -inf."""
        labels = Y if np.iscomplexobj(log_A) else like(Y, log_A)
        return like(
            -np.where(values(Y) > 0, labels * np.where(values(Y) > 0, log_A, 0 * labels), 0 * labels).sum(), log_A
        )

    def counting(self, Y: Values) -> Values:
        """(1, n), the weight of each sample in the z-loss: 1 where it counts."""
        return like(text.squared(Y, self.law), Y)

    def squares(self, Z: Values, Y: Values) -> Values:
        """`c sum lse^2`."""
        lse = self.log_sum_exp(Z)
        return like((lse * lse * self.counting(like(Y, Z))).sum() * self.law.z_loss, Z)

    def penalty(self, theta: Values, b: Values) -> Values:
        """`l2/2 |theta|^2`."""
        return like(text.penalty(theta, b, self.law), theta)

    # ---- backward ----

    def labels(self, Y: Values) -> Values:
        """The labels, as the gradient sees them."""
        return Y

    def residual(self, A: Values, Y: Values) -> Values:
        """`A - Y`, where columns of Y sum to 1; A times that sum, minus Y, in general."""
        labels = like(Y, A)
        return like(A * like(labels.sum(axis=0, keepdims=True), A), A) - labels

    def of_squares(self, Z: Values, A: Values, Y: Values) -> Values:
        """`2 c lse A`."""
        return like(A * (self.log_sum_exp(Z) * self.counting(like(Y, A)) * (2 * self.law.z_loss)), A)

    def slope(self, Z: Values) -> Values:
        """`g'(Z)`: the scale, and `1 - t^2` of the cap."""
        law, one = self.law, 0 * Z + 1
        if law.softcap:
            t = tanh(Z * ((law.scale if law.scaled == "before" else 1.0) / law.softcap))
            one = 1 - t * t
        return like(one * law.scale, Z)

    def normaliser(self, Y: Values) -> Values:
        """`N`."""
        return text.normaliser(Y, self.law)

    def mean(self, found: Values, Y: Values) -> Values:
        """Divided by N, once, wherever a sum over samples becomes a mean."""
        return self.divided(found, self.normaliser(Y))

    def divided(self, found: Values, by: Values) -> Values:
        """In the dtype of the values; complex ones stay complex."""
        if hasattr(found, "values") or np.iscomplexobj(found):  # of another reading
            return found / by
        return np.asarray(found / np.asarray(by).astype(found.dtype)).astype(found.dtype, copy=False)

    def logits_gradient(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        """`D = (A mass - Y)/n`, (L, n), mass the sum of each column of Y; where that is 1, `(A - Y)/n` (eq. 7-10, 19)."""
        Z = self.logits(theta, b, X)
        bent = self.mapped(Z)
        A = self.softmax(bent)
        found = self.residual(A, self.labels(self.folded(Y, A)))
        if self.law.z_loss:
            found = found + self.of_squares(bent, A, Y)
        if self.law.mapped:
            found = like(found * self.slope(Z), A)
        return self.mean(found, Y)

    def theta_gradient(self, D: Values, X: Values) -> Values:
        """`D X^T` (eq. 11-13, 17), (L, d)."""
        return like(D @ like(X, D).T, D)

    def bias_gradient(self, D: Values, X: Values) -> Values:
        """Row sums of D (eq. 14-16, 18), (L, 1)."""
        return like(D.sum(axis=1, keepdims=True), D)

    def data_gradient(self, D: Values, theta: Values) -> Values:
        """`theta^T D`, (d, n)."""
        return like(theta.T @ D, D)

    def penalised(self, gradient: Values, parameter: Values) -> Values:
        """With the gradient of the penalty."""
        return like(gradient + parameter * self.law.l2, gradient)

    def gradients(self, theta: Values, b: Values, X: Values, Y: Values) -> dict[str, Values]:
        """All four, from one softmax: of theta (L, d), b (L, 1), Z (L, n) and X (d, n)."""
        D = self.logits_gradient(theta, b, X, Y)
        found = {
            "theta": self.theta_gradient(D, X),
            "b": self.bias_gradient(D, X),
            "Z": D,
            "X": self.data_gradient(D, theta),
        }
        if self.law.l2:
            found["theta"] = self.penalised(found["theta"], theta)
            found["b"] = self.penalised(found["b"], b) if self.law.l2_bias else found["b"]
        return found

    # ---- the Jacobian ----

    def softmax_jacobian(self, z: Values) -> Values:
        """`diag(a) - a a^T` for one column z (L,) (eq. 5, 6, 22), (L, L). Columns of Z do not mix."""
        return self.jacobian(self.softmax(z[:, np.newaxis])[:, 0])

    def jacobian(self, a: Values) -> Values:
        """Of the probabilities a (L,)."""
        return like(np.diag(a) - np.multiply.outer(a, a), a)


# ---- the paper's loss, as functions ----

PAPER = Stages()
logits, loss, gradients, softmax_jacobian = PAPER.logits, PAPER.loss, PAPER.gradients, PAPER.softmax_jacobian
softmax, log_probabilities, logits_gradient = functions.softmax, functions.log_softmax, PAPER.logits_gradient


def logits_transposed(theta: Array, b: Array, X: Array) -> Values:
    """`Z = theta^T X + b`, the other convention of eq. 20, theta (d, L): (L, n)."""
    return logits(theta.T, b, X)


def probabilities_gradient(A: Array, Y: Array) -> Values:
    """`dL/dA = -Y/(nA)` (eq. 4), (L, n)."""
    return like(-Y.astype(A.dtype) / (np.asarray(A.shape[1]).astype(A.dtype) * A), A)


def theta_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Values:
    """`D X^T` (eq. 11-13, 17), (L, d)."""
    return PAPER.theta_gradient(logits_gradient(theta, b, X, Y), X)


def theta_gradient_transposed(theta: Array, b: Array, X: Array, Y: Array) -> Values:
    """`X D^T` for Z = theta^T X + b, theta (d, L): (d, L). The `(A - Y) X^T/n` of eq. 21 holds for theta X only."""
    return like(like(X, theta) @ logits_gradient(theta.T, b, X, Y).T, theta)


def bias_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Values:
    """Row sums of D (eq. 14-16, 18), (L, 1)."""
    return PAPER.bias_gradient(logits_gradient(theta, b, X, Y), X)


def chain_rule(theta: Array, b: Array, X: Array, Y: Array) -> Values:
    """`dL/dA . dA/dZ . dZ/dtheta` (eq. 3), composed factor by factor: (L, d)."""
    Z = logits(theta, b, X)
    outer = probabilities_gradient(softmax(Z), Y)
    columns = [softmax_jacobian(Z[:, i]) @ outer[:, i] for i in range(Z.shape[1])]
    return like(like(np.stack(columns, axis=1), Z) @ like(X, Z).T, Z)


def logistic_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Values:
    """L = 2 as the logistic model: `(sigma(w X + v) - y) X^T/n` for the second class, minus that for the first: (2, d)."""
    z = logits(theta[1:] - theta[:1], b[1:] - b[:1], X)
    power = np.exp(-abs(z))  # cannot overflow
    one = z.dtype.type(1)
    sigma = np.where(z >= 0, one, power) / (one + power)
    residual = PAPER.divided(sigma - Y[1:].astype(z.dtype), X.shape[1])
    second = like(residual @ like(X, z).T, z)
    return np.concatenate([-second, second])
