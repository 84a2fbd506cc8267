"""The specifications, in the paper's notation: columns are samples. Labels Y may be shares, as smoothed ones are."""

import math

from gradcheck import Loss


def focal(Z, Y, *, np, gamma=2):
    """Lin et al. 2017."""
    log_p = np.log_softmax(Z)
    return -np.mean(np.sum(Y * (1 - np.exp(log_p)) ** gamma * log_p, axis=0))


def distillation(Z, Y, *, np, T=2.0):
    """Hinton et al. 2015: KL of a teacher whose logits are 3 Y, times T^2."""
    log_t, log_p = np.log_softmax(Y * 3 / T), np.log_softmax(Z / T)
    return T * T * np.mean(np.sum(np.exp(log_t) * (log_t - log_p), axis=0))


def arcface(theta, X, Y, *, np, margin=0.5, scale=8.0):
    """Deng et al. 2019: the label's angle is widened by a margin."""
    rows = theta / np.sqrt(np.sum(theta**2, axis=1, keepdims=True) + 1e-3)
    columns = X / np.sqrt(np.sum(X**2, axis=0, keepdims=True) + 1e-3)
    cosine = np.clip(rows @ columns, -0.99, 0.99)
    turned = cosine * math.cos(margin) - np.sqrt(1 - cosine**2) * math.sin(margin)
    return -np.mean(np.sum(Y * np.log_softmax(scale * (Y * turned + (1 - Y) * cosine)), axis=0))


def smoothed(Z, Y, *, np, smoothing=0.125):
    """As t5x means it: the entropy of the smoothed labels is subtracted, so that the least is 0."""
    L = Z.shape[0]
    low = smoothing / (L - 1)
    entropy = -((1 - smoothing) * np.log(1 - smoothing) + (L - 1) * low * np.log(low))
    targets = Y * (1 - smoothing) + (1 - Y) * low
    return np.mean(-np.sum(targets * np.log_softmax(Z), axis=0) - entropy)


def info_nce(theta, b, X, Y, *, np, T=0.5):
    """Oord et al. 2018: sample against sample of a batch; queries theta X + b, keys theta X, a margin for what has one label."""
    Q, K = theta @ X + b, theta @ X
    S = Q.T @ K / T + Y.T @ Y / 4
    return np.mean(np.logsumexp(S, axis=1) - np.diagonal(S))


def ordinal(Z, Y, *, np):
    """Niu et al. 2016: a logit for each threshold but the last, and whether the label lies above it."""
    above = 1 - np.cumsum(Y, axis=0)[:-1]
    return np.mean(np.sum(np.softplus(Z[:-1]) - above * Z[:-1], axis=0))


def z_loss(Z, Y, *, np, c=1e-3):
    """Cross-entropy with a penalty of the squared log-sum-exp."""
    return np.mean(-np.sum(Y * np.log_softmax(Z), axis=0) + c * np.logsumexp(Z) ** 2)


def poly1(Z, Y, *, np, epsilon=2.0):
    """Leng et al. 2022."""
    log_p = np.log_softmax(Z)
    return np.mean(-np.sum(Y * log_p, axis=0) + epsilon * (1 - np.sum(Y * np.exp(log_p), axis=0)))


def hinge(Z, Y, *, np):
    """Crammer and Singer 2001. It has kinks."""
    others = np.max(np.where(Y > 0, -np.inf, Z), axis=0)
    return np.mean(np.relu(1 + others - np.sum(Y * Z, axis=0)))


def one_vs_rest(Z, Y, *, np):
    """A logistic loss of each class."""
    return np.mean(np.sum(np.softplus(Z) - Y * Z, axis=0))


def tempered(theta, b, X, Y, *, np, T=1.5, l2=0.0625):
    """Cross-entropy at a temperature, with a penalty."""
    log_p = np.log_softmax((theta @ X + b) / T)
    return -np.mean(np.sum(Y * log_p, axis=0)) + l2 / 2 * np.sum(theta**2)


SPECS = {
    function.__name__: Loss(function)
    for function in (
        focal,
        distillation,
        arcface,
        smoothed,
        info_nce,
        ordinal,
        z_loss,
        poly1,
        hinge,
        one_vs_rest,
        tempered,
    )
}
