"""Whether a specification is one: read twice with NumPy and once with balls, on a small problem, before it judges anything.

And again before code is blamed: what changes from call to call, by a counter say, is no function of its arguments.
"""

from contextlib import suppress
from functools import lru_cache

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.law.own import Loss
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import PARAMETERS, Program, plain
from gradcheck.readings.working import working

BITS = 128
SIDES = (24, 96)  # of which one is larger than the other by so much that a square shows


def require(law: Loss, L: int = 3) -> None:
    """`Unusable` in one line where a specification raises, returns no number, is a constant or is no function of its arguments.

    It is read with so many classes, as one with a weight for each takes no other number: once in a run.
    """
    if (law, L) in FIRST:
        return
    if len(FIRST) >= MOST:
        FIRST.clear()
    first = _value(law, L)
    require_same(law, first, _value(law, L))
    given = _given(20, L, 2, 4)
    with working(BITS):
        program = Program(law, {name: Balls.exact(array) for name, array in given.items()})
        if all(program.gradient(name) is None for name in PARAMETERS):
            raise Unusable(law.line("is a constant: it depends on none of theta, b, X and Z"))
    FIRST[law, L] = first


def begin(law: Loss, L: int = 3) -> None:
    """The same for a run that begins: what a text reads from elsewhere may have changed since another."""
    for known in tuple(FIRST):
        if known[0] == law:
            FIRST.pop(known, None)
    require(law, L)


MOST = 64
FIRST: dict[tuple[Loss, int], float] = {}  # what each returned when it was first read, of so many classes


def again(law: Loss) -> None:
    """`Unusable` where a specification no longer returns what it first did, bit for bit, of the same arrays."""
    for (known, L), first in tuple(FIRST.items()):
        if known == law:
            require_same(law, first, _value(law, L))


def require_same(law: Loss, first: float, now: float) -> None:
    """Of what was read twice of the same arrays."""
    if first != now and not (np.isnan(first) and np.isnan(now)):
        raise Unusable(
            law.line(
                f"is no function of its arguments: read twice, of the same arrays, it returns {first!r} and {now!r}"
            )
        )


def _value(law: Loss, L: int) -> float:
    law.forget()  # so that what changes from call to call shows
    return plain(law, _given(20, L, 2, 4))


@lru_cache(maxsize=64)
def unposed(law: Loss, L: int = 3) -> dict[str, str]:
    """The regimes that it is not posed, and why."""
    found = {"masked-class": f"{law.name} is posed finite logits"}
    if square(law, L):
        found |= dict.fromkeys(LARGE, f"{law.name} makes arrays as large as the square of a side")
    return found


LARGE = ("large", "tiles")


def square(law: Loss, L: int = 3) -> bool:
    """Whether what is made grows as the square of a side, such as (n, n), or a loop over columns: large problems would not fit."""
    d, n = 2, 4
    for side in range(3):
        sizes = []
        for size in SIDES:
            shape = [L, d, n]
            shape[side] = size
            sizes.append(_largest(law, *shape))
        if sizes[1] * SIDES[0] > 2 * sizes[0] * SIDES[1]:
            return True
    return False


def _largest(law: Loss, L: int, d: int, n: int) -> int:
    """`Program.largest` of a problem of this shape."""
    with np.errstate(all="ignore"), suppress(Unusable):
        return Program(law, _given(0, L, d, n)).largest
    return 0  # it takes no such number of classes


def _given(seed: int, L: int, d: int, n: int) -> dict[str, Reals]:
    """Arrays of such a shape, whose labels are the classes in turn."""
    draw = np.random.default_rng(seed)
    theta, b, X = (draw.standard_normal(shape) for shape in ((L, d), (L, 1), (d, n)))
    return {"theta": theta, "b": b, "X": X, "Y": np.eye(L)[:, np.arange(n) % L]}
