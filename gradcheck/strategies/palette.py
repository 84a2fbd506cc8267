"""The few shapes that a target is posed which compiles once for each: some in every run, and some of the seed.

They hold what regimes need of a shape: two classes, one sample, an odd number of samples, squares, sides about a tile, more logits
than 16 bits number. Many come with what is made of them: every sample twice, one sample alone, the bias as the weight of a feature.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from functools import cache

from gradcheck.regimes import FLAT, TILES
from gradcheck.strategies.arrays import Octets, Shape
from gradcheck.strategies.taken import Room
from gradcheck.strategies.tiles import BESIDE
from gradcheck.strategies.without import reshaped

FEW = 24

# (L, d, n): each row holds a shape, and with it what checks make of it.
KEPT = (
    *((2, 1, 1), (2, 1, 2), (2, 2, 1), (2, 2, 2)),
    *((3, 2, 1), (3, 2, 3), (3, 2, 6), (3, 3, 3), (3, 3, 6)),
    *((5, 4, 1), (5, 4, 7), (5, 4, 14), (5, 5, 7), (5, 5, 14)),
)
BEYOND = FLAT[-1]


def _small(drawn: Octets) -> Shape:
    return Shape(3 + drawn.below(3), 1 + drawn.below(5), 2 + drawn.below(6))


def _larger(drawn: Octets) -> Shape:
    return Shape(6 + drawn.below(5), 6 + drawn.below(15), 8 + drawn.below(33))


def _large(drawn: Octets) -> Shape:
    L = 2 + drawn.below(4)
    return Shape(L, 1 + drawn.below(3), BEYOND // L + 1)


def _tile(side: str) -> Callable[[Octets], Shape]:
    def made(drawn: Octets) -> Shape:
        short = Shape(2 + drawn.below(3), 1 + drawn.below(4), 1 + drawn.below(4))
        size = drawn.one_of(TILES) + drawn.one_of(BESIDE)
        return short._replace(**{side: size})

    return made


def _with_made(shape: Shape) -> tuple[Shape, ...]:
    """A shape, every sample twice, and a feature more."""
    return shape, shape._replace(n=2 * shape.n), shape._replace(d=shape.d + 1)


# What is drawn beside them, by the seed of the run.
DRAWN = (*(_larger,) * 2, _large, *(_tile("L"),) * 2, _tile("d"), _tile("n"))


@cache
def shapes(seed: int) -> tuple[Shape, ...]:
    """At most `FEW` shapes, the smallest first: the same for the same seed."""
    drawn = Octets(hashlib.sha256(f"shapes of {seed}".encode()).digest() * 2)
    found = (*(Shape(*sides) for sides in KEPT), *_with_made(_small(drawn)), *(make(drawn) for make in DRAWN))
    return tuple(sorted(set(found), key=lambda shape: (math.prod(shape), shape)))


def among(room: Room, seed: int) -> tuple[Shape, ...]:
    """The same, each as near as there is room for."""
    octets = Octets(hashlib.sha256(f"room of {seed}".encode()).digest())
    return tuple(dict.fromkeys(room.fitted(octets, reshaped(room.takes.refused, shape)) for shape in shapes(seed)))


# What tells shapes apart where numerics and mistakes do: a shape takes the place of another only if it must.
KINDS: tuple[Callable[[Shape], bool], ...] = (
    lambda s: s.L * s.n > BEYOND,
    lambda s: max(s) > 7,
    lambda s: s.n == 1,
    lambda s: s.L == 2,
    lambda s: s.n in (3, 5, 7),
    lambda s: s.L in (s.d, s.n),
)


def nearest(few: Iterable[Shape], wanted: Shape) -> Shape:
    """The one of few shapes that is most like another: of its kind, then of about its sides; of two the first."""
    return min(few, key=lambda shape: (_unlike(shape, wanted), _distance(shape, wanted)))


def _unlike(one: Shape, other: Shape) -> int:
    return sum(kind(one) != kind(other) for kind in KINDS)


def _distance(one: Shape, other: Shape) -> float:
    return sum(abs(math.log(a / b)) for a, b in zip(one, other, strict=True))
