"""Terms of the rules of rounding that decide alone: for each the smallest inputs where they do, and what its formula says there.

(rule, inputs, value, error): an error of 0 or infinity is that; any other is reached, and hardly exceeded.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradcheck import bounds, precision
from gradcheck.precision import Precision
from gradcheck.readings.running import arithmetic, choices, elementary, logarithms, powers
from gradcheck.readings.running.parts import Parts, settled, truthful

P32, P16, P64 = (precision.named(name) for name in ("float32", "float16", "float64"))
TRUE = replace(P32, truthful=True)
FLUSHED = precision.granted("float32", "", True)
INF, NAN = np.inf, np.nan
U, ETA = P32.u, P32.eta
F = elementary.rounding_of(P32)
G = F + 2 * U  # of a sigmoid: exp, a sum and a quotient
ULPS = bounds.ELEMENTARY_ULPS["float32"]

Row = tuple[Callable[..., Parts], list[tuple[float, float]], float, float]


def once(value: float, error: float = 0.0, p: Precision = P32) -> float:
    """After one rounding."""
    return error + p.unit * (abs(value) + error) + p.least


def inverse(value: float, top: float, error: float = 0.0) -> float:
    """Of a quotient of `top` and its error that is a product by a reciprocal."""
    return once(value, error + U * (abs(value) + error) + top * ETA)


def of(rule: Callable[..., Parts], *more: Any, p: Precision = P32) -> Callable[..., Parts]:
    """A rule in one precision, with its options."""
    return lambda *parts: rule(*parts, p, *more)


plus, minus = of(arithmetic.summed(np.add)), of(arithmetic.summed(np.subtract))
times, over, slope = of(arithmetic.product), of(arithmetic.quotient), of(arithmetic.slope)
power = {n: of(powers.power, n) for n in (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 2.5)}
raised, exp, log = of(powers.raised), of(elementary.exponential), of(elementary.logarithm)
tanh, sigmoid = of(elementary.hyperbolic_tangent), of(elementary.logistic)
both, portion = of(logarithms.logaddexp), of(logarithms.portion)

ARITHMETIC: dict[str, Row] = {
    "a sum of infinities is certain": (plus, [(INF, 0), (1, 0.5)], INF, 0),
    "of opposite ones, too": (plus, [(INF, 0), (-INF, 0)], NAN, 0),
    "a difference of infinities": (minus, [(INF, 0), (INF, 0)], NAN, 0),
    "infinity and what is not known": (plus, [(INF, 0), (1, INF)], INF, INF),
    "a sum that overflows": (plus, [(3e38, 0), (3e38, 0)], INF, 0),
    "a sum that may overflow": (plus, [(2e38, 0), (1e38, 1e38)], 3e38, INF),
    "a sum that underflows": (plus, [(0, 0), (0, 0)], 0, ETA),
    "by 1": (times, [(1, 0), (0.1, 0)], 0.1, 0),
    "by -1, on the right": (times, [(0.1, 0), (-1, 0)], -0.1, 0),
    "by 1 of what has an error": (times, [(1, 0), (0.5, 0.25)], 0.5, once(0.5, 0.25)),
    "by what is about 1": (times, [(1, 0.25), (0.5, 0)], 0.5, once(0.5, 0.125)),
    "by 0": (times, [(0, 0), (0.1, 0)], 0, 0),
    "by 0, on the right": (times, [(0.1, 0), (0, 0)], 0, 0),
    "by 2": (times, [(0.1, 0), (2, 0)], 0.2, once(0.2)),
    "both are errors": (times, [(0, 0.5), (0, 0.25)], 0, once(0, 0.125)),
    "0 times infinity": (times, [(0, 0), (INF, 0)], NAN, 0),
    "infinity times what is not 0": (times, [(INF, 0), (1, 0.5)], INF, 0),
    "infinity times what may be 0": (times, [(INF, 0), (1, 1)], INF, INF),
    "what may be 0 times infinity": (times, [(1, 1), (INF, 0)], INF, INF),
    "by 1, read again": (of(arithmetic.product, p=FLUSHED), [(1, 0), (0.5, 0)], 0.5, once(0.5, 0, FLUSHED)),
    "by a third": (over, [(1, 0), (3, 0)], 1 / 3, inverse(1 / 3, 1)),
    "by a power of 2": (over, [(3, 0), (4, 0)], 0.75, once(0.75)),
    "by about a power of 2": (over, [(8, 0), (4, 1)], 2, inverse(2, 8, 2 / 3)),
    "what is about 8": (over, [(8, 1), (3, 0)], 8 / 3, inverse(8 / 3, 9, 1 / 3)),
    "of 0": (over, [(0, 0), (3, 0)], 0, ETA),
    "what is about 0, by little": (over, [(0, 1), (2.0**-20 * 1.5, 0)], 0, inverse(0, 1, 2.0**20 / 1.5)),
    "by a power of 2 whose inverse is": (over, [(1, 0), (2.0**-127, 0)], 2.0**127, once(2.0**127)),
    "by one whose inverse overflows": (over, [(2.0**-20, 0), (2.0**-128, 0)], 2.0**108, INF),
    "by a number whose inverse overflows": (over, [(2.0**-20, 0), (-1.5 * 2.0**-129, 0)], -(2.0**109) / 1.5, INF),
    "by one whose inverse nearly overflows": (
        over,
        [(2.0**-20, 0), (1.25 * 2.0**-128, 0)],
        2.0**108 / 1.25,
        inverse(2.0**108 / 1.25, 2.0**-20),
    ),
    "by about the largest": (over, [(2.0**127, 0), (2.0**126, 0)], 2, once(2)),
    "by one whose inverse underflows": (over, [(2.0**100, 0), (2.0**127, 0)], 2.0**-27, inverse(2.0**-27, 2.0**100)),
    "by 0 is infinite": (over, [(1, 0), (0, 0)], INF, 0),
    "by 0, of what is not 0": (over, [(1, 0.5), (0, 0)], INF, 0),
    "by 0, of what may be 0": (over, [(1, 1), (0, 0)], INF, INF),
    "0 by 0": (over, [(0, 0), (0, 0)], NAN, 0),
    "by what may be 0": (over, [(1, 0), (1, 1)], 1, INF),
    "0 by what may be 0": (over, [(0, 0), (1, 2)], 0, INF),
    "infinity by a number": (over, [(INF, 0), (2, 1)], INF, 0),
    "infinity by what may be 0": (over, [(INF, 0), (1, 1)], INF, INF),
    "by infinity": (over, [(1, 0), (INF, 0)], 0, ETA),
    "infinity by infinity": (over, [(INF, 0), (INF, 0)], NAN, 0),
    "a slope of infinity": (slope, [(INF, 0), (1, 0), (2, 0)], -INF, 0),
    "a slope": (
        slope,
        [(3, 0), (0.5, 0), (2, 0)],
        -0.75,
        once(0.75, once(1.5) / 2) + 2 * 3.5 * ETA,
    ),
    "a slope whose first quotient overflows": (slope, [(2.0**70, 0), (2.0**-60, 0), (2.0**-60, 0)], -(2.0**70), INF),
    "a slope whose other overflows": (slope, [(2.0**-60, 0), (2.0**70, 0), (2.0**-60, 0)], -(2.0**70), INF),
    "a slope that nearly overflows": (
        slope,
        [(2.0**-60, 0), (2.0**60, 0), (2.0**-60, 0)],
        -(2.0**60),
        once(2.0**60, once(1) * 2.0**60),
    ),
    "a slope that an error makes overflow": (
        slope,
        [(2.0**60, 2.0**70), (2.0**-60, 0), (2.0**-60, 0)],
        -(2.0**60),
        INF,
    ),
    "a slope by what may be smaller": (slope, [(2.0**60, 0), (2.0**-60, 0), (2.0**-60, 2.0**-60)], -(2.0**60), INF),
}

POWERS: dict[str, Row] = {
    "to the 0": (power[0.0], [(3, 0.5)], 1, 0),
    "to the 1": (power[1.0], [(3, 0.5)], 3, 0.5),
    "1 squared": (power[2.0], [(-1, 0)], 1, 0),
    "0 squared": (power[2.0], [(0, 0)], 0, 0),
    "infinity squared": (power[2.0], [(-INF, 0)], INF, 0),
    "what may be 0, squared": (power[2.0], [(0, 0.5)], 0, 0.5 + F * 0.5 + 2 * ETA),
    "3 squared": (power[2.0], [(3, 0)], 9, F * 9 + 2 * ETA),
    "what overflows": (power[2.0], [(2.0**70, 0)], INF, 0),
    "what vanishes, squared": (power[2.0], [(2.0**-100, 0)], 2.0**-200, ULPS * ETA),
    "to the -1": (power[-1.0], [(3, 0)], 1 / 3, inverse(1 / 3, 1)),
    "to the -2": (power[-2.0], [(2, 0)], 0.25, inverse(0.25, 1, F / (4 - 4 * F))),
    "0 to the -2": (power[-2.0], [(0, 0)], INF, 0),
    "to the -2, of what overflows": (power[-2.0], [(2.0**70, 0)], 0, INF),
    "infinity to the -2": (power[-2.0], [(INF, 0)], 0, ETA),
    "1 to a real power": (power[2.5], [(4, 0)], 32, F * 32 + ULPS * ETA),
    "0 to a real power": (power[2.5], [(0, 0)], 0, ULPS * ETA),
    "about 0 to a real power": (power[2.5], [(0.5, 0.5)], 0.5**2.5, INF),
    "a negative number to a real power": (power[2.5], [(-1, 0)], NAN, 0),
    "about a negative number to one": (power[2.5], [(-1, 0.5)], NAN, INF),
    "infinity to a real power": (power[2.5], [(INF, 0)], INF, 0),
    "an exponent with an error": (
        raised,
        [(4, 0), (2, 0.5)],
        16,
        16 * np.expm1(0.5 * np.log(4)) * (1 + F) + F * 16 + ULPS * ETA,
    ),
    "a base with an error": (
        raised,
        [(4, 2), (2, 0)],
        16,
        16 * np.expm1(2) * (1 + F) + F * 16 + ULPS * ETA,
    ),
    "both": (
        raised,
        [(4, 2), (2, 0.5)],
        16,
        16 * np.expm1(2 + 0.5 * (np.log(4) + 1)) * (1 + F) + F * 16 + ULPS * ETA,
    ),
    "0 to what is positive": (raised, [(0, 0), (1, 0.5)], 0, ULPS * ETA),
    "0 to what may be 0": (raised, [(0, 0), (1, 1)], 0, INF),
    "infinity to about 1": (raised, [(INF, 0), (1, 0.5)], INF, INF),
    "about infinity": (raised, [(INF, 0), (1, 0)], INF, 0),
}

FUNCTIONS: dict[str, Row] = {
    "exp 1": (exp, [(1, 0)], np.e, F * np.e + ULPS * ETA),
    "exp of about 1": (exp, [(1, 0.5)], np.e, np.e * np.expm1(0.5) * (1 + F) + F * np.e + ULPS * ETA),
    "exp overflows": (exp, [(90, 0)], INF, 0),
    "exp may overflow": (exp, [(88.7, 0)], np.exp(88.7), INF),
    "exp may overflow by its error": (exp, [(80, 10)], np.exp(80), INF),
    "exp overflows for all of its error": (exp, [(100, 10)], INF, 0),
    "exp vanishes": (exp, [(-120, 0)], 0, 0),
    "exp vanishes for all of its error": (exp, [(-130, 10)], 0, 0),
    "exp may vanish": (exp, [(-105, 0)], np.exp(-105), F * np.exp(-105) + ULPS * ETA),
    "exp may not vanish": (exp, [(-120, 20)], np.exp(-120), (np.exp(-100) - np.exp(-120)) * (1 + F) + ULPS * ETA),
    "exp of minus infinity": (exp, [(-INF, 0)], 0, 0),
    "exp of infinity": (exp, [(INF, 0)], INF, 0),
    "exp of NaN": (exp, [(NAN, 0)], NAN, 0),
    "exp of what is not known": (exp, [(1, INF)], np.e, INF),
    "exp of what vanishes, in truth": (
        of(elementary.exponential, p=TRUE),
        [(-120, 0)],
        np.exp(-120),
        F * np.exp(-120) + ULPS * ETA,
    ),
    "log 2": (log, [(2, 0)], np.log(2), F * np.log(2)),
    "log of about 2": (log, [(2, 1)], np.log(2), 1 + F * (np.log(2) + 1)),
    "log of what may be 0": (log, [(1, 1)], 0, INF),
    "log 0": (log, [(0, 0)], -INF, 0),
    "log -1": (log, [(-1, 0)], NAN, 0),
    "log of about -1": (log, [(-1, 0.5)], NAN, INF),
    "log of infinity": (log, [(INF, 0)], INF, 0),
    "tanh 0": (tanh, [(0, 0)], 0, 0),
    "tanh 1": (tanh, [(1, 0)], np.tanh(1), F * np.tanh(1) + (ULPS + 1) * ETA),
    "tanh of about 0": (tanh, [(0, 0.5)], 0, 0.5 * (1 + F)),
    "tanh where it is less steep": (
        tanh,
        [(2, 0.5)],
        np.tanh(2),
        0.5 / np.cosh(1.5) ** 2 * (1 + F) + F * np.tanh(2),
    ),
    "tanh from one end to the other": (tanh, [(0, 9)], 0, 2 * (1 + F)),
    "tanh of infinity": (tanh, [(-INF, 0)], -1, 0),
    "tanh of what is not known": (tanh, [(0, NAN)], 0, INF),
    "a sigmoid of about 0": (sigmoid, [(0, 0.5)], 0.5, 0.5 * 0.25 * (1 + G) + 0.5 * G),
    "a sigmoid from one end to the other": (sigmoid, [(0, 80)], 0.5, 1.5 * G + 1),
    "a sigmoid by an exp that does not overflow": (
        sigmoid,
        [(-87, 0)],
        1 / (1 + np.exp(87)),
        G / (1 + np.exp(87)) + (ULPS + 3) * ETA,
    ),
    "a sigmoid by an exp that may": (
        sigmoid,
        [(-88, 0)],
        1 / (1 + np.exp(88)),
        G / (1 + np.exp(88)) + 2 / P32.huge + (ULPS + 3) * ETA,
    ),
    "infinity beside a number": (both, [(INF, 0), (2, 0)], INF, 0),
    "minus infinity beside 2": (both, [(-INF, 0), (2, 0)], 2, 0),
    "minus infinity beside about 2": (both, [(-INF, 0), (2, 0.5)], 2, 0.5 + U * 2.5),
    "minus infinity twice": (both, [(-INF, 0), (-INF, 0)], -INF, 0),
    "exp of no number that is not known": (exp, [(NAN, INF)], NAN, INF),
    "infinity beside what is not known": (both, [(INF, 0), (2, INF)], INF, INF),
    "what is not known beside infinity": (both, [(2, INF), (INF, 0)], INF, INF),
    "beside what is not known": (both, [(1, 0), (2, INF)], np.logaddexp(1, 2), INF),
}


def merged(*inputs: tuple[float, float]) -> Row:
    """m + log1p(exp(-d)), each of its roundings, in float16: there a rounding of a rounding shows, too."""
    (x, e), (y, g) = inputs
    u, f = P16.u, elementary.rounding_of(P16)
    power = np.exp(-max(abs(x - y) - e - g, 0.0))
    turned = 0.0 if (x, e) == (0, 0) or (y, g) == (0, 0) else np.expm1(u * (abs(x - y) + e + g)) * power
    inner = turned + f * (power + turned)
    inner += f * np.log1p(power + inner)
    most = abs(np.logaddexp(x, y)) + max(e, g) + inner
    rounded = (2 * bounds.ELEMENTARY_ULPS["float16"] + 2) * P16.eta
    return of(logarithms.logaddexp, p=P16), list(inputs), np.logaddexp(x, y), max(e, g) + inner + u * most + rounded


MERGED: dict[str, Row] = {
    "a logarithm of two": merged((3, 0), (1, 0)),
    "of two with errors": merged((3, 0.25), (1, 0.5)),
    "of two that may be equal": merged((1.5, 0.25), (1, 0.5)),
    "of 0 and another": merged((0, 0), (1, 0)),
    "of another and 0": merged((1, 0), (0, 0)),
    "of about 0 and another": merged((0, 0.25), (1, 0)),
    "of two that are equal": merged((2, 0), (2, 0)),
}


def parted(*inputs: tuple[float, float]) -> Row:
    """Of two, the part of the first: a sigmoid, or exp of what is off by what their logarithm is, of which `moved` is in both."""
    x, y = (Parts(np.array(value, dtype=float), np.array(error, dtype=float)) for value, error in inputs)
    total, found = both(x, y), sigmoid(minus(x, y))
    off = total.error - max(x.error, y.error) + U * (abs(x.value - total.value) + total.error)
    error = found.error + (found.value + found.error) * np.expm1(off)
    return portion, list(inputs), float(1 / (1 + np.exp(y.value - x.value))), float(error)


PORTIONS: dict[str, Row] = {
    "a part of two that are equal": parted((0, 0), (0, 0)),
    "of the larger": parted((2, 0), (0, 0)),
    "of the smaller": parted((-9, 0), (0.5, 0)),
    "of what has errors": parted((1, 0.5), (0, 0.25)),
    "of what is so large that rounding matters": parted((2.0**24, 0), (2.0**24 + 2, 0)),
    "beside what is so large that it decides": (portion, [(0, 0), (1e11, 0)], 0, INF),
}

CHOICES: dict[str, Row] = {
    "the larger": (of(choices.leads), [(2, 0.5), (1, 0.25)], 1, 0),
    "the smaller": (of(choices.leads), [(1, 0.5), (2, 0.25)], 0, 0),
    "one of two": (of(choices.leads), [(2, 0.75), (1, 0.25)], 0.5, 0.5),
    "positive": (of(choices.sides), [(1, 0.5)], 1, 0),
    "negative": (of(choices.sides), [(-1, 0.5)], -1, 0),
    "either side": (of(choices.sides), [(1, 1)], 0, 1),
    "the sign of 0": (of(choices.sign), [(0, 0)], 0, 0),
    "the sign of about 0": (of(choices.sign), [(0, 0.5)], 0, 1),
    "a sign that may turn": (of(choices.sign), [(1, 1)], 1, 2),
    "a sign": (of(choices.sign), [(-1, 0.5)], -1, 0),
    "of whole numbers, one": (arithmetic.truncated, [(2.5, 0.25)], 2, 0),
    "of whole numbers, below": (arithmetic.truncated, [(2.25, 0.5)], 2, 1.5),
    "of whole numbers, above": (arithmetic.truncated, [(2.75, 0.5)], 2, 1.5),
    "to float16": (
        lambda x: arithmetic.converted(x, P32.dtype, P16.dtype),
        [(0.1, 0.25)],
        0.1,
        0.25 + P16.u * 0.35 + P16.eta,
    ),
    "what is known, to float16": (
        lambda x: arithmetic.converted(x, P32.dtype, P16.dtype),
        [(0.1, 0)],
        float(np.float16(0.1)),
        0,
    ),
    "too large for float16": (lambda x: arithmetic.converted(x, P32.dtype, P16.dtype), [(1e5, 1)], INF, 0),
    "infinity to float16": (lambda x: arithmetic.converted(x, P32.dtype, P16.dtype), [(INF, 1)], INF, 0),
    "what is not known, to float16": (lambda x: arithmetic.converted(x, P32.dtype, P16.dtype), [(1, INF)], 1, INF),
    "to float64": (lambda x: arithmetic.converted(x, P32.dtype, P64.dtype), [(0.1, 0.25)], 0.1, 0.25),
    "to float32 again": (lambda x: arithmetic.converted(x, P32.dtype, P32.dtype), [(0.1, 0.25)], 0.1, 0.25),
}

OURS = bounds.spread(4 * bounds.ELEMENTARY_ULPS["float64"], 2.0**-53)  # of a function in float64, here and there
CASES = ARITHMETIC | POWERS | FUNCTIONS | MERGED | PORTIONS | CHOICES


@pytest.mark.parametrize("name", CASES)
def test_each_term_decides_somewhere(name):
    """The value, and the error: not less than what that term makes of it, and no more."""
    rule, inputs, value, error = CASES[name]
    with np.errstate(all="ignore"):
        found = rule(*(Parts(np.array([x], dtype=float), np.array([e], dtype=float)) for x, e in inputs))
        apart = abs(found.value - value) <= OURS * abs(found.value)
    assert apart or found.value == value or (np.isnan(found.value) and np.isnan(value))
    if error in (0, INF):
        assert found.error == error
    else:
        assert found.error >= error * (1 - 2.0**-40)
        assert found.error <= error * (1 + 2.0**-20) + 16 * ETA * (error > 1e-30)


def test_the_largest_number_is_one_beside_what_is_infinite():
    """It does not overflow, and what is known exactly stays so; what is larger does, or may."""
    value, error = np.array([P32.huge, INF, P32.huge, 2 * P32.huge, 1.0]), np.array([0.0, 0, 1e30, 1e30, 0.5])
    found = settled(value, error, np.array([True, True, True, True, False]), P32)
    assert found.value.tolist() == [P32.huge, INF, P32.huge, INF, 1.0]
    assert found.error.tolist() == [0, 0, INF, 0, INF]
    granted = truthful(Parts(np.array([INF, INF, 1.0]), np.zeros(3)), [Parts(np.array([1.0, INF, 1.0]), np.zeros(3))])
    assert granted.error.tolist() == [INF, 0, 0]
