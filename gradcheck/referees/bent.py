"""Central and forward differences of a loss with a scale, a cap, a z-loss or a penalty, along a direction. Rigorous.

As `central` and `forward`, of a loss that bends as `bending` has it. Knows the loss only as a function of a problem, which comes
with the error of its value: no one error holds for all that is nearby.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals
from gradcheck.problem import Problem
from gradcheck.referees import cumulants, quotient
from gradcheck.referees.bending import Bending, Span
from gradcheck.referees.cumulants import Change, Directional, Move

Evaluate = Callable[[Problem], Enclosure]


def _step(bending: Bending, direction: Move, noise: float, order: int) -> float:
    """What balances the rounding of a loss with the derivative of that order, within reach. Sharpness alone depends on it."""
    span = bending.span(direction.change(bending.problem))
    bends = bending.third(span) if order == 3 else bending.second(span, span)
    total = float(bending.mean(bends)) + (bending.penalised(direction, direction) if order == 2 else 0.0)
    best = ((3 if order == 3 else 4) * noise / total) ** (1 / order) if 0 < total < np.inf else 1.0
    return cumulants.within_reach(bending.problem, direction, cumulants.power_of_two(best))


def central(problem: Problem, direction: Move, evaluate: Evaluate, *, apart: Reals | None = None) -> Directional:
    """The derivative along `direction` times the step that was taken, from losses `evaluate` knows to within a radius.

    `apart` is how far (n,) the logits may be from those of the problem whose derivative it is.
    """
    bending = Bending(problem, 0.0 if apart is None else float(apart.max()))
    with np.errstate(all="ignore"):
        step = _step(bending, direction, float(evaluate(problem).radius), 3)
        above, below = cumulants.moved(problem, direction, step), cumulants.moved(problem, direction, -step)
        move = cumulants.between(below, above)
        ends = cumulants.between(problem, above), cumulants.between(below, problem)
        up, down = (end.change(problem) for end in ends)
        high, low, gap = (bending.span(change) for change in (up, down, up.minus(down)))
        both = high.plus(low)
        per_sample = bending.second(gap, both) / 2 + (bending.third(high) + bending.third(low)) / 6
        if apart is not None:
            per_sample = per_sample + bending.second(Span(2 * apart, apart), both)
        uneven = replace(move, **{key: _gap(*(getattr(end, key) for end in ends)) for key in ("theta", "b")})
        bent = float(bending.mean(per_sample)) + bending.penalised(uneven, move) / 2
        return Directional(move, _taken(evaluate(above), evaluate(below), bent, up, down), step)


def _gap(up: Reals, down: Reals) -> Reals:
    return abs(up - down) + 2 * U64 * (abs(up) + abs(down))


def forward(problem: Problem, direction: Move, evaluate: Evaluate) -> Directional:
    """The same by the cheaper quotient."""
    bending = Bending(problem)
    with np.errstate(all="ignore"):
        here = evaluate(problem)
        step = _step(bending, direction, float(here.radius), 2)
        ahead = cumulants.moved(problem, direction, step)
        move = cumulants.between(problem, ahead)
        change = move.change(problem)
        span = bending.span(change)
        bent = float(bending.mean(bending.second(span, span))) / 2 + bending.penalised(move, move) / 2
        return Directional(move, _taken(evaluate(ahead), here, bent, change), step)


def _taken(top: Enclosure, bottom: Enclosure, bent: float, *changes: Change) -> Enclosure:
    """The difference of two losses; nothing is known where a step goes further than the bounds hold."""
    reached = max(float(change.reach.max()) for change in changes) <= cumulants.REACH
    radius = bent + top.radius + bottom.radius if reached else np.asarray(np.inf)
    return quotient.difference(top.midpoint, bottom.midpoint, radius)
