"""Difference quotients of a loss of one's own along a direction, with what they leave out read off its Taylor series. Rigorous.

    f(p + D) - f(p - D') = <gradient, D + D'> + (c2(D) - c2(D')) + c3(D) + c3(D')

where c2(D) is the second coefficient at p along D, and c3 is the third, somewhere on the way: balls that contain them are read from
the text along p + t D, with t in all of [-1, 1] (`readings.series`). Of the mathematical loss, which balls know to any precision,
steps are as small as one likes; of an implementation's own loss they balance its rounding. Knows no gradient.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flint
import numpy as np

from gradcheck.enclosure import Enclosure, Reals
from gradcheck.errors import Unusable
from gradcheck.problem import Problem
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import Program
from gradcheck.readings.series import NoSeries, Series, capped
from gradcheck.readings.working import working
from gradcheck.referees import cumulants, quotient
from gradcheck.referees.ball import bits_for, enclose
from gradcheck.referees.cumulants import Directional, Move
from gradcheck.referees.truth import magnitude

Arrays = Mapping[str, Balls]
Evaluate = Callable[[Problem], Enclosure]

SMALL = 64  # a step of the mathematical loss is 2**-64 of one that changes logits by 1
TRIES, SHORTER = 4, 1 / 8  # steps that are tried of an own loss, each so much of the one before
NAMES = ("theta", "b", "X", "Y")
BOTH = flint.arb(0, 1)  # all of [-1, 1]
AHEAD = flint.arb(0.5, 0.5)  # all of [0, 1]
HERE = flint.arb(0)


def _program(problem: Problem, given: Mapping[str, Any]) -> Any:
    """The loss, of balls or series."""
    try:
        return Program(problem.law, given).loss  # type: ignore[arg-type]
    except Unusable as line:  # as where a comparison is in doubt over an interval
        raise NoSeries(str(line)) from None


def coefficients(problem: Problem, start: Arrays, move: Arrays, about: Any, order: int) -> list[Any]:
    """Of f(start + t move) up to that order, each for t anywhere in `about`; raises `NoSeries` where there are none."""
    lines = {name: Series.line(start[name], move[name], about) for name in move}
    with capped(order + 1):
        found = _program(problem, {**start, **lines})
        if type(found) is not Series:  # nothing that moves is in it
            return [found.entries[0], *[flint.arb(0)] * order]
        terms = found.settled().balls.entries[0]
        known = [terms[k] for k in range(order + 1)]
    if not all(term.is_finite() for term in known):
        raise NoSeries("how the loss bends over the step is not known to be finite")
    return known


def _moving(problem: Problem, direction: Move) -> dict[str, Reals]:
    """What moves, by name."""
    moves = {"theta": direction.theta, "b": direction.b} if direction.X is None else {"X": direction.X}
    return {name: array for name, array in moves.items() if array.any()}


def _exact(problem: Problem) -> dict[str, Balls]:
    return {name: Balls.exact(array) for name, array in zip(NAMES, problem.reals, strict=True)}


# ---- of the mathematical loss ----


def forward(problem: Problem, direction: Move) -> Directional:
    """The derivative of the mathematical loss along `direction` times the step that was taken, by f(p + D) - f(p)."""
    step, bits = _small(problem, cumulants.within_reach(problem, direction, 1.0))
    with working(bits):
        move = {name: Balls.exact(step * array) for name, array in _moving(problem, direction).items()}
        taken = _forward(problem, _exact(problem), move)
    return Directional(_scaled(direction, step), taken, step)


def central(problem: Problem, direction: Move) -> Directional:
    """The same by f(p + D) - f(p - D), along the displacement 2 D."""
    step, bits = _small(problem, cumulants.within_reach(problem, direction, 1.0))
    with working(bits):
        move = {name: Balls.exact(step * array) for name, array in _moving(problem, direction).items()}
        taken = _central(problem, _exact(problem), move)
    return Directional(_scaled(direction, 2 * step), taken, step)


def central_logits(problem: Problem, direction: Reals) -> Directional:
    """The same with the logits as the variable (L, n); the displacement is the `theta` of the move."""
    step, bits = _small(problem, 1.0)
    with working(bits):
        start = _exact(problem)
        start["Z"] = start["theta"] @ start["X"] + start["b"]
        taken = _central(problem, start, {"Z": Balls.exact(step * direction)})
    return Directional(Move(2 * step * direction, np.zeros((1, 1))), taken, step)


def _small(problem: Problem, reach: float) -> tuple[float, int]:
    """A power of two, and the bits that it takes to see it."""
    size = magnitude(problem)
    return reach * 2.0**-SMALL, bits_for(size) + 2 * SMALL


def _scaled(direction: Move, step: float) -> Move:
    return Move(step * direction.theta, step * direction.b, None if direction.X is None else step * direction.X)


def _moved(start: Arrays, move: Arrays, sign: int) -> dict[str, Any]:
    return {**start, **{name: start[name] + array * sign for name, array in move.items()}}


def _value(problem: Problem, given: Arrays) -> Any:
    return _program(problem, given).entries[0]


def _forward(problem: Problem, start: Arrays, move: Arrays) -> Enclosure:
    bent = coefficients(problem, start, move, BOTH, 2)[2]
    difference = _value(problem, _moved(start, move, 1)) - _value(problem, start)
    return enclose(Balls([difference - bent], ()))


def _central(problem: Problem, start: Arrays, move: Arrays) -> Enclosure:
    bent = coefficients(problem, start, move, BOTH, 3)[3]
    above, below = (_value(problem, _moved(start, move, sign)) for sign in (1, -1))
    return enclose(Balls([above - below - 2 * bent], ()))


# ---- along each coordinate ----


def bends(problem: Problem, variable: str, steps: Reals, ahead: bool) -> Reals:
    """Upper bounds of |f''| along each coordinate of a variable (c,), over the step that is taken there, or where it begins."""
    shape = problem.reals[NAMES.index(variable)].shape
    with working(bits_for(magnitude(problem))):
        start, found = _exact(problem), []
        for place, step in enumerate(steps):
            move = np.where(np.arange(steps.size) == place, step, 0.0).reshape(shape)
            second = coefficients(problem, start, {variable: Balls.exact(move)}, AHEAD if ahead else HERE, 2)[2]
            found.append(np.nextafter(float((2 * abs(second) / flint.arb(step) ** 2).abs_upper()), np.inf))
    return np.array(found)


# ---- of an implementation's own loss ----


def own(problem: Problem, direction: Move, evaluate: Evaluate, noise: float) -> Directional:
    """The derivative along `direction` times the step that was taken, from losses `evaluate` knows to within a radius.

    `noise` is about how large that is; sharpness alone depends on it. Where a kink lies in a step, a shorter one is tried.
    """
    step, reason = _step(problem, direction, noise), NoSeries("")
    best: tuple[float, Problem, Problem, float] | None = None
    for _ in range(TRIES):
        above, below = (cumulants.moved(problem, direction, sign * step) for sign in (1, -1))
        try:
            bent = _bent(problem, above, below)
        except NoSeries as exception:
            reason = exception
        else:
            if best is None or (bent + 2 * noise) / step < (best[0] + 2 * noise) / best[3]:
                best = bent, above, below, step
            if bent <= 4 * noise:
                break
        step *= SHORTER
    if best is None:
        raise reason
    bent, above, below, step = best
    top, bottom = evaluate(above), evaluate(below)
    radius = np.asarray(bent + top.radius + bottom.radius)
    taken = quotient.difference(top.midpoint, bottom.midpoint, radius)
    return Directional(cumulants.between(below, above), taken, step)


def _step(problem: Problem, direction: Move, noise: float) -> float:
    """What balances the rounding of a loss with the third derivative, within reach."""
    with working(bits_for(magnitude(problem))):
        start = _exact(problem)
        move = {name: Balls.exact(array) for name, array in _moving(problem, direction).items()}
        third = abs(float(coefficients(problem, start, move, HERE, 3)[3]))
    best = (noise / (2 * third)) ** (1 / 3) if 0 < third < np.inf else 1.0
    return cumulants.within_reach(problem, direction, cumulants.power_of_two(best))


def _bent(problem: Problem, above: Problem, below: Problem) -> float:
    """An upper bound of what the difference leaves out: steps up and down are as they are after rounding."""
    with working(bits_for(magnitude(problem))):
        start, top, bottom = _exact(problem), _exact(above), _exact(below)
        ways = {name: (top[name] - start[name], start[name] - bottom[name]) for name in NAMES}
        move = {
            name: _either(*way) for name, way in ways.items() if any(ball != 0 for one in way for ball in one.entries)
        }
        if not move:
            raise NoSeries("a step rounds to none in this precision")
        third = coefficients(problem, start, move, BOTH, 3)[3]
        uneven = flint.arb(0)
        if not all(
            ball.is_exact() for array in move.values() for ball in array.entries
        ):  # mostly steps are as long up as down
            uneven = 2 * coefficients(problem, start, move, HERE, 2)[2].rad()
        return float(np.nextafter(float((2 * abs(third) + uneven).abs_upper()), np.inf))


def _either(up: Balls, down: Balls) -> Balls:
    """Balls that contain both."""
    return Balls([one.union(other) for one, other in zip(up.entries, down.entries, strict=True)], up.shape)
