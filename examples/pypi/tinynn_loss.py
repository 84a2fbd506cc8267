"""tinynn 0.0.4: the gradient of SoftmaxCrossEntropy forgets the softmax, so that (Z - Y)/n takes the place of (A - Y)/n.

Needs the package: pip install tinynn==0.0.4

    gradcheck verify tinynn_loss.py --samples rows
"""

from tinynn.core.loss import SoftmaxCrossEntropy

criterion = SoftmaxCrossEntropy()


def logits(theta, b, X):
    return X @ theta.T + b


def loss(theta, b, X, Y):
    return criterion.loss(logits(theta, b, X), Y)


def gradients(theta, b, X, Y):
    D = criterion.grad(logits(theta, b, X), Y)
    return {"theta": D.T @ X, "b": D.sum(axis=0), "Z": D}
