"""One head for the benchmarks of watches, depths and unusual entries: parameters, data of several kinds, and labels, in NumPy."""

import numpy as np

from gradcheck.precision import named

RUNS = 8  # of equal samples


def repeated(X, times):
    return X[:, : -(-X.shape[1] // times)].repeat(times, axis=1)[:, : X.shape[1]]


# How data are made of normal numbers (d, n), and how many samples in a row are then the same.
DATA = {
    "normal": (lambda X: X, lambda n: 1),
    "ReLU": (lambda X: np.maximum(X, 0), lambda n: 1),
    "positive": (abs, lambda n: 1),
    "each sample 4 times": (lambda X: repeated(X, 4), lambda n: 4),
    "8 runs of equal samples": (lambda X: repeated(X, -(-X.shape[1] // RUNS)), lambda n: -(-n // RUNS)),
    "one sample": (lambda X: repeated(X, X.shape[1]), lambda n: n),
}


def posed(size, seed=0, dtype="float32", *, data="normal", bias=0.0, sharp=1.0):
    """theta (L, d), b (L,), X (d, n), and labels (n,): any where `sharp` is 0, or by the softmax of that times the logits."""
    L, d, n = size
    rng, (made, times) = np.random.default_rng(seed), DATA[data]
    theta = rng.normal(size=(L, d)) / np.sqrt(d)
    b = bias * rng.normal(size=L) if bias else np.zeros(L)
    X = made(rng.normal(size=(d, n)))
    kind, logits = named(dtype).dtype, sharp * theta @ X + b[:, None] if sharp else np.zeros((L, 1))
    y = (logits + rng.gumbel(size=(L, n))).argmax(axis=0)
    return theta.astype(kind), b.astype(kind), X.astype(kind), repeated(y[np.newaxis], times(n))[0]
