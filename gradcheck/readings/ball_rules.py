"""What is done to balls beyond what python-flint does to one: choices, comparisons, powers."""

import operator
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

import flint
import numpy as np

from gradcheck.readings.operators import UFUNCS
from gradcheck.readings.places import Shape
from gradcheck.readings.running.conditions import Condition

Ball = Any
KNOWN = frozenset({flint.arb, flint.arb_series})
UNIT = flint.arb(0.5, 0.5)  # all of [0, 1]
BOTH = flint.arb(0, 1)  # all of [-1, 1]


def ball(x: Any) -> Ball:
    """Numbers become balls; series of balls stay."""
    return x if type(x) in KNOWN else flint.arb(x)


def larger(x: Any, y: Any) -> Ball:
    """The maximum of two."""
    return ball(x).max(ball(y))


def smaller(x: Any, y: Any) -> Ball:
    """The minimum of two."""
    return ball(x).min(ball(y))


def leads(x: Any, y: Any) -> Ball:
    """The derivative of the maximum in the first: 1 or 0, or all that is between where they tie or may."""
    x, y = ball(x), ball(y)
    return flint.arb(1) if x > y else flint.arb(0) if x < y else UNIT


def sides(x: Ball) -> Ball:
    """The derivative of the absolute value."""
    return flint.arb(1) if x > 0 else flint.arb(-1) if x < 0 else BOTH


def sign(x: Ball) -> Ball:
    """0 of an exact 0."""
    return flint.arb(0) if x == 0 else flint.arb(1) if x > 0 else flint.arb(-1) if x < 0 else BOTH


def largest(entries: list[Ball]) -> Ball:
    """The maximum of several."""
    found = entries[0]
    for entry in entries[1:]:
        found = found.max(entry)
    return found


def shares(entries: list[Ball]) -> list[Ball]:
    """The derivative of the largest in each: 1 where there is one; each of those that tie, or may, has a part of 1."""
    least = largest([entry.lower() for entry in entries])
    among = [not entry < least for entry in entries]
    part = UNIT if sum(among) > 1 else flint.arb(1)
    return [part if one else flint.arb(0) for one in among]


def ordered(entries: list[Ball]) -> tuple[list[int], list[int]]:
    """Which stands in each place once they are sorted, the first of equals; and a number, one for those that may change places."""
    held = list(map(ball, entries))
    if any(one.is_nan() for one in held):  # which has no order, and any other none beside it
        return list(range(len(held))), [0] * len(held)
    order = sorted(range(len(held)), key=lambda k: held[k].mid())
    most, least = [held[k].upper() for k in order], [held[k].lower() for k in order]
    for k in range(1, len(order)):
        most[k] = most[k].max(most[k - 1])
        least[-k - 1] = least[-k - 1].min(least[-k])
    apart = [bool(most[k] < least[k + 1]) for k in range(len(order) - 1)]
    return order, list(accumulate(apart, initial=0))[: len(order)]


def sorted_(entries: list[Ball]) -> list[Ball]:
    """The k-th, or where that is in doubt what lies between the k-th of all lower ends and the k-th of all upper ends."""
    order, numbers = ordered(entries)
    if any(ball(entry).is_nan() for entry in entries):
        return [flint.arb("nan")] * len(entries)
    ends = [sorted(part(ball(entry)) for entry in entries) for part in (flint.arb.lower, flint.arb.upper)]
    return [
        low.union(high) if numbers.count(number) > 1 else entries[k]
        for k, number, low, high in zip(order, numbers, *ends, strict=True)
    ]


def power(x: Ball, exponent: float = 1.0) -> Ball:
    """Whole exponents by products, also of balls that reach over 0."""
    if exponent != int(exponent):
        return x ** flint.arb(exponent)
    n = int(exponent)
    if n < 0:
        return 1 / power(x, -n)
    found, square, left = x if n % 2 else flint.arb(1), abs(x) * abs(x), n // 2
    while left:  # by squares: as many products as the exponent has bits
        found = found * square if left % 2 else found
        square, left = square * square, left // 2
    return found


# ---- comparisons ----

# each, and what says beyond doubt that it does not hold
OPPOSITE = {operator.lt: operator.ge, operator.le: operator.gt, operator.gt: operator.le, operator.ge: operator.lt}
OPPOSITE |= {operator.eq: operator.ne, operator.ne: operator.eq}
COMPARISONS: dict[Any, Callable[[Any, Any], Any]] = {
    **{comparison: comparison for comparison in OPPOSITE},
    **{ufunc: function for ufunc, function in UFUNCS.items() if function in OPPOSITE},
}


def compared(holds: Callable[[Any, Any], Any], x: Iterable[Any], y: Iterable[Any], shape: Shape) -> Condition:
    """A comparison of arrays of balls of one shape, as python-flint has it: true where it holds of all that they may be."""
    pairs = [(ball(one), ball(other)) for one, other in zip(x, y, strict=False)]
    value = np.array([bool(holds(*pair)) for pair in pairs], dtype=bool).reshape(shape)
    never = np.array([bool(OPPOSITE[holds](*pair)) for pair in pairs], dtype=bool).reshape(shape)
    even = np.array([bool(one == other and one.is_finite()) for one, other in pairs], dtype=bool).reshape(shape)
    return Condition(value, value | never, even=even)


def of_condition(condition: Condition) -> list[Ball]:
    """1 where it holds, 0 where it does not, and all that is between where it is in doubt."""
    parts = condition.parts
    sure = np.broadcast_to(parts.error == 0, condition.shape).ravel().tolist()
    return [
        flint.arb(int(one)) if known else UNIT
        for one, known in zip(condition.value.ravel().tolist(), sure, strict=True)
    ]
