"""Losses of one's own, and code that computes them: what the properties of `gradcheck.Loss` are about."""

import numpy

from gradcheck import Implementation, Loss


def cross_entropy(Z, Y, *, np):
    """The paper's loss, as somebody would write it down."""
    return -(Y * np.log_softmax(Z)).sum() / Y.shape[1]


def focal(Z, Y, *, np, gamma=2.0):
    """The mean focal loss."""
    log_A = np.log_softmax(Z)
    return -(Y * (1 - np.exp(log_A)) ** gamma * log_A).sum() / Y.shape[1]


def hinge(Z, Y, *, np, margin=1.0):
    """A margin: kinks where a class is just as far from its label as that."""
    label = (Z * Y).sum(axis=0, keepdims=True)
    return (np.maximum(Z - label + margin, 0) * (1 - Y)).sum()


def squares(theta, b, X, Y, *, l2=0.25):
    """Of the parameters, and not of Z alone."""
    D = theta @ X + b - Y
    return (D * D).mean() + (theta * theta).sum() * (l2 / 2)


def overflowing(Z, Y, *, np):
    """A naive sum of powers, which float64 cannot hold where logits are large."""
    powers = np.exp(Z)
    return (Y * np.log1p(powers)).mean() + (Y / (1 + powers)).sum()


def forward(theta, b, X):
    """log A and A."""
    Z = theta @ X + b
    moved = Z - Z.max(axis=0, keepdims=True)
    log_A = moved - numpy.log(numpy.exp(moved).sum(axis=0, keepdims=True))
    return log_A, numpy.exp(log_A)


def loss(theta, b, X, Y):
    """The focal loss, gamma 2."""
    log_A, A = forward(theta, b, X)
    return -(Y * (1 - A) ** 2 * log_A).sum() / theta.dtype.type(Y.shape[1])


def logits_gradient(theta, b, X, Y):
    """Its gradient, by hand."""
    log_A, A = forward(theta, b, X)
    rest = 1 - A
    G = Y * (2 * rest * A * log_A - rest * rest) / theta.dtype.type(Y.shape[1])
    return G - A * G.sum(axis=0, keepdims=True)


def gradients(theta, b, X, Y):
    """Of everything."""
    D = logits_gradient(theta, b, X, Y)
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}


def logits(theta, b, X):
    return theta @ X + b


def summed(theta, b, X, Y):
    """Not divided by n."""
    return {key: value * theta.dtype.type(Y.shape[1]) for key, value in gradients(theta, b, X, Y).items()}


FOCAL = Loss(focal)
KERNEL = Implementation("kernel", gradients, loss, logits, law=FOCAL, dtypes=("float64", "float32", "float16"))
