"""The focal loss of torchvision.ops.sigmoid_focal_loss: an entry that is right already counts less."""

import numpy
from layer import layer


def focal(Z, Y, *, np, alpha=0.25, gamma=2):
    p = np.sigmoid(Z)
    p_t = p * Y + (1 - p) * (1 - Y)
    alpha_t = alpha * Y + (1 - alpha) * (1 - Y)
    return np.mean(alpha_t * (1 - p_t) ** gamma * (np.softplus(Z) - Z * Y))


def parts(Z, Y):
    small = numpy.exp(-abs(Z))
    p = numpy.where(Z < 0, small, 1) / (1 + small)
    ce = numpy.maximum(Z, 0) + numpy.log1p(small) - Z * Y
    return p, ce, p + Y - 2 * p * Y, 0.25 * Y + 0.75 * (1 - Y)


@layer
def right(Z, Y):
    p, ce, q, alpha = parts(Z, Y)
    D = alpha * (q**2 * (p - Y) + 2 * q * p * (1 - p) * (1 - 2 * Y) * ce)
    return (alpha * q**2 * ce).mean(), D / Z.size


@layer
def wrong(Z, Y):
    """q = 1 - p_t taken for a constant weight: the derivative of (1 - p_t)^gamma is forgotten."""
    p, ce, q, alpha = parts(Z, Y)
    return (alpha * q**2 * ce).mean(), alpha * q**2 * (p - Y) / Z.size
