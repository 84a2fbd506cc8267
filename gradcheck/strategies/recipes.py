"""How a problem is brought into a regime: by construction, never by filtering.

Each recipe takes the parts of a plain problem and changes what its regime needs. Parts are float64 before they are
rounded to the precision under test; `regimes.REGIMES` says whether a recipe did its work.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcheck.precision import Precision
from gradcheck.regimes import FAR, FLAT, OFFSETS, edges
from gradcheck.strategies.arrays import Octets, Shape, cuts
from gradcheck.strategies.parts import Parts
from gradcheck.strategies.tiles import last_tile, tiled

Recipe = Callable[[Octets, Parts, Precision], Parts]


def plain(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """As drawn."""
    return p


def ties(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return replace(p, theta=0 * p.theta, b=0 * p.b)


def saturated(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """One class ahead by twice what saturates, whatever theta X does."""
    ahead = np.zeros_like(p.b)
    ahead[drawn.below(p.classes)] = 2 * p.reach - 2 * np.log(precision.u)
    return replace(p, b=ahead)


def far_below(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return replace(p, b=p.b - 1000 - p.reach - abs(p.b).max())


def offset(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Whole logits of a few units on top of the offset, so that the sums are exact."""
    return replace(p, theta=np.sign(p.theta), X=np.sign(p.X), b=OFFSETS[precision.name] + np.sign(p.b))


def far_offset(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Either sign; no bit of it is 0 for want of digits."""
    sizes, sign = FAR[precision.name], 1 - 2 * drawn.below(2)
    near = _reaching(p, 8.0)
    return replace(near, b=np.clip(p.b, -8, 8) + sign * drawn.one_of(sizes) * (1 + drawn.below(8) / 11))


def _reaching(p: Parts, most: float) -> Parts:
    """The same with weights so small that |theta||X| is at most that."""
    return replace(p, theta=p.theta * min(1.0, most / (p.reach or 1.0)))


def exp_edge(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """One class ahead of all others, or the others behind it, by what exp just reaches or just does not."""
    found = edges(precision)
    gap = drawn.one_of(found) + drawn.one_of((0.0, 2.0**-6, -(2.0**-6), 0.4, -0.4))
    ahead = np.zeros_like(p.b)
    ahead[-1 if drawn.below(2) else drawn.below(p.classes)] = gap
    return replace(_reaching(p, 2.0**-4), b=ahead - gap * drawn.below(2))


def cancelling(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Terms 64 times as large as their sum, or larger: of all logits of a sample, or over the samples for one feature."""
    if drawn.below(2):
        theta = 16 * np.where(p.theta == 0, 1.0, p.theta)
        X = np.where(p.X == 0, 0.125, p.X)
        return replace(p, theta=theta, X=X, b=-(theta @ X[:, :1]) * (1 - drawn.below(2) / 128))
    theta, X, Y, index = p.theta.copy(), p.X.copy(), p.Y.copy(), p.index.copy()
    pairs = X.shape[1] // 2
    for array in (X, Y, index):  # every second sample is the one before it
        array[..., 1 : 2 * pairs : 2] = array[..., 0 : 2 * pairs : 2]
    theta[:, 0], X[0] = 0, 0
    X[0, 0 : 2 * pairs : 2] = 64 / 3
    X[0, 1 : 2 * pairs : 2] = -64 / 3 * (1 - drawn.below(2) / 128)
    return replace(p, theta=theta, X=X, Y=Y, index=index)


def zero_logits(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Of one class, or of one sample; not of all."""
    theta, b, X = p.theta.copy(), p.b.copy(), p.X.copy()
    if drawn.below(2) and X.shape[1] > 1:
        X[:, drawn.below(X.shape[1])], b = 0, 0 * b
        return replace(p, b=b, X=X)
    k = drawn.below(p.classes)
    b[(k + 1) % p.classes] = b[(k + 1) % p.classes] or 1.0
    theta[k], b[k] = 0, 0
    return replace(p, theta=theta, b=b)


def far_column(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    X = np.where(p.X == 0, 0.125, np.clip(p.X, -1, 1))
    X[:, drawn.below(X.shape[1])] = 64.0
    return replace(p, X=X)


def confidently_wrong(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """The class after the label of the first sample is 40 ahead of all others."""
    ahead = np.zeros_like(p.b)
    ahead[(p.index[0] + 1) % p.classes] = 41 + 2 * p.reach
    return replace(p, b=ahead)


def without_class(p: Parts, absent: int) -> Parts:
    """Relabelled so that no sample carries one class."""
    index = p.index % (p.classes - 1)
    return p.labelled(index + (index >= absent))


def absent_class(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return without_class(p, drawn.below(p.classes))


def one_label(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return p.labelled(np.full_like(p.index, p.index[0]))


def soft_labels(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    Y = cuts(drawn.grid(p.classes - 1, p.Y.shape[1]))
    Y[:, 0], Y[:2, 0] = 0, 0.5
    return replace(p, Y=Y)


def subnormal(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    X = p.X.copy()
    X[0] = precision.eta * (1 + p.index)
    return replace(p, X=X)


def label_mass(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Weights 2, 0, 1/2, 1, 3 over the samples; or one sample beside which the others round to nothing."""
    weights = np.resize([2.0, 0.0, 0.5, 1.0, 3.0], p.Y.shape[1])
    if drawn.below(4) == 3:
        weights = np.where(np.arange(len(weights)) == drawn.below(len(weights)), 1 / precision.u, 1.0)
    return replace(p, Y=p.Y * weights)


def tiny_mass(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Weights from the smallest number on: products with them underflow."""
    least = np.array([precision.eta, precision.tiny, precision.tiny / precision.u, np.sqrt(precision.tiny)])
    hot = p.labelled(p.index)  # of soft labels, shares of the smallest number would be 0
    return replace(hot, Y=hot.Y * np.resize(np.roll(np.minimum(least, least[3]), drawn.below(4)), p.Y.shape[1]))


def masked_class(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """One class, several, a tile at either end, or all but one. Labels move to those that are left."""
    L = p.classes
    masked = drawn.one_of(MASKS)(drawn, L)
    left = np.flatnonzero(~masked)
    return replace(p.labelled(left[p.index % len(left)]), b=np.where(masked[:, np.newaxis], -np.inf, p.b))


def _one_of(drawn: Octets, L: int) -> np.ndarray:
    return np.arange(L) == drawn.below(L)


def _some_of(drawn: Octets, L: int) -> np.ndarray:
    masked = drawn.grid(1, L)[0] % 3 == 0
    masked[drawn.below(L)] = True
    return masked if not masked.all() else _all_but_one(drawn, L)


def _tile_of(drawn: Octets, L: int) -> np.ndarray:
    """The largest power of two that leaves one."""
    masked = np.arange(L) < 2 ** int(np.log2(L - 1)) if L > 2 else _one_of(drawn, L)
    return masked[::-1] if drawn.below(2) else masked


def _all_but_one(drawn: Octets, L: int) -> np.ndarray:
    return ~_one_of(drawn, L)


MASKS: tuple[Callable[[Octets, int], np.ndarray], ...] = (_one_of, _some_of, _tile_of, _all_but_one)


def integers(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return replace(p, X=np.round(p.X), memory="integers").labelled(p.index)


def in_memory(name: str) -> Recipe:
    return lambda drawn, p, precision: replace(p, memory=name)


# Four independent choices make a problem, so that 200 test cases meet every regime and many pairs. Shapes are chosen
# before there are parts, labels before values.
LABELS: dict[str, Recipe] = {"absent-class": absent_class, "one-label": one_label, "soft-labels": soft_labels}
VALUES: dict[str, Recipe] = {
    "ties": ties,
    "saturated": saturated,
    "far-below": far_below,
    "offset": offset,
    "far-offset": far_offset,
    "exp-edge": exp_edge,
    "cancelling": cancelling,
    "zero-logits": zero_logits,
    "far-column": far_column,
    "confidently-wrong": confidently_wrong,
    "subnormal": subnormal,
}
MEMORY: dict[str, Recipe] = {f"memory-{name}": in_memory(name) for name in ("F", "strided", "reversed", "read-only")}
OPT_IN: dict[str, Recipe] = {
    "label-mass": label_mass,
    "tiny-mass": tiny_mass,
    "masked-class": masked_class,
    "integers": integers,
}
LAST: dict[str, Recipe] = {"tiles": last_tile}
SHAPES: dict[str, Callable[[Octets, Shape, Precision], Shape]] = {
    "single-sample": lambda drawn, s, p: s._replace(n=1),
    "two-classes": lambda drawn, s, p: s._replace(L=2),
    "odd-samples": lambda drawn, s, p: s._replace(n=(3, 5, 7)[drawn.below(3)]),
    "square": lambda drawn, s, p: s._replace(n=s.L) if drawn.below(2) else s._replace(d=s.L),
    "large": lambda drawn, s, p: Shape(s.L, min(s.d, 3), FLAT[-1] // s.L + 1),
    "tiles": tiled,
    "cancelling": lambda drawn, s, p: s._replace(n=max(s.n, 2)),
    "far-column": lambda drawn, s, p: s._replace(n=max(s.n, 2)),
    "one-label": lambda drawn, s, p: s._replace(n=max(s.n, 2)),
    "label-mass": lambda drawn, s, p: s._replace(n=max(s.n, 2)),
}
STEPS = (LABELS, VALUES, LAST, MEMORY, OPT_IN)  # whole numbers are a memory order, too, which is asked for
