"""Ordinal classes: of each threshold k < L - 1, how likely the label is above it; the last logit is not used."""

import numpy
from layer import layer


def ordinal(Z, Y, *, np):
    above = 1 - np.cumsum(Y, axis=0)[:-1]
    z = Z[:-1]
    return np.sum(np.softplus(z) - above * z) / Y.shape[1]


def kernel(Z, above):
    z, n = Z[:-1], Z.shape[1]
    small = numpy.exp(-abs(z))
    p = numpy.where(z < 0, small, 1) / (1 + small)
    loss = (numpy.maximum(z, 0) + numpy.log1p(small) - above * z).sum() / n
    return loss, numpy.concatenate([(p - above) / n, 0 * Z[-1:]])


@layer
def right(Z, Y):
    return kernel(Z, 1 - Y.cumsum(axis=0)[:-1])


@layer
def wrong(Z, Y):
    """A threshold too far: the label's own class counts as above it."""
    return kernel(Z, (1 - Y.cumsum(axis=0) + Y)[:-1])
