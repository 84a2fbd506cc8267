"""Sums over the first axis, in the dtype of the terms unless said otherwise."""

import numpy as np

from benchmarks.algorithms.stage import Array, Table, wide

SUMS = Table({})


@SUMS.enter("NumPy's own")
def numpy(terms: Array) -> Array:
    return terms.sum(axis=0, dtype=terms.dtype)


@SUMS.enter("one term after the other")
def in_order(terms: Array) -> Array:
    total = terms[0].copy()
    for term in terms[1:]:
        total = total + term
    return total


@SUMS.enter("one term after the other, the last first")
def reversed_order(terms: Array) -> Array:
    return in_order(terms[::-1])


@SUMS.enter("in a random order")
def random_order(terms: Array) -> Array:
    return in_order(terms[np.random.default_rng(len(terms)).permutation(len(terms))])


@SUMS.enter("smallest first")
def ascending(terms: Array) -> Array:
    return in_order(np.take_along_axis(terms, np.argsort(abs(terms), axis=0), axis=0))


@SUMS.enter("largest first")
def descending(terms: Array) -> Array:
    return in_order(np.take_along_axis(terms, np.argsort(abs(terms), axis=0)[::-1], axis=0))


@SUMS.enter("pairwise, as a balanced tree")
def pairwise(terms: Array) -> Array:
    while len(terms) > 1:
        even = len(terms) // 2 * 2
        terms = np.concatenate([terms[:even:2] + terms[1:even:2], terms[even:]])
    return terms[0]


@SUMS.enter("the first half and the second, added: a butterfly")
def butterfly(terms: Array) -> Array:
    while len(terms) > 1:
        half = (len(terms) + 1) // 2
        folded = terms[:half].copy()
        folded[: len(terms) - half] = folded[: len(terms) - half] + terms[half:]
        terms = folded
    return terms[0]


@SUMS.enter("in blocks of four")
def blocked(terms: Array) -> Array:
    return in_order(np.stack([in_order(terms[k : k + 4]) for k in range(0, len(terms), 4)]))


@SUMS.enter("in four lanes, as SIMD does, and the lanes pairwise")
def lanes(terms: Array) -> Array:
    return pairwise(np.stack([in_order(terms[k::4]) for k in range(min(4, len(terms)))]))


@SUMS.enter("in two parts that are added: split-K")
def split(terms: Array) -> Array:
    half = (len(terms) + 1) // 2
    first = in_order(terms[:half])
    return first + in_order(terms[half:]) if len(terms) > half else first


@SUMS.enter("compensated (Kahan)")
def kahan(terms: Array) -> Array:
    total = lost = np.zeros_like(terms[0])
    for term in terms:
        mended = term - lost
        grown = total + mended
        lost = (grown - total) - mended
        total = grown
    return total


@SUMS.enter("compensated at the end (Neumaier)")
def neumaier(terms: Array) -> Array:
    total, lost = terms[0], np.zeros_like(terms[0])
    for term in terms[1:]:
        grown = total + term
        larger = abs(total) >= abs(term)
        lost = lost + np.where(larger, (total - grown) + term, (term - grown) + total)
        total = grown
    return total + lost


@SUMS.enter("in a wider format, rounded once")
def widely(terms: Array) -> Array:
    return wide(terms).sum(axis=0).astype(terms.dtype)
