"""Losses, (Z, A, Y, n as a number) to a number, in the dtype of Z. A class without a label does not count."""

from collections.abc import Callable

import numpy as np

from benchmarks.algorithms.online import lse, merged, merged_tree, online, tree
from benchmarks.algorithms.stage import Array, Table, number, wide
from benchmarks.algorithms.sums import in_order, kahan, lanes, numpy, pairwise, reversed_order

LOSSES = Table({})


def labelled(Y: Array, values: Array) -> Array:
    """Y times the values, and 0 where a label is: 0 times what is infinite is NaN."""
    return np.where(Y > 0, Y * values, number(0, Y))


def log_softmax(Z: Array) -> Array:
    shifted = Z - Z.max(axis=0)
    return shifted - np.log(numpy(np.exp(shifted)))


def flat(values: Array) -> Array:
    """Sample by sample."""
    return values.T.reshape(-1)


@LOSSES.enter("all terms of Y ((z - m) - log s), summed by NumPy")
def all_terms(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    return -numpy(flat(labelled(Y, log_softmax(Z)))) / n


@LOSSES.enter("Y (lse - z), sample by sample")
def differences(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    return in_order(numpy(labelled(Y, lse(Z) - Z))) / n


@LOSSES.enter("log of the softmax, and z - lse where that is subnormal or 0; pairwise")
def logarithm(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    small = number(2.0 ** (-13 if Z.dtype == np.float16 else -125), A) > A
    return -pairwise(flat(labelled(Y, np.where(small, Z - lse(Z), np.log(A))))) / n


@LOSSES.enter("mass lse - Σ Y z of each sample")
def mass_first(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    return lanes(numpy(Y) * lse(Z) - in_order(labelled(Y, Z))) / n


@LOSSES.enter("Σ lse - Σ z, each over the batch, from float32 for 16 bits, whose range sums may exceed")
def two_sums(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    logits, labels = (v.astype(np.float32) if Z.dtype.itemsize == 2 else v for v in (Z, Y))
    normaliser = labelled(labels, np.broadcast_to(lse(Z).astype(labels.dtype), Z.shape))
    return ((in_order(flat(normaliser)) - in_order(flat(labelled(labels, logits)))) / n.astype(labels.dtype)).astype(
        Z.dtype
    )


@LOSSES.enter("every class by itself, and the sum of these")
def class_by_class(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    return -in_order(in_order(labelled(Y, log_softmax(Z)).T)) / n


@LOSSES.enter("weights Y/n, one term after the other")
def weights(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    return in_order(flat(labelled(Y / n, lse(Z) - Z)))


@LOSSES.enter("times 1/n, compensated")
def compensated(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    return kahan(flat(labelled(Y, lse(Z) - Z))) * (number(1, n) / n)


@LOSSES.enter("log s - (z - m), the last sample first")
def shifted(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    below = Z - Z.max(axis=0)
    return reversed_order(flat(labelled(Y, np.log(in_order(np.exp(below))) - below))) / n


@LOSSES.enter("in a wider format, rounded once")
def widely(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    terms = labelled(wide(Y), log_softmax(wide(Z)))
    return (-terms.sum() / wide(n)).astype(Z.dtype)


@LOSSES.enter("the means of microbatches of 3, weighed by their sizes")
def microbatches(Z: Array, A: Array, Y: Array, n: Array) -> Array:
    samples = numpy(labelled(Y, lse(Z) - Z))
    parts = [samples[i : i + 3] for i in range(0, len(samples), 3)]
    return in_order(np.stack([numpy(p) / number(len(p), Z) * (number(len(p), Z) / n) for p in parts]))


def by(lse: Callable[[Array], Array]) -> Callable[[Array, Array, Array, Array], Array]:
    """Y (lse - z), with another log-sum-exp."""
    return lambda Z, A, Y, n: numpy(flat(labelled(Y, lse(Z) - Z))) / n


def of_part(found: tuple[Array, Array]) -> Array:
    return found[0] + np.log(found[1])


for what, needs, name, function in (
    ("lse online in blocks of 1", "", "online", lambda Z: of_part(online(Z, 1))),
    ("lse online in blocks of 4", "", "online_4", lambda Z: of_part(online(Z, 4))),
    ("lse of a tree of (m, s)", "", "tree", lambda Z: of_part(tree(Z))),
    ("lse merged from two halves", "merged", "merged_halves", lambda Z: merged(Z, 2)),
    ("lse merged by a balanced tree", "merged", "merged_tree", merged_tree),
    ("lse by np.logaddexp.reduce", "merged L", "logaddexp_reduce", lambda Z: np.logaddexp.reduce(Z, axis=0)),
):
    LOSSES.enter(f"Y (lse - z), {what}", needs, name)(by(function))
