"""Whether a specification is one: read twice with NumPy and once with balls, on a small problem, before it judges anything."""

from functools import lru_cache

import flint
import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.own import Loss
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import PARAMETERS, Program, plain

BITS = 128
SIDES = (6, 24)  # of which one is larger than the other by so much that a square shows


@lru_cache(maxsize=64)
def require(law: Loss) -> None:
    """`Unusable` in one line where a specification raises, returns no number, is a constant or is no function of its arguments."""
    theta = np.array([[0.5, -1.25], [0.75, 0.25], [-0.375, 1.5]])
    X = np.array([[1.0, -0.5, 0.25, 2.0], [-0.75, 1.5, 0.5, -1.0]])
    given = {"theta": theta, "b": np.array([[0.25], [-0.5], [0.125]]), "X": X, "Y": np.eye(3)[:, [0, 2, 1, 2]]}
    one, other = (plain(law, {name: array.copy() for name, array in given.items()}) for _ in range(2))
    if one != other and not (np.isnan(one) and np.isnan(other)):
        raise Unusable(law.line(f"is no function of its arguments: read twice, it returns {one:.6g} and {other:.6g}"))
    with flint.ctx.workprec(BITS):
        program = Program(law, {name: Balls.exact(array) for name, array in given.items()})
        if all(program.gradient(name) is None for name in PARAMETERS):
            raise Unusable(law.line("is a constant: it depends on none of theta, b, X and Z"))


@lru_cache(maxsize=64)
def unposed(law: Loss) -> dict[str, str]:
    """The regimes that it is not posed, and why."""
    found = {"masked-class": f"{law.name} is posed finite logits"}
    if square(law):
        found |= dict.fromkeys(LARGE, f"{law.name} makes arrays as large as the square of a side")
    return found


LARGE = ("large", "tiles")


def square(law: Loss) -> bool:
    """Whether arrays are made whose size grows as the square of a side, such as (n, n): large problems would not fit."""
    L, d, n = 3, 2, 4
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
    """The entries of the largest array that is made of a problem of this shape."""
    draw = np.random.default_rng(0)
    theta, b, X = (draw.standard_normal(shape) for shape in ((L, d), (L, 1), (d, n)))
    given = {"theta": theta, "b": b, "X": X, "Y": np.eye(L)[:, np.arange(n) % L]}
    with np.errstate(all="ignore"):
        return Program(law, given).largest
