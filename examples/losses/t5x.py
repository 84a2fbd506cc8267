"""Smoothed labels as t5x.losses means them: the entropy of the smoothed labels is subtracted, and z_loss log(Z)^2 is added."""

import numpy
from layer import layer


def smoothed(Z, Y, *, np, smoothing=0.125, z_loss=0.0625):
    L, n = Y.shape
    on, off = 1 - smoothing, smoothing / (L - 1)
    least = on * np.log(on) + smoothing * np.log(off)
    targets = on * Y + off * (1 - Y)
    return np.mean(least - np.sum(targets * np.log_softmax(Z), axis=0) + z_loss * np.logsumexp(Z) ** 2)


def kernel(Z, Y, off):
    top = Z.max(axis=0)
    log_z = top + numpy.log(numpy.exp(Z - top).sum(axis=0))
    targets = 0.875 * Y + off * (1 - Y)
    least = 0.875 * numpy.log(0.875) + 0.125 * numpy.log(0.125 / (len(Z) - 1))
    losses = float(least) - (targets * (Z - log_z)).sum(axis=0) + 0.0625 * log_z**2
    D = numpy.exp(Z - log_z) * (targets.sum(axis=0) + 0.125 * log_z) - targets
    return losses.mean(), D / Z.shape[1]


@layer
def right(Z, Y):
    return kernel(Z, Y, 0.125 / (len(Z) - 1))


@layer
def wrong(Z, Y):
    """The share of other labels is eps/L, as in torch and optax, for eps/(L - 1)."""
    return kernel(Z, Y, 0.125 / len(Z))
