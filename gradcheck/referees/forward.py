"""Forward differences of the loss, the cheaper sibling of the central ones. Rigorous.

    loss(p+) - loss(p) = <gradient, W> +- M2(W) / 2 +- (the rounding errors of both losses),  W = p+ - p

The step balances both: h = 2 (e / M2)^(1/2). Knows the loss only as a function of a problem.
"""

from collections.abc import Callable

import numpy as np

from gradcheck.enclosure import Enclosure, Reals
from gradcheck.problem import Problem
from gradcheck.referees import cumulants, quotient
from gradcheck.referees.cumulants import Change, Directional, Move


def second_moment(problem: Problem, change: Change) -> Reals:
    """An upper bound of |loss''[move, move]| (Popoviciu)."""
    with np.errstate(over="ignore"):
        return cumulants.mean(problem, change.ranges**2 / 4)


def best_step(problem: Problem, direction: Move, noise: float) -> float:
    """h = 2 (e / M2)^(1/2), a power of two within reach."""
    ranges = direction.change(problem).ranges
    top = float(ranges.max())
    if not 0 < top < np.inf:
        return cumulants.within_reach(problem, direction, 1.0)
    second = float(cumulants.mean(problem, (ranges / top) ** 2)) / 4
    best = cumulants.power_of_two(2 * float(np.sqrt(noise / second)) / top) if second > 0 else 1.0
    return cumulants.within_reach(problem, direction, best)


def enclose(problem: Problem, direction: Move, loss: Callable[[Problem], float], noise: float) -> Directional:
    """Enclose the derivative of `loss` along `direction` times the step that was taken; `noise` as in `central`."""
    step = best_step(problem, direction, noise)
    ahead = cumulants.moved(problem, direction, step)
    move = cumulants.between(problem, ahead)
    change = move.change(problem)
    if not change.reach.max() <= cumulants.REACH:
        return Directional(move, Enclosure(np.zeros(()), np.asarray(np.inf)), step)
    there, here = float(loss(ahead)), float(loss(problem))
    radius = second_moment(problem, change) / 2 + 2 * noise
    return Directional(move, quotient.difference(np.asarray(there), np.asarray(here), radius), step)
