"""Sizes at which kernels change their ways: one side at the edge of a tile and the others small, and flat indices that overflow.

What such a problem costs is what its one long side costs; its numbers are seeded blocks, of a few bytes.
"""

from dataclasses import replace

import numpy as np

from gradcheck.precision import Precision
from gradcheck.regimes import FLAT, TILES, edges
from gradcheck.strategies.arrays import Octets, Shape
from gradcheck.strategies.parts import Parts, one_hot

LONG = ("L", "L", "L", "L", "n", "n", "d", "flat")  # most often the classes, over which probabilities are summed
BESIDE = (1, 0, -1, 1)  # the first one of the next tile is what is forgotten most often
BESIDES = 4  # the most of a short side
PAIRS = (("L", "d"), ("d", "n"), ("L", "n"), ("d", "L"), ("n", "d"), ("n", "L"))
# Rows of an array whose flat index just overflows.
ROWS = {127: (2, 3, 4, 5, 8, 11), 255: (2, 3, 4, 7, 12, 16), 32767: (6, 12, 32, 64, 100, 128, 181)}


def tiled(drawn: Octets, shape: Shape, precision: Precision) -> Shape:
    """One long side, or a product of two sides that is just too large for an index."""
    short = Shape(min(shape.L, BESIDES), min(shape.d, BESIDES), min(shape.n, BESIDES))
    side = drawn.one_of(LONG)
    if side == "flat":
        return _flat(drawn, short, precision)
    return short._replace(**{side: _tile(drawn, precision) + drawn.one_of(BESIDE)})


def _tile(drawn: Octets, precision: Precision) -> int:
    """Rather a large one: what goes wrong beyond a small tile does so beyond a larger one, too."""
    told = [tile for tile in TILES if _told(tile, precision)]
    tiles = told if drawn.below(4) else TILES
    return tiles[max(drawn.below(len(tiles)), drawn.below(len(tiles)))]


def _flat(drawn: Octets, short: Shape, precision: Precision) -> Shape:
    one, other = drawn.one_of(PAIRS)
    rows = {most: [k for k in ROWS[most] if _told(most // k + 1, precision)] for most in FLAT}
    if {one, other} == {"L", "n"}:  # the largest of these are the problems of the regime `large`
        rows[FLAT[-1]] = []
    most = drawn.one_of([most for most in FLAT if rows[most]])
    k = drawn.one_of(rows[most])
    found = {one: k, other: most // k + 1}
    if found.get("L", 0) > TILES[-1]:  # a Jacobian of more classes costs too much to be called
        found = dict(zip(found, reversed(found.values()), strict=True))
    return short._replace(**found)


def _told(terms: int, precision: Precision) -> bool:
    """Whether a sum of so many terms can be told from anything else: in 16 bits worst cases soon are as large as the values.

    A quarter of the tiles may be others all the same: what is infinite or missing shows there, too.
    """
    return 4 * terms * precision.u <= 1


def last_tile(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """The largest logit at the very end of the long side in three quarters of them, and the label in two."""
    where = drawn.below(4)
    if where == 0:
        return p
    labelled = _labelled_last(drawn, p) if where > 1 else p
    L, d, n = p.classes, *p.X.shape
    if max(d, n) > L:
        X = p.X.copy()
        X[:, -1] *= 4 if n > d else 1
        X[-1] *= 4 if d > n else 1
        return replace(labelled, X=X)
    beyond = max(edges(precision)) + 2
    b = p.b.copy()
    b[-1] = b.max() + 2 * p.reach + drawn.one_of((10.0, -2 * np.log(precision.u), beyond, beyond))
    return replace(labelled, b=b)


def _labelled_last(drawn: Octets, p: Parts) -> Parts:
    """The last sample, or each, is of the last class."""
    L, n = p.Y.shape
    moved = (drawn.below(2) > 0) | (np.arange(n) == n - 1)
    return replace(p, index=np.where(moved, L - 1, p.index), Y=np.where(moved, one_hot(np.full(n, L - 1), L), p.Y))
