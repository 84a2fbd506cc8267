"""A layer Z = theta X + b before a kernel of (Z, Y), which returns the loss and its gradient with respect to Z."""

from types import SimpleNamespace


def layer(kernel):
    def loss(theta, b, X, Y):
        return kernel(theta @ X + b, Y)[0]

    def gradients(theta, b, X, Y):
        D = kernel(theta @ X + b, Y)[1]
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    return SimpleNamespace(loss=loss, gradients=gradients)
