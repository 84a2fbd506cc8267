"""Equations that compare and choose. What rounding may turn is a condition in doubt, and so is what is chosen by it."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.jaxpr.kinds import known, under, whole
from gradcheck.readings.jaxpr.step import Step
from gradcheck.readings.primitives.choices import MAX, MAXIMUM, MINIMUM, SHARE, where
from gradcheck.readings.running import Condition, Running
from gradcheck.readings.running.conditions import of

OPPOSITE = {operator.eq: operator.ne, operator.ne: operator.eq}


def compared(comparison: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """A comparison; of what is the same, and of a maximum with what it is one of, more is known than of two numbers."""

    def rule(step: Step, x: Any, y: Any) -> Any:
        if isinstance(x, Condition) or isinstance(y, Condition):
            return _alike(comparison, x, y)
        if comparison in OPPOSITE and not (known(x) or known(y)):
            found = _itself(x) if x is y else _extreme(step, x, y)
            if found is not None:
                return found if comparison is operator.eq else ~found
        return comparison(x, y)

    return rule


def _alike(comparison: Any, x: Any, y: Any) -> Condition:
    if comparison not in OPPOSITE:
        raise Unusable("a traced loss orders truth values; write it with jnp.where(condition, this, that)")
    both = (of(x) & of(y)) | (~of(x) & ~of(y))
    return both if comparison is operator.eq else ~both


def _itself(x: Any) -> Any:
    """Equal, unless it is not a number."""
    return ~_of_numbers(under(x), np.isnan, lambda ball: bool(ball.is_nan()))


def finite(step: Step, x: Any) -> Any:
    """Neither infinite nor NaN."""
    return _of_numbers(under(x), np.isfinite, lambda ball: bool(ball.is_finite()))


def _of_numbers(x: Any, function: Any, of_ball: Callable[[Any], bool]) -> Any:
    if isinstance(x, Running):
        return Condition(np.asarray(function(x.value)), np.isfinite(x.error))
    if isinstance(x, Balls):
        said = np.array([of_ball(ball_rules.ball(entry)) for entry in x.entries], dtype=bool).reshape(x.shape)
        return Condition(said, np.ones(x.shape, dtype=bool))
    return function(x)


def _extreme(step: Step, x: Any, y: Any) -> Any:
    """Whether x is the largest, or the least: no rounding has come between."""
    for one, other in ((x, y), (y, x)):
        found = step.extreme(one, other)
        if found is None:
            continue
        by, operands = found
        if by.name in ("max", "min"):
            a, b = operands if operands[0] is one else operands[::-1]
            return (operator.ge if by.name == "max" else operator.le)(a, b)
        a = under(one)
        return _among(a if by.name == "reduce_max" else -a, tuple(by.params["axes"]))
    return None


def _among(x: Any, axes: tuple[int, ...]) -> Any:
    if isinstance(x, Running):
        share = SHARE(x, axis=axes)
        return Condition(share.value > 0, share.error == 0)
    if isinstance(x, Balls):
        share = SHARE(x, axis=axes)
        return Condition(share.values() > 0, share.radii() == 0)
    return x == x.max(axis=axes, keepdims=True)


def logical(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of truth values."""
    return lambda step, *xs: function(*(x if known(x) and x.dtype.kind == "b" else of(x) for x in xs))


def selected(step: Step, which: Any, *cases: Any) -> Any:
    """The second where it holds, otherwise the first; of whole numbers, the one of that number."""
    if not isinstance(which, Condition) and np.asarray(which).dtype.kind != "b":
        which = np.asarray(whole(which, "select_n"))
        if len(cases) > 2:
            raise Unusable("lax.select_n of more than two is not among what a traced loss may be made of")
        which = which == 1
    no, yes = cases
    if all(known(x) or isinstance(x, Condition) for x in cases):
        if isinstance(which, Condition) or any(isinstance(x, Condition) for x in cases):
            if step.dtype.kind != "b":
                return np.where(whole(which, "an index"), yes, no)
            return (of(which) & of(yes)) | (~of(which) & of(no))
        return np.where(which, yes, no)
    return where(which, yes, no)


def larger(step: Step, x: Any, y: Any) -> Any:
    """The maximum of two; -inf is below whatever there is."""
    return _bounded(step, x, y, -np.inf, MAXIMUM)


def smaller(step: Step, x: Any, y: Any) -> Any:
    """The minimum of two."""
    return _bounded(step, x, y, np.inf, MINIMUM)


def _bounded(step: Step, x: Any, y: Any, limit: float, choice: Any) -> Any:
    for one, other in ((x, y), (y, x)):
        if step.number(one) == limit and tuple(under(other).shape) == step.shape:
            return other
    return choice(x, y)


def clamped(step: Step, low: Any, x: Any, high: Any) -> Any:
    return MINIMUM(MAXIMUM(x, low), high)


def largest(step: Step, x: Any) -> Any:
    return MAX(x, axis=tuple(step.params["axes"]))


def least(step: Step, x: Any) -> Any:
    return -MAX(-x, axis=tuple(step.params["axes"]))
