"""Whether a specification is one: read twice with NumPy and once with balls, on a small problem, before it judges anything."""

from contextlib import suppress
from functools import lru_cache

import flint
import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.law.own import Loss
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import PARAMETERS, Program, plain

BITS = 128
SIDES = (6, 24)  # of which one is larger than the other by so much that a square shows


@lru_cache(maxsize=64)
def require(law: Loss, L: int = 3) -> None:
    """`Unusable` in one line where a specification raises, returns no number, is a constant or is no function of its arguments.

    It is read with so many classes, as one with a weight for each takes no other number.
    """
    given = _given(20, L, 2, 4)
    one, other = (plain(law, {name: array.copy() for name, array in given.items()}) for _ in range(2))
    if one != other and not (np.isnan(one) and np.isnan(other)):
        raise Unusable(law.line(f"is no function of its arguments: read twice, it returns {one:.6g} and {other:.6g}"))
    with flint.ctx.workprec(BITS):
        program = Program(law, {name: Balls.exact(array) for name, array in given.items()})
        if all(program.gradient(name) is None for name in PARAMETERS):
            raise Unusable(law.line("is a constant: it depends on none of theta, b, X and Z"))


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
