"""Central differences of the loss, with the truncation error bounded in closed form. Rigorous.

    loss(p+) - loss(p-) = <gradient, W> +- truncation +- (the rounding errors of both losses),  W = p+ - p-

With D+ = p+ - p and D- = p - p-, where p+ and p- are the parameters after rounding, Taylor's theorem gives

    |truncation| <= |loss''[D+ - D-, W]| / 2 + (M3(D+) + M3(D-)) / 6

The step balances both: h = (3 e / M3)^(1/3). Along a direction, or along every coordinate of theta or b at once. Knows the loss
only as a function: it must not import the closed-form gradient that it judges.
"""

from collections.abc import Callable

import numpy as np

from gradcheck.enclosure import Enclosure, Reals
from gradcheck.problem import Problem
from gradcheck.referees import cumulants, quotient
from gradcheck.referees.cumulants import THIRD_MOMENT, Change, Directional, Move


def best_steps(problem: Problem, ranges: Reals, size: Reals, noise: float) -> Reals:
    """h = (3 e / M3)^(1/3), from ranges (..., n), so that their cubes cannot underflow; powers of two within reach.

    `size` bounds how far any logit moves for h = 1.
    """
    top = ranges.max(axis=-1)
    known = (top > 0) & (top < np.inf)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        third = cumulants.mean(problem, (ranges / top[..., np.newaxis]) ** 3) / THIRD_MOMENT
        best = cumulants.powers_of_two(np.cbrt(3 * noise / third) / top)
    return cumulants.cut(np.where(known & (third > 0), best, 1.0), size)


def best_step(problem: Problem, direction: Move, noise: float) -> float:
    """The same along one direction."""
    change = direction.change(problem)
    return float(best_steps(problem, change.ranges, change.reach.max(), noise))


def truncation(problem: Problem, up: Change, down: Change) -> Reals:
    """What the formula itself is off by. `down` is p - p-, so that equal steps cancel in `up - down`."""
    return cumulants.mean(problem, cumulants.bend(up.minus(down).ranges, up.ranges, down.ranges))


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
    radius = truncation(problem, high, low) + 2 * noise
    return Directional(move, quotient.difference(np.asarray(top), np.asarray(bottom), radius), step)


Losses = Callable[..., Reals]


def entries(problem: Problem, variable: str, losses: Losses, noise: float) -> Enclosure:
    """Enclose every entry of the gradient with respect to theta (L, d), b (L, 1) or X (d, n), of a problem in float64.

    `losses(theta, b, X, Y', N)` takes a stack of the variable, (k, L, d) for theta, and returns (k,); `noise` as in `enclose`.
    """
    start = problem.reals[cumulants.VARIABLES.index(variable)].ravel()
    ranges = cumulants.coordinate_ranges(problem, variable)
    step = best_steps(problem, ranges, ranges.max(axis=-1), noise)
    above, below = quotient.ends(start, step)
    top, bottom = (
        losses(*_with(problem, variable, start, moved), problem.labels, problem.divisor) for moved in (above, below)
    )
    up, down, gap = (side[:, np.newaxis] * ranges for side in quotient.sides(start, above, below))
    reached = np.maximum(up, down).max(axis=-1) <= cumulants.REACH
    radius = np.where(reached, cumulants.mean(problem, cumulants.bend(gap, up, down)) + 2 * noise, np.inf)
    shape = problem.reals[cumulants.VARIABLES.index(variable)].shape
    return quotient.per(quotient.difference(top, bottom, radius), above - below).reshape(*shape)


def _with(problem: Problem, variable: str, start: Reals, moved: Reals) -> tuple[Reals, ...]:
    """theta, b and X, of which one is a stack: its k-th has the k-th coordinate moved."""
    found, place = list(problem.reals[:3]), cumulants.VARIABLES.index(variable)
    found[place] = np.where(np.eye(start.size, dtype=bool), moved, start).reshape(-1, *found[place].shape)
    return tuple(found)
