"""The loss, written once: forward, in the paper's notation, columns are samples.

It is read with NumPy arrays (values, in their precision), with `Running` arrays (what rounding may do to them) and with balls
(the truth), through the tape of `gradcheck.readings` also backward: every gradient follows from this text. Knows no gradient.

    loss = 1/N sum_i [ -Y'_i . log A'_i + c lse_i^2 ] + l2/2 |theta|^2        A', lse of Z' = g(theta X + b)
"""

import numpy as np

from gradcheck.law.functions import Array, Values, log_softmax, log_sum_exp, numbers, tanh, values
from gradcheck.law.options import LABELLED, SAMPLES, WEIGHTS, CrossEntropy


def logits(theta: Values, b: Values, X: Values) -> Values:
    """`Z = theta X + b`, (L, n)."""
    return theta @ X + b


def mapped(Z: Values, law: CrossEntropy) -> Values:
    """`Z' = g(Z)`, (L, n): scaled and capped, in the order that is declared."""
    if law.scale != 1 and law.scaled == "before":
        Z = Z * law.scale
    if law.softcap:
        Z = tanh(Z / law.softcap) * law.softcap
    if law.scale != 1 and law.scaled == "after":
        Z = Z * law.scale
    return Z


def kept(Y: Values, law: CrossEntropy) -> Array:
    """(1, n), which samples count: all, or those that are labelled."""
    if law.ignore is None and law.counted != LABELLED:
        return np.ones((1, Y.shape[1]), dtype=bool)
    return np.asarray(values(Y).sum(axis=0, keepdims=True) > 0)


def squared(Y: Values, law: CrossEntropy) -> Array:
    """(1, n), of which samples lse^2 is added."""
    return np.ones((1, Y.shape[1]), dtype=bool) if law.z_over == SAMPLES else kept(Y, law)


def labels(Y: Values, law: CrossEntropy) -> Values:
    """`Y'` (L, n): smoothed where a sample counts, then weighed."""
    found = smoothed(Y, kept(Y, law), law, Y.shape[0])
    if not law.class_weight:
        return found
    weights = weights_of(law, Y)
    return found * ((Y * weights).sum(axis=0, keepdims=True) if law.smoothing_weight == "label" else weights)


def smoothed(Y: Values, counts: Array, law: CrossEntropy, L: int) -> Values:
    """Labels, all of their L rows or some, where `counts` says which samples do, smoothed."""
    if not law.smoothing:
        return Y
    rest = (1 - Y) * (law.smoothing / (L - 1)) if law.smoothing_over == "others" else law.smoothing / L
    return np.where(counts, Y * (1 - law.smoothing) + rest, Y * 0)


def weights_of(law: CrossEntropy, Y: Values) -> Values:
    """(L, 1); where more are declared than there are classes, the first."""
    return numbers(np.array(law.class_weight[: Y.shape[0]])[:, np.newaxis], Y)


def normaliser(Y: Values, law: CrossEntropy) -> Values:
    """`N`, a number."""
    if law.counted == WEIGHTS:
        return (Y * weights_of(law, Y)).sum() if law.class_weight else Y.sum()
    if law.counted == LABELLED:
        return int(kept(Y, law).sum())
    return Y.shape[1] if law.counted == SAMPLES else law.counted


def total(Z: Values, Y: Values, law: CrossEntropy) -> Values:
    """The sum over the samples, of logits `Z` (L, n): a number. A class without a label does not count, even at log A = -inf."""
    due, bent = labels(Y, law), mapped(Z, law)
    found = -np.where(values(due) > 0, log_softmax(bent) * due, np.zeros_like(due)).sum()
    if law.z_loss:
        lse = log_sum_exp(bent)
        squares = lse * lse * law.z_loss
        found = found + np.where(squared(Y, law), squares, 0 * squares).sum()
    return found


def penalty(theta: Values, b: Values, law: CrossEntropy) -> Values:
    """`l2/2 |theta|^2`, a number, and of b where that is declared."""
    squares = (theta * theta).sum()
    return (squares + (b * b).sum() if law.l2_bias else squares) * (law.l2 / 2)


def loss_of(Z: Values, theta: Values, b: Values, Y: Values, law: CrossEntropy) -> Values:
    """All of it, a number, of logits and the parameters that they are of."""
    found = total(Z, Y, law) / normaliser(Y, law)
    return found + penalty(theta, b, law) if law.l2 else found


def loss(theta: Values, b: Values, X: Values, Y: Values, law: CrossEntropy) -> Values:
    """All of it, a number."""
    return loss_of(logits(theta, b, X), theta, b, Y, law)
