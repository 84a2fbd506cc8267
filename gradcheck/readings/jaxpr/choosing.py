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
        if isinstance(x, First):
            return _which(comparison, x, y)
        if isinstance(x, Condition) or isinstance(y, Condition):
            return _alike(comparison, x, y)
        if comparison in OPPOSITE and not (known(x) or known(y)):
            found = _itself(x) if x is y else _extreme(step, x, y)
            if found is not None:
                return found if comparison is operator.eq else ~found
        return comparison(x, y)

    return rule


FIRST = "a traced loss takes the first of conditions that rounding may turn; write it with jnp.select"


def _which(comparison: Any, x: "First", y: Any) -> Condition:
    """Whether it is the one of that number."""
    if comparison not in OPPOSITE or np.ndim(y):
        raise Unusable(FIRST)
    return x[int(y)] if comparison is operator.eq else ~x[int(y)]


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


class First:
    """The number of the first of several conditions that holds, 0 where none does; some of them are in doubt."""

    def __init__(self, held: Condition, axis: int) -> None:
        self.held, self.axis, self.shape = held, axis, tuple(np.delete(held.shape, axis).tolist())

    def __getitem__(self, k: int) -> Condition:
        """Whether it is this one."""
        before = self.held[(*(slice(None),) * self.axis, slice(0, k or None))].any(self.axis)
        here = self.held[(*(slice(None),) * self.axis, k)]
        return here & ~before if k else here | ~before


def first(held: Condition, axis: int, dtype: np.dtype) -> Any:
    """As whole numbers where there is no doubt, which is where nothing hangs on rounding or on a tie."""
    told = held.kinked()
    return held.value.argmax(axis=axis).astype(dtype) if np.all(told.sure) else First(held, axis)


def selected(step: Step, which: Any, *cases: Any) -> Any:
    """The second where it holds, otherwise the first; of whole numbers, the one of that number."""
    if isinstance(which, First):
        return _case(step, which, cases)
    if not isinstance(which, Condition) and np.asarray(which).dtype.kind != "b":
        which = np.asarray(whole(which, "select_n"))
        if len(cases) > 2:
            return _case(step, which, cases)
        which = which == 1
    no, yes = cases
    if all(known(x) or isinstance(x, Condition) for x in cases):
        if isinstance(which, Condition) or any(isinstance(x, Condition) for x in cases):
            if step.dtype.kind != "b":
                return np.where(whole(which, "an index"), yes, no)
            return (of(which) & of(yes)) | (~of(which) & of(no))
        return np.where(which, yes, no)
    return where(which, yes, no)


def _case(step: Step, which: Any, cases: tuple[Any, ...]) -> Any:
    """One after the other, those of a larger number over those before."""
    found = cases[0]
    for k, case in enumerate(cases[1:], start=1):
        found = selected(step, which[k] if isinstance(which, First) else which == k, found, case)
    return found


def some(step: Step, x: Any) -> Any:
    """Whether any of them holds."""
    return of(x).any(tuple(step.params["axes"]))


def every(step: Step, x: Any) -> Any:
    """Whether all of them hold."""
    return of(x).all(tuple(step.params["axes"]))


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
