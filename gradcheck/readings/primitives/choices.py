"""What chooses: absolute values, signs, maxima, minima, where. Each is Lipschitz or a choice, and its derivative is a choice."""

import operator
from typing import Any

import flint
import numpy as np

from gradcheck.law.functions import Array, Values
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls, stretched
from gradcheck.readings.places import Axis, broadcast, groups
from gradcheck.readings.primitives.sums import back
from gradcheck.readings.primitives.table import CALLS, READERS, Primitive, as_it_is, flat
from gradcheck.readings.running import Running, arithmetic, choices
from gradcheck.readings.running.conditions import Condition, chosen
from gradcheck.readings.running.parts import Parts


def _side(a: Array, b: Array) -> Array:
    return ((np.add(np.greater(a, b), np.greater_equal(a, b), dtype=np.float64)) / 2.0).astype(np.result_type(a, b))


# The derivative of a maximum in its first operand.
LEADS = Primitive("leads", _side, (flat, flat), choices.leads, ball_rules.leads)
SIDES = Primitive("sides", np.sign, (flat,), choices.sides, ball_rules.sides)
SIGN = Primitive("sign", np.sign, (flat,), choices.sign, ball_rules.sign, same=(np.sign,))

ABSOLUTE = Primitive(
    "absolute",
    np.absolute,
    (lambda g, y, a: g * SIDES(a),),
    arithmetic.same_size(np.absolute),  # no steeper than 1
    flint.arb.__abs__,
    same=(operator.abs, np.absolute),
)
MAXIMUM = Primitive(
    "maximum",
    np.maximum,
    (lambda g, y, a, b: g * LEADS(a, b), lambda g, y, a, b: g * LEADS(b, a)),
    arithmetic.nearer(np.maximum),  # max(e, e')
    ball_rules.larger,
    same=(np.maximum,),
)
MINIMUM = Primitive(
    "minimum",
    np.minimum,
    (lambda g, y, a, b: g * LEADS(b, a), lambda g, y, a, b: g * LEADS(a, b)),
    arithmetic.nearer(np.minimum),
    ball_rules.smaller,
    same=(np.minimum,),
)


# ---- along an axis ----


def _shared(a: Array, axis: Axis = None) -> Array:
    among = a == a.max(axis=axis, keepdims=True)
    return (among / among.sum(axis=axis, keepdims=True)).astype(a.dtype)


def _shares(x: Balls, axis: Axis = None) -> Balls:
    entries: list[Any] = [None] * len(x.entries)
    for group in groups(x.shape, axis):
        for place, part in zip(group, ball_rules.shares([x.entries[place] for place in group]), strict=True):
            entries[place] = part
    return Balls(entries, x.shape)


SHARE = Primitive("share", _shared, (flat,), choices.share, _shares, each=False)


def _of_the_largest(g: Values, y: Values, a: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    return back(g, a, axis) * SHARE(a, axis=axis)


MAX = Primitive(
    "max",
    lambda a, axis=None, keepdims=False: np.max(a, axis=axis, keepdims=keepdims),
    (_of_the_largest,),
    choices.largest,  # the largest e
    lambda x, axis=None, keepdims=False: x.gathered(ball_rules.largest, axis, keepdims),
    each=False,
    series=lambda x, axis=None, keepdims=False: (x * SHARE(x, axis=axis)).sum(axis=axis, keepdims=keepdims),
)
CALLS[np.max] = MAX


# ---- by a condition ----


def kinked(condition: Any) -> Any:
    """As a derivative hears it."""
    return condition.kinked() if isinstance(condition, Condition) else condition


def _rounded(x: Parts, y: Parts, p: Any, condition: Any) -> Parts:
    return chosen(condition, x, y)


def _chosen(x: Balls, y: Balls, condition: Any) -> Balls:
    """Either where the condition is in doubt."""
    if not isinstance(condition, Condition):
        return _picked(np.asarray(condition), x, y)
    shape = broadcast(condition.shape, x.shape, y.shape)
    said, sure = (np.broadcast_to(part, shape).ravel().tolist() for part in (condition.value, condition.sure))
    pairs = zip(stretched(x, shape), stretched(y, shape), said, sure, strict=False)
    return Balls([_one(*pair) for pair in pairs], shape)


def _picked(condition: Array, x: Balls, y: Balls) -> Balls:
    """By truth values that are given."""
    held = Balls(condition.ravel().tolist(), condition.shape)
    shape = broadcast(held.shape, x.shape, y.shape)
    chosen = zip(*(stretched(part, shape) for part in (held, x, y)), strict=False)
    return Balls([ball_rules.ball(one if said else other) for said, one, other in chosen], shape)


def _one(x: Any, y: Any, said: bool, sure: bool) -> Any:
    if sure:
        return ball_rules.ball(x if said else y)
    return ball_rules.ball(x).union(ball_rules.ball(y))


WHERE = Primitive(
    "where",
    lambda a, b, condition: np.where(condition, a, b),
    (
        lambda g, y, a, b, condition: where(kinked(condition), g, np.zeros_like(g)),
        lambda g, y, a, b, condition: where(kinked(condition), np.zeros_like(g), g),
    ),
    _rounded,  # where the condition is in doubt, |a - b| + e + e'
    _chosen,
    each=False,
    linear=True,
)


def where(condition: Any, x: Values, y: Values) -> Values:
    """x where the condition holds, otherwise y: of the reading of the condition, where both are numbers that are given."""
    if isinstance(condition, Condition) and READERS.keys().isdisjoint((type(x), type(y))):
        x = (condition.read or Running.exact)(np.asarray(x, dtype=np.float64))
    return WHERE(x, y, condition=as_it_is(condition))


CALLS[np.where] = where
