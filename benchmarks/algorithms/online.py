"""Softmaxes that read their logits in parts: a running maximum and a rescaled sum, or log-sum-exps that are merged."""

from collections.abc import Callable

import numpy as np

from benchmarks.algorithms.softmaxes import SOFTMAXES
from benchmarks.algorithms.stage import Array, number
from benchmarks.algorithms.sums import in_order, numpy

Part = tuple[Array, Array]  # the maximum m of some classes, and their sum of exp(z - m)


def power(Z: Array, m: Array) -> Array:
    """exp(z - m), and 0 where all classes so far are masked: m = -inf."""
    return np.where(m == -np.inf, number(0, Z), np.exp(Z - m))


def rescaled(first: Part, second: Part) -> Part:
    """Both sums to the larger maximum."""
    m = np.maximum(first[0], second[0])
    return m, first[1] * power(first[0], m) + second[1] * power(second[0], m)


def part(Z: Array) -> Part:
    m = Z.max(axis=0)
    return m, in_order(power(Z, m))


def online(Z: Array, block: int) -> Part:
    """One pass over the classes, block by block."""
    found = part(Z[:block])
    for l in range(block, len(Z), block):
        m = np.maximum(found[0], Z[l : l + block].max(axis=0))
        found = m, found[1] * power(found[0], m) + in_order(power(Z[l : l + block], m))
    return found


def tree(Z: Array, leaf: int = 1) -> Part:
    """Halves of the classes, each by itself, down to `leaf` of them."""
    if len(Z) <= leaf:
        return part(Z)
    half = (len(Z) + 1) // 2
    return rescaled(tree(Z[:half], leaf), tree(Z[half:], leaf))


def quotient(Z: Array, found: Part) -> Array:
    return np.exp(Z - found[0]) / found[1]


def logarithm(Z: Array, found: Part) -> Array:
    return np.exp(Z - (found[0] + np.log(found[1])))


def entered(what: str, name: str, form: Callable[[Array, Part], Array], found: Callable[[Array], Part]) -> None:
    SOFTMAXES.enter(what, name=name)(lambda Z: form(Z, found(Z)))


for size in (1, 2, 3, 4, 8):
    entered(f"online in blocks of {size}, exp(z - m)/s", f"online_{size}", quotient, lambda Z, k=size: online(Z, k))
for size in (1, 2, 4):
    what = f"online in blocks of {size}, exp(z - (m + log s))"
    entered(what, f"online_{size}_logarithm", logarithm, lambda Z, k=size: online(Z, k))
entered("online from the last class to the first", "online_reversed", quotient, lambda Z: online(Z[::-1], 1))
entered("a tree of (m, s)", "tree", quotient, tree)
entered("a tree of (m, s), exp(z - (m + log s))", "tree_logarithm", logarithm, tree)
entered("a tree of (m, s) of pairs of classes", "tree_of_pairs", quotient, lambda Z: tree(Z, 2))


@SOFTMAXES.enter("online in blocks of 2, the powers of earlier blocks rescaled in place")
def online_rescaled(Z: Array) -> Array:
    m, s, powers = np.full_like(Z[0], -np.inf), np.zeros_like(Z[0]), np.zeros_like(Z)
    for l in range(0, len(Z), 2):
        grown = np.maximum(m, Z[l : l + 2].max(axis=0))
        powers[l : l + 2] = power(Z[l : l + 2], grown)
        powers[:l] *= power(m, grown)
        s = s * power(m, grown) + numpy(powers[l : l + 2])
        m = grown
    return powers / s


def lse(Z: Array) -> Array:
    m, s = part(Z)
    return m + np.log(s)


def merged(Z: Array, parts: int) -> Array:
    """The log-sum-exp of that many parts of the classes, merged one after the other."""
    return np.logaddexp.reduce(np.stack([lse(p) for p in np.array_split(Z, min(parts, len(Z)))]), axis=0)


def merged_tree(Z: Array) -> Array:
    """The log-sum-exp of a balanced tree of single classes."""
    if len(Z) == 1:
        return Z[0]
    half = (len(Z) + 1) // 2
    return np.logaddexp(merged_tree(Z[:half]), merged_tree(Z[half:]))


def merged_once(Z: Array, parts: int) -> Array:
    """The log-sum-exp of the log-sum-exps of that many parts: two levels of the full formula."""
    return lse(np.stack([lse(p) for p in np.array_split(Z, min(parts, len(Z)))]))


@SOFTMAXES.enter("exp(z - lse), lse merged from two halves", "merged")
def merged_halves(Z: Array) -> Array:
    return np.exp(Z - merged(Z, 2))


@SOFTMAXES.enter("exp(z - lse), lse merged from three parts in turn", "merged")
def merged_thirds(Z: Array) -> Array:
    return np.exp(Z - merged(Z, 3))


@SOFTMAXES.enter("exp(z - lse), lse of the lses of four parts", "merged")
def merged_quarters(Z: Array) -> Array:
    return np.exp(Z - merged_once(Z, 4))


@SOFTMAXES.enter("exp(z - lse), lse by a balanced tree", "merged")
def merged_by_a_tree(Z: Array) -> Array:
    return np.exp(Z - merged_tree(Z))


@SOFTMAXES.enter("exp(z - np.logaddexp.reduce)", "merged L")
def logaddexp_reduce(Z: Array) -> Array:
    return np.exp(Z - np.logaddexp.reduce(Z, axis=0))


@SOFTMAXES.enter("exp(z - the last of np.logaddexp.accumulate), a cumulative log-sum-exp", "merged L")
def logaddexp_accumulate(Z: Array) -> Array:
    return np.exp(Z - np.logaddexp.accumulate(Z, axis=0)[-1])
