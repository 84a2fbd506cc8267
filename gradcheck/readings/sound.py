"""Whether a specification is one: read twice with NumPy and once with balls, on a small problem, before it judges anything."""

from functools import lru_cache

import flint
import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.own import Loss
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import PARAMETERS, Program, plain
from gradcheck.readings.tape import Variable

BITS = 128
SIDES, TIMES = {"L": 3, "d": 2, "n": 4}, 8
FASTER = 10  # times as large, where one side is 8 times as large: more than in proportion


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
def growing(law: Loss) -> str:
    """The side by whose square its arrays grow: `n` where each sample is held against each other; empty where none does."""
    for side, usual in SIDES.items():
        if _largest(law, SIDES | {side: usual * TIMES}) > FASTER * _largest(law, SIDES):
            return side
    return ""


def _largest(law: Loss, sides: dict[str, int]) -> int:
    """The numbers of the largest array that it makes of a problem of these sides."""
    L, d, n = sides.values()
    given = {"theta": np.eye(L, d) + 0.5, "b": np.zeros((L, 1)), "X": np.eye(d, n) - 0.5, "Y": np.eye(L, n)}
    with np.errstate(all="ignore"):
        try:
            made = [Program(law, given).whole]
        except Unusable:  # of its own sides alone
            return 0
    found, seen = 1, set[int]()
    while made:
        variable = made.pop()
        found = max(found, int(np.prod(getattr(variable, "shape", ()), dtype=int)))
        if isinstance(variable, Variable) and id(variable) not in seen:
            seen.add(id(variable))
            made += variable.operands
    return found
