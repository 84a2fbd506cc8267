"""Softmaxes of the columns of Z, (L, n) to (L, n), in the dtype of Z. The maximum of a column is subtracted in all of them."""

from collections.abc import Callable

import numpy as np
import scipy.special

from benchmarks.algorithms.stage import Array, Table, number, wide
from benchmarks.algorithms.sums import SUMS, in_order, numpy, reversed_order

SOFTMAXES = Table({})
LOG2_E = 1 / np.log(np.longdouble(2))


def summed_by(total: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """exp(z - m)/s, s summed in that way."""

    def softmax(Z: Array) -> Array:
        e = np.exp(Z - Z.max(axis=0))
        return e / total(e)

    return softmax


for name, stage in SUMS.stages.items():
    SOFTMAXES.enter(f"exp(z - m)/s, s summed {stage.what}", name=f"{name}_sum")(summed_by(stage.function))


@SOFTMAXES.enter("exp(z - m) times 1/s")
def reciprocal(Z: Array) -> Array:
    e = np.exp(Z - Z.max(axis=0))
    return e * (number(1, Z) / numpy(e))


@SOFTMAXES.enter("exp((z - m) - log s)")
def logarithm_first(Z: Array) -> Array:
    shifted = Z - Z.max(axis=0)
    return np.exp(shifted - np.log(reversed_order(np.exp(shifted))))


@SOFTMAXES.enter("exp(z - (m + log s))")
def log_sum_exp(Z: Array) -> Array:
    m = Z.max(axis=0)
    return np.exp(Z - (m + np.log(in_order(np.exp(Z - m)))))


@SOFTMAXES.enter("exp((z - m) - log1p of the sum without its largest term)")
def logarithm_of_one_more(Z: Array) -> Array:
    shifted = Z - Z.max(axis=0)
    rest = np.exp(shifted)
    rest[Z.argmax(axis=0), np.arange(Z.shape[1])] = 0
    return np.exp(shifted - np.log1p(in_order(rest)))


@SOFTMAXES.enter("scipy.special.softmax")
def scipy_softmax(Z: Array) -> Array:
    return scipy.special.softmax(Z, axis=0).astype(Z.dtype)


@SOFTMAXES.enter("exp of scipy.special.log_softmax")
def scipy_log_softmax(Z: Array) -> Array:
    return np.exp(scipy.special.log_softmax(Z, axis=0).astype(Z.dtype))


@SOFTMAXES.enter("exp(z - scipy.special.logsumexp)")
def scipy_logsumexp(Z: Array) -> Array:
    return np.exp(Z - scipy.special.logsumexp(wide(Z).astype(np.float64), axis=0).astype(Z.dtype))


@SOFTMAXES.enter("the rows of the transpose, contiguous, as exp(z - m)/s")
def by_rows(Z: Array) -> Array:
    rows = np.ascontiguousarray(Z.T)
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True, dtype=Z.dtype)).T


@SOFTMAXES.enter("in a wider format, rounded once")
def widely(Z: Array) -> Array:
    e = np.exp(wide(Z) - wide(Z).max(axis=0))
    return (e / e.sum(axis=0)).astype(Z.dtype)


@SOFTMAXES.enter("two classes as 1/(1 + q) and q/(1 + q), q = exp(-|z_1 - z_0|)")
def logistic(Z: Array) -> Array:
    if len(Z) != 2:
        return summed_by(in_order)(Z)
    q = np.exp(-abs(Z[1] - Z[0]))
    larger, smaller = number(1, Z) / (number(1, Z) + q), q / (number(1, Z) + q)
    return np.where(np.stack([Z[0] >= Z[1], Z[1] > Z[0]]), larger, smaller)


@SOFTMAXES.enter(
    "two classes: scipy.special.expit of the larger logit minus the smaller, exp of log_expit of the reverse"
)
def expit(Z: Array) -> Array:
    if len(Z) != 2:
        return reciprocal(Z)
    known = Z if Z.dtype.itemsize > 2 else Z.astype(np.float32)
    above = (Z.max(axis=0) - Z.min(axis=0)).astype(known.dtype)
    # expit of a large negative number is 0 where its own exp overflows
    larger, smaller = scipy.special.expit(above).astype(Z.dtype), scipy.special.log_expit(-above).astype(Z.dtype)
    return np.where(np.stack([Z[0] >= Z[1], Z[1] > Z[0]]), larger, np.exp(smaller))


@SOFTMAXES.enter("exp(z - m)/s, divided by its own sum once more")
def renormalised(Z: Array) -> Array:
    A = summed_by(in_order)(Z)
    return A / in_order(A)


@SOFTMAXES.enter("softmax of log softmax", "twice")
def double(Z: Array) -> Array:
    shifted = Z - Z.max(axis=0)
    return summed_by(numpy)(shifted - np.log(numpy(np.exp(shifted))))


@SOFTMAXES.enter("exp2((z - m) log2 e)/s")
def exp2(Z: Array) -> Array:
    e = np.exp2((Z - Z.max(axis=0)) * number(LOG2_E, Z))
    return e / numpy(e)


@SOFTMAXES.enter("exp2 of z log2 e - m log2 e, fused: rounded once, but for m log2 e")
def exp2_fused(Z: Array) -> Array:
    c, m = number(LOG2_E, Z), Z.max(axis=0)
    e = np.exp2((wide(Z) * wide(c) - wide(m * c)).astype(Z.dtype))
    # at the maximum it is the error of m log2 e, not 0: that cancels, but may leave the range of exp2 where m > 1/u
    ulps = {8: 2.0**52, 4: 2.0**23}.get(Z.dtype.itemsize, 2.0**7 if Z.dtype != np.float16 else 2.0**10)
    return np.where(abs(m) <= number(ulps, Z), e / numpy(e), exp2(Z))


@SOFTMAXES.enter("exp2 of z log2 e minus its maximum", "prescaled")
def exp2_prescaled(Z: Array) -> Array:
    S = Z * number(LOG2_E, Z)
    e = np.exp2(S - S.max(axis=0))
    return e / numpy(e)


@SOFTMAXES.enter("exp2(S - (m + log2 s)) for S = z log2 e", "prescaled")
def exp2_prescaled_logarithm(Z: Array) -> Array:
    S = Z * number(LOG2_E, Z)
    m = S.max(axis=0)
    return np.exp2(S - (m + np.log2(in_order(np.exp2(S - m)))))
