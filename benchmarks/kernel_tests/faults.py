"""Eight faults in ∂ℒ/∂Z: what stands in the place of the gradient, in float64."""

from collections.abc import Iterator

import numpy as np

Array = np.ndarray
FAULTS = (
    "zeros",
    "zeros but at labels",
    "sign but at labels",
    "doubled but at labels",
    "last eighth of V left out",
    "smoothing 0.1",
    "tokens - 1",
    "1 % too large",
)


def gradient(z: Array, y: Array, scale: Array) -> Array:
    """(softmax - one-hot) times what each sample is multiplied by, (n, 1)."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    e[np.arange(len(y)), y] -= 1
    e *= scale
    return e


def faults(z: Array, y: Array, scale: Array, tokens: int) -> Iterator[tuple[str, Array]]:
    """Each by name."""
    d, rows, V = gradient(z, y, scale), np.arange(len(y)), z.shape[1]

    def but_at_labels(x: Array) -> Array:
        x[rows, y] = d[rows, y]
        return x

    yield "zeros", 0 * d
    yield "zeros but at labels", but_at_labels(0 * d)
    yield "sign but at labels", but_at_labels(-d)
    yield "doubled but at labels", but_at_labels(2 * d)
    cut = z.copy()
    cut[:, -max(1, V // 8) :] = -np.inf
    cut[rows, y] = z[rows, y]
    yield "last eighth of V left out", gradient(cut, y, scale)
    smoothed = d - 0.1 * scale / V
    smoothed[rows, y] += 0.1 * scale[:, 0]
    yield "smoothing 0.1", smoothed
    yield "tokens - 1", d * (tokens / (tokens - 1))
    yield "1 % too large", d * 1.01
