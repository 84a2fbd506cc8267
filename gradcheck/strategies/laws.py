"""Which samples do not count, and the options of a loss where they are arguments: drawn beside a problem.

Rows of bytes, as everything is drawn here: a byte of zero is what is simplest.
"""

from collections.abc import Callable, Iterable

import numpy as np
from hypothesis import strategies as st

from gradcheck.implementations.told import fields
from gradcheck.law import CrossEntropy
from gradcheck.strategies.arrays import Octets

BYTES = 51  # as in the header of a problem
WEIGHED, CLASSES = (
    16,
    1040,
)  # classes that have a weight of their own, and how many these serve, in turn: as many as a tile has
row = st.binary(min_size=BYTES, max_size=BYTES)

# ---- samples that do not count ----


def _none(drawn: Octets, n: int) -> np.ndarray:
    return np.zeros(n, dtype=bool)


def _some(drawn: Octets, n: int) -> np.ndarray:
    found = drawn.grid(1, n + 1)[0, 1:] % 2 == 1
    return found if found.any() else _one(drawn, n)


def _one(drawn: Octets, n: int) -> np.ndarray:
    return np.arange(n) == drawn.below(n)


def _all(drawn: Octets, n: int) -> np.ndarray:
    return np.ones(n, dtype=bool)


def _all_but_one(drawn: Octets, n: int) -> np.ndarray:
    return ~_one(drawn, n)


IGNORED = (_none,) * 8 + (_one,) * 2 + (_some,) * 4 + (_all_but_one, _all)


def ignored(octets: bytes, n: int) -> np.ndarray:
    """(n,) which samples do not count: none in half of the problems."""
    drawn = Octets(octets)
    return drawn.one_of(IGNORED)(drawn, n)


# ---- options that are arguments ----

WEIGHTS = (1.0, 0.5, 2.0, 0.0, 1 / 3, 1e6, 0.1, 1e-6)
VALUES = {
    "ignore": (-100, -1, 0, 1, 255),
    "smoothing": (0.0, 0.1, 1.0, 0.5, 0.9, 2.0**-30),
    "softcap": (0.0, 30.0, 1.0, 2.0**-10, 2.0**20, 0.3),
    "z_loss": (0.0, 1e-4, 1.0, 2.0**-20, 100.0),
    "scale": (1.0, 0.5, 2.0, 0.7, 8.0, 2.0**-6, 1 / 3),
    "l2": (0.0, 0.5, 1e-3, 1.0, 100.0),
}
EXACT = (1.0, 0.5, 2.0, 8.0, 2.0**-6)  # scales whose inverse is exact, too: a temperature


def _weights(drawn: Octets) -> tuple[float, ...]:
    if drawn.below(8) < 2:  # all the same
        return (WEIGHTS[drawn.below(2)],) * CLASSES
    return tuple(drawn.one_of(WEIGHTS) for _ in range(WEIGHED)) * (CLASSES // WEIGHED)


def _value(values: tuple[float, ...]) -> Callable[[Octets], float]:
    return lambda drawn: drawn.one_of(values)


def laws(takes: Iterable[str]) -> st.SearchStrategy[CrossEntropy]:
    """Losses of which these options vary, by any of their names; the others are as in the paper.

    Class weights are of 1040 classes, 16 weights in turn: a problem takes the first. Shrinks to weights of 1 and no other option.
    """
    names = tuple(takes)
    wanted = fields(names)
    tables = {**VALUES, "scale": EXACT} if "temperature" in names else VALUES
    draws = {name: _weights if name == "class_weight" else _value(tables[name]) for name in wanted}

    def made(octets: bytes) -> CrossEntropy:
        drawn = Octets(octets)
        chosen = {name: draw(drawn) for name, draw in draws.items()}
        return CrossEntropy(**chosen)  # type: ignore[arg-type]

    return row.map(made)
