"""Central differences of the loss, with the truncation error bounded in closed form. Rigorous.

    loss(p+) - loss(p-) = <gradient, W> +- truncation +- (the rounding errors of both losses),  W = p+ - p-

With D+ = p+ - p and D- = p - p-, where p+ and p- are the parameters after rounding, Taylor's theorem gives

    |truncation| <= |loss''[D+ - D-, W]| / 2 + (M3(D+) + M3(D-)) / 6

The step balances both: h = (3 e / M3)^(1/3). Knows the loss only as a function of a problem: it must not import the
closed-form gradient that it judges.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.referees import cumulants
from gradcheck.referees.cumulants import THIRD_MOMENT, Move

Loss = Callable[[Problem], float]
Noise = Callable[[Reals], float]


@dataclass(frozen=True, eq=False)
class Directional:
    """`enclosure` contains <gradient, move>, for the gradient at the middle problem."""

    move: Move
    enclosure: Enclosure
    step: float


def best_step(problem: Problem, direction: Move, noise: float) -> float:
    """h = (3 e / M3)^(1/3), from the range, so that its cube cannot underflow; a power of two."""
    ranges = direction.ranges(problem)
    top = float(ranges.max())
    if not 0 < top < np.inf:
        return 1.0
    third = float(cumulants.mean(problem, (ranges / top) ** 3)) / THIRD_MOMENT
    return cumulants.power_of_two(float(np.cbrt(3 * noise / third)) / top) if third > 0 else 1.0


def truncation(problem: Problem, up: Move, down: Move, whole: Move) -> Reals:
    """What the formula itself is off by. `down` is p - p-, so that equal steps cancel in `up - down`."""
    lopsided = Move(up.theta - down.theta, up.b - down.b)
    loose = 2 * U64 * (up.reach(problem) + down.reach(problem)).max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        second = (lopsided.ranges(problem) + 2 * loose) * whole.ranges(problem) / 8
        third = (up.ranges(problem) ** 3 + down.ranges(problem) ** 3) / (6 * THIRD_MOMENT)
        return outward(cumulants.mean(problem, np.nan_to_num(second + third, nan=np.inf)))


def enclose(problem: Problem, direction: Move, loss: Loss, noise: Noise) -> Directional:
    """Enclose the derivative of `loss` along `direction` times the step that was taken.

    `noise(reach)` bounds the rounding error (absolute) of one loss evaluation wherever |change of Z| <= reach (L, n).
    """
    step = best_step(problem, direction, noise(np.zeros((problem.L, problem.n))))
    above, below = cumulants.moved(problem, direction, step), cumulants.moved(problem, direction, -step)
    up, down = cumulants.between(problem, above), cumulants.between(below, problem)
    whole = cumulants.between(below, above)
    error = noise(np.maximum(up.reach(problem), down.reach(problem)))
    high, low = float(loss(above)), float(loss(below))
    radius = truncation(problem, up, down, whole) + 2 * error + U64 * (abs(high) + abs(low))
    return Directional(whole, Enclosure(np.asarray(high - low), outward(radius)), step)
