"""ArcFace: logits are s times cosines between weights and samples, and the label's angle must be smaller by a margin m."""

from types import SimpleNamespace

import numpy


def arcface(theta, X, Y, *, np, s=8.0, m=0.5):
    c = (theta / np.norm(theta, axis=1, keepdims=True)) @ (X / np.norm(X, axis=0))
    sine = np.sqrt(np.clip(1 - c**2, 1e-3, 1))
    turned = c * np.cos(m) - sine * np.sin(m)
    return -np.mean(np.sum(Y * np.log_softmax(s * (Y * turned + (1 - Y) * c)), axis=0))


COS, SIN, S = 0.8775825618903728, 0.479425538604203, 8


def kernel(theta, X, Y, slope):
    n, of_theta, of_X = X.shape[1], numpy.linalg.norm(theta, axis=1, keepdims=True), numpy.linalg.norm(X, axis=0)
    u, v = theta / of_theta, X / of_X
    c = u @ v
    square = 1 - c**2
    sine = numpy.sqrt(numpy.clip(square, 1e-3, 1))
    Z = S * (Y * (COS * c - SIN * sine) + (1 - Y) * c)
    Z -= Z.max(axis=0)
    log_p = Z - numpy.log(numpy.exp(Z).sum(axis=0))
    G = S * (numpy.exp(log_p) * Y.sum(axis=0) - Y) / n * (Y * slope(c, sine, square) + 1 - Y)
    of_u, of_v = G @ v.T, u.T @ G
    return -(Y * log_p).sum() / n, {
        "theta": (of_u - u * (u * of_u).sum(axis=1, keepdims=True)) / of_theta,
        "X": (of_v - v * (v * of_v).sum(axis=0)) / of_X,
    }


def classifier(slope):
    return SimpleNamespace(
        loss=lambda theta, b, X, Y: kernel(theta, X, Y, slope)[0],
        gradients=lambda theta, b, X, Y: kernel(theta, X, Y, slope)[1],
    )


right = classifier(lambda c, sine, square: COS + SIN * numpy.where(square > 1e-3, c / sine, 0))
# What the margin adds to the slope, sin m c/sine, is forgotten: the angle moves as if it had been a constant.
wrong = classifier(lambda c, sine, square: 1 + 0 * c)
# The sine is held at its least, and a slope flows through it all the same.
unclamped = classifier(lambda c, sine, square: COS + SIN * c / sine)
