"""The closed forms of the paper in NumPy, in its notation. Columns of X are samples.

theta (L, d), b (L, 1), X (d, n), Y (L, n), Z and A (L, n). Results have the dtype of theta (of Z, z) exactly. Inputs may be
of any memory order, are not changed, and X and Y may be integers. Knows nothing of bounds or referees.
"""

import numpy as np

from gradcheck.problem import Array


def _like(values: Array, dtype: np.dtype) -> Array:
    """ml_dtypes' matrix product of bfloat16 is float32: rounded back here. Complex numbers stay complex."""
    return values if np.iscomplexobj(values) else values.astype(dtype, copy=False)


def _count(samples: Array, dtype: np.dtype) -> Array:
    """n as a number of that dtype: a Python integer would do, but for bfloat16."""
    return np.asarray(samples.shape[1]).astype(dtype)


def logits(theta: Array, b: Array, X: Array) -> Array:
    """`Z = theta X + b` (eq. 20), (L, n)."""
    return _like(theta @ X.astype(theta.dtype, copy=False), theta.dtype) + b


def logits_transposed(theta: Array, b: Array, X: Array) -> Array:
    """`Z = theta^T X + b`, the other convention of eq. 20, theta (d, L): (L, n)."""
    return logits(theta.T, b, X)


def _shifted(Z: Array) -> Array:
    """Z minus the maximum of each column: exp cannot overflow, and the largest term is exactly 1."""
    if np.iscomplexobj(Z):  # the complex step: any analytic shift will do, and NumPy orders by the real part
        return Z - Z[Z.real.argmax(axis=0), np.arange(Z.shape[1])]
    return Z - Z.max(axis=0, keepdims=True)


def softmax(Z: Array) -> Array:
    """`A = exp Z / sum exp Z`, column by column (eq. 1), (L, n)."""
    powers = np.exp(_shifted(Z))
    return _like(powers / _like(powers.sum(axis=0, keepdims=True), Z.dtype), Z.dtype)


def log_probabilities(Z: Array) -> Array:
    """`log A = (Z - max) - log sum exp(Z - max)`, (L, n)."""
    shifted = _shifted(Z)
    return _like(shifted - np.log(_like(np.exp(shifted).sum(axis=0, keepdims=True), Z.dtype)), Z.dtype)


def loss(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """`-(1/n) sum Y log A` (eq. 2), shape (). A class without a label does not count, even at log A = -inf."""
    Z = logits(theta, b, X)
    labels = Y.astype(theta.dtype.type(0).real.dtype, copy=False)
    nothing = labels.dtype.type(0)  # of the same kind: NumPy 1 knows no type that bfloat16 and 0 have in common
    terms = np.where(labels > 0, labels * np.where(labels > 0, log_probabilities(Z), nothing), nothing)
    return _like(-_like(terms.sum(), Z.dtype) / _count(X, Z.dtype), Z.dtype)


def probabilities_gradient(A: Array, Y: Array) -> Array:
    """`dL/dA = -Y/(nA)` (eq. 4), (L, n)."""
    return _like(-Y.astype(A.dtype) / (_count(A, A.dtype) * A), A.dtype)


def logits_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """`D = (A mass - Y)/n`, (L, n), mass the sum of each column of Y; where that is 1, `(A - Y)/n` (eq. 7-10, 19)."""
    A = softmax(logits(theta, b, X))
    labels = Y.astype(A.dtype)
    mass = labels.sum(axis=0, keepdims=True).astype(A.dtype)
    return _like((A * mass - labels) / _count(X, A.dtype), A.dtype)


def theta_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """`D X^T` (eq. 11-13, 17), (L, d)."""
    return _like(logits_gradient(theta, b, X, Y) @ X.astype(theta.dtype, copy=False).T, theta.dtype)


def theta_gradient_transposed(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """`X D^T` for Z = theta^T X + b, theta (d, L): (d, L). The `(A - Y) X^T/n` of eq. 21 holds for theta X only."""
    return _like(X.astype(theta.dtype, copy=False) @ logits_gradient(theta.T, b, X, Y).T, theta.dtype)


def bias_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """Row sums of D (eq. 14-16, 18), (L, 1)."""
    return _like(logits_gradient(theta, b, X, Y).sum(axis=1, keepdims=True), theta.dtype)


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """All four, from one softmax; that of X (d, n) is `theta^T D`."""
    D = logits_gradient(theta, b, X, Y)
    samples = X.astype(theta.dtype, copy=False)
    return {
        "theta": _like(D @ samples.T, D.dtype),
        "b": _like(D.sum(axis=1, keepdims=True), D.dtype),
        "Z": D,
        "X": _like(theta.T @ D, D.dtype),
    }


def softmax_jacobian(z: Array) -> Array:
    """`diag(a) - a a^T` for one column z (L,) (eq. 5, 6, 22), (L, L). Columns of Z do not mix."""
    a = softmax(z[:, np.newaxis])[:, 0]
    return _like(np.diag(a) - np.multiply.outer(a, a), z.dtype)


def chain_rule(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """`dL/dA . dA/dZ . dZ/dtheta` (eq. 3), composed factor by factor: (L, d)."""
    Z = logits(theta, b, X)
    outer = probabilities_gradient(softmax(Z), Y)
    columns = [softmax_jacobian(Z[:, i]) @ outer[:, i] for i in range(Z.shape[1])]
    return _like(np.stack(columns, axis=1).astype(Z.dtype) @ X.astype(Z.dtype, copy=False).T, Z.dtype)


def logistic_gradient(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """L = 2 as the logistic model: `(sigma(w X + v) - y) X^T/n` for the second class, minus that for the first: (2, d)."""
    z = logits(theta[1:] - theta[:1], b[1:] - b[:1], X)
    power = np.exp(-abs(z))  # cannot overflow
    one = z.dtype.type(1)
    sigma = np.where(z >= 0, one, power) / (one + power)
    residual = (sigma - Y[1:].astype(z.dtype)) / _count(X, z.dtype)
    second = _like(residual @ X.astype(z.dtype, copy=False).T, z.dtype)
    return np.concatenate([-second, second])
