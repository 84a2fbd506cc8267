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
from gradcheck.referees.cumulants import THIRD_MOMENT, Change, Move


@dataclass(frozen=True, eq=False)
class Directional:
    """`enclosure` contains <gradient, move>, for the gradient at the middle problem."""

    move: Move
    enclosure: Enclosure
    step: float


def best_step(problem: Problem, direction: Move, noise: float) -> float:
    """h = (3 e / M3)^(1/3), from the range, so that its cube cannot underflow; a power of two within reach."""
    ranges = direction.change(problem).ranges
    top = float(ranges.max())
    if not 0 < top < np.inf:
        return cumulants.within_reach(problem, direction, 1.0)
    third = float(cumulants.mean(problem, (ranges / top) ** 3)) / THIRD_MOMENT
    best = cumulants.power_of_two(float(np.cbrt(3 * noise / third)) / top) if third > 0 else 1.0
    return cumulants.within_reach(problem, direction, best)


def truncation(problem: Problem, up: Change, down: Change) -> Reals:
    """What the formula itself is off by. `down` is p - p-, so that equal steps cancel in `up - down`."""
    high, low = up.ranges, down.ranges
    with np.errstate(over="ignore", invalid="ignore"):
        second = up.minus(down).ranges * (high + low) / 8
        third = (high**3 + low**3) / (6 * THIRD_MOMENT)
        bend = second + third
    return cumulants.mean(problem, np.where(np.isnan(bend), np.inf, bend))


def enclose(problem: Problem, direction: Move, loss: Callable[[Problem], float], noise: float) -> Directional:
    """Enclose the derivative of `loss` along `direction` times the step that was taken.

    `noise` bounds the rounding error (absolute) of one loss wherever no logit changes by more than 1. Where the
    parameters leave their precision or go further than that, the radius is infinite.
    """
    step = best_step(problem, direction, noise)
    above, below = cumulants.moved(problem, direction, step), cumulants.moved(problem, direction, -step)
    up, down = cumulants.between(problem, above), cumulants.between(below, problem)
    move = cumulants.between(below, above)
    high, low = up.change(problem), down.change(problem)
    if not max(high.reach.max(), low.reach.max()) <= cumulants.REACH:
        return Directional(move, Enclosure(np.zeros(()), np.asarray(np.inf)), step)
    top, bottom = float(loss(above)), float(loss(below))
    radius = truncation(problem, high, low) + 2 * noise + U64 * (abs(top) + abs(bottom))
    return Directional(move, Enclosure.representable(np.asarray(top - bottom), outward(radius)), step)
