"""The row of a pinned class, which code does not compute: from the closed form. It is there for shape, and proves nothing."""

import numpy as np

from gradcheck import model
from gradcheck.implementations.record import NotPosed
from gradcheck.law import CrossEntropy, text
from gradcheck.problem import Array


def gradients(theta: Array, b: Array, X: Array, Y: Array, law: CrossEntropy) -> dict[str, Array]:
    """All gradients, with respect to theta, b and Z, of which that row is taken."""
    if law.plain:
        return model.gradients(theta, b, X, Y)
    if not law.folds:
        raise NotPosed("the row of a pinned class is known without a cap, a scale, a z-loss and a penalty only")
    weights, bias, data, given = (np.asarray(array, dtype=np.float64) for array in (theta, b, X, Y))
    due = np.asarray(text.labels(given, law))
    A = model.softmax(model.logits(weights, bias, data))
    D = (A * due.sum(axis=0) - due) / text.normaliser(given, law)
    return {"theta": D @ data.T, "b": D.sum(axis=1, keepdims=True), "Z": D}
