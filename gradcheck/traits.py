"""Traits of a problem, each a number: what may tell problems that go wrong from those that do not."""

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


@lru_cache(maxsize=64)
def of(problem: Problem) -> tuple[float, ...]:
    """All traits of one problem, in the order of the table."""
    theta, b, X, _ = problem.reals
    with np.errstate(all="ignore"):
        Z = theta @ X + np.where(np.isneginf(b), 0, b)
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


def confining(bad: Traits, good: Traits) -> tuple[str, list[int]] | None:
    """Where all the bad ones lie, and as few of the good as may be: in words, and which of the good lie elsewhere.

    None where no trait keeps half of the good ones out.
    """
    best: tuple[str, list[int]] | None = None
    for place, name in enumerate(TRAITS):
        values = [traits[place] for traits in bad]
        for limit, side, outside in ((min(values), "more", lt), (max(values), "less", gt)):
            out = [k for k, traits in enumerate(good) if outside(traits[place], limit)]
            if len(out) > len(best[1] if best else ()):
                best = f"{name} is {limit:.3g} or {side}", out
    return best if best and 2 * len(best[1]) >= len(good) else None
