"""Bounds of a softmax where classes are masked: those of the others, and none for a class at -inf."""

import numpy as np

from gradcheck.bounds import SoftmaxError


def spread(error: SoftmaxError, kept: np.ndarray) -> SoftmaxError:
    """Bounds of the classes that are kept (L,), as bounds of all; what is not bounded divides the masked ones, too."""
    if kept.all():
        return error
    parts = []
    for part in vars(error).values():
        whole = np.zeros((kept.size, part.shape[1]))
        whole[:, np.isinf(part).any(axis=0)] = np.inf
        whole[kept] = part
        parts.append(whole)
    return SoftmaxError(*parts)
