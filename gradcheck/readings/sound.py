"""Whether a specification is one: read twice with NumPy and once with balls, on a small problem, before it judges anything."""

from functools import lru_cache

import flint
import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.own import Loss
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import PARAMETERS, Program, plain

BITS = 128


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
