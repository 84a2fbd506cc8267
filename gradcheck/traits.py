"""Traits of a problem, each a number: what may tell problems that go wrong from those that do not."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import gt, lt

import numpy as np

from gradcheck.problem import Problem, Reals

Traits = Sequence[tuple[float, ...]]

# Each trait in words, and how it is measured: of the problem and its logits (L, n), masked classes left at 0.
TRAITS: dict[str, Callable[[Problem, Reals], float]] = {
    "the largest |logit|": lambda p, Z: float(abs(Z).max()),
    "the gap between the logits of a sample": lambda p, Z: float(np.ptp(Z, axis=0).max()),
    "the offset common to the logits of a sample": lambda p, Z: float(abs(Z).min(axis=0).max()),
    "the largest |theta|": lambda p, Z: float(abs(p.reals[0]).max()),
    "the largest |X|": lambda p, Z: float(abs(p.reals[2]).max()),
    "n": lambda p, Z: p.n,
    "d": lambda p, Z: p.d,
    "L": lambda p, Z: p.L,
}


@lru_cache(maxsize=1)
def logits(problem: Problem) -> Reals:
    """Z (L, n) as float64 has it, to be read only; masked classes are left at 0."""
    theta, b, X, _ = problem.reals
    with np.errstate(all="ignore"):
        return np.asarray(theta @ X + np.where(np.isneginf(b), 0, b))


@lru_cache(maxsize=64)
def of(problem: Problem) -> tuple[float, ...]:
    """All traits of one problem, in the order of the table."""
    Z = logits(problem)
    with np.errstate(all="ignore"):
        return tuple(measure(problem, Z) for measure in TRAITS.values())


def separating(one: Traits, other: Traits) -> Iterator[tuple[str, float, float]]:
    """Each trait that separates two groups of problems: its name, and the values of the first and of the second group
    that are nearest to each other. The first lies above the second where its value is the larger one."""
    if not (one and other):
        return
    for place, name in enumerate(TRAITS):
        mine, yours = sorted(traits[place] for traits in one), sorted(traits[place] for traits in other)
        if yours[-1] < mine[0]:
            yield name, mine[0], yours[-1]
        elif mine[-1] < yours[0]:
            yield name, mine[-1], yours[0]


CELLS = 32  # of a trait between two powers of 2, from which it is known which problems lie on one side of a value


def cell(value: float) -> float:
    """A value that is not negative, rounded down to its cell: a smaller cell says that the value is smaller."""
    if not math.isfinite(value):
        return math.nan if math.isnan(value) else value  # one nan, which is itself as a key
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.floor(mantissa * 2 * CELLS) / (2 * CELLS), exponent)


LATER = 1000  # good problems that wait to be counted; they need not be where nothing is bad


class Confinement:
    """Where bad problems lie among good ones, each with a share (of a bound), in memory that does not grow with their number."""

    def __init__(self) -> None:
        self.good = 0
        # of each trait: how many good ones are in a cell, and their largest share; the ends of the bad
        self.cells: list[dict[float, tuple[int, float]]] = [{} for _ in TRAITS]
        self.bad: list[tuple[float, float]] = []
        self.waiting: list[tuple[tuple[float, ...], float]] = []

    def add(self, traits: tuple[float, ...], share: float) -> None:
        """One problem, which is bad where its share is above 1."""
        if share > 1:
            ends = [(value, value) if value >= 0 else (-math.inf, math.inf) for value in traits]  # nan may be anywhere
            pairs = zip(self.bad or ends, ends, strict=True)
            self.bad = [(min(low, least), max(high, most)) for (low, high), (least, most) in pairs]
        elif share <= 1:
            self.good += 1
            self.waiting.append((traits, share))
            if len(self.waiting) == LATER:
                self._count()

    def _count(self) -> None:
        for traits, share in self.waiting:
            for cells, place in zip(self.cells, map(cell, traits), strict=True):
                count, largest = cells.get(place, (0, 0.0))
                cells[place] = count + 1, max(largest, share)
        self.waiting.clear()

    def found(self) -> tuple[str, float] | None:
        """Where all the bad ones lie, and as few of the good as may be: in words, and the largest share of the good elsewhere.

        None where no trait keeps half of the good ones out. A good one in the same cell as a bad one is not kept out.
        """
        self._count()
        best, most, rest = "", 0, 0.0
        for name, cells, (low, high) in zip(TRAITS, self.cells, self.bad, strict=False):
            for limit, side, outside in ((low, "more", lt), (high, "less", gt)):
                out = [held for value, held in cells.items() if outside(value, cell(limit))]
                count = sum(number for number, _ in out)
                if count > most:
                    best, most, rest = f"{name} is {limit:.3g} or {side}", count, max(share for _, share in out)
        return (best, rest) if best and 2 * most >= self.good else None
