"""Logits that are scaled and capped before their softmax, and what rounding may do to that: docs/bounds.md, section 14."""

from dataclasses import dataclass

import numpy as np

from gradcheck.bounds.roundings import elementary, relative, ulps
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law.options import CrossEntropy
from gradcheck.precision import FLOAT64, Precision


@dataclass(frozen=True, eq=False)
class Mapped:
    """Z' = g(Z) and g'(Z), each enclosed, and what code may be off by beside that (absolute), all (L, n)."""

    Z: Enclosure
    delta: Reals
    slope: Enclosure
    slope_delta: Reals


def mapped(
    Z: Enclosure,
    delta: Reals,
    magnitude: Reals,
    carried: Reals,
    *,
    law: CrossEntropy,
    precision: Precision,
    column: bool = False,
) -> Mapped:
    """Of logits enclosed by Z, computed with an error of `delta`; `magnitude` is |theta||X| + |b|: a scale may be theta's.

    `carried` is what is lost where theta and b underflow, which carry the scale. With `column`, each Z is the largest in size of
    several, and so is what comes out: bounds of each of these, the slope among them.
    """
    one = np.ones_like(Z.midpoint)
    found = Mapped(Z, delta, Enclosure(one, 0 * one), 0 * one)
    before, after = _scales(law)
    with np.errstate(over="ignore", invalid="ignore"):
        found = _scaled(found, before, magnitude, carried, precision)
        if law.softcap:
            found = _capped(found, law.softcap, precision, column=column)
            magnitude = carried = 0 * carried  # nothing is theta's any more
        return _scaled(found, after, magnitude, carried, precision)


def _scales(law: CrossEntropy) -> tuple[float, float]:
    """Before the cap, and after it."""
    return (law.scale, 1.0) if law.scaled == "before" else (1.0, law.scale)


def between(law: CrossEntropy) -> tuple[float, float]:
    """What a gradient may be multiplied by on its way back through the map, which is no part of the slope: at least 1.

    Of c tanh(z / c) it is multiplied by c, and divided by it. The second number is what an underflow in between is multiplied by.
    """
    before, after = _scales(law)
    cap = law.softcap or 1.0
    return max(1.0, after) * max(1.0, cap), max(1.0, before) * max(1.0, 1 / cap)


def _scaled(x: Mapped, by: float, magnitude: Reals, carried: Reals, p: Precision) -> Mapped:
    """Multiplied by a number, which is itself rounded; or theta and b are, before the product."""
    if by == 1:
        return x
    k, own = relative(p, 3, writings=1, readings=2), relative(FLOAT64, 2)
    most = np.maximum(magnitude, abs(x.Z.midpoint) + x.Z.radius)
    size, lost = by * most, p.eta * most  # the number itself may underflow
    delta = by * x.delta * (1 + k) + k * size + (1 + k) * (2 * p.eta + carried + lost)
    delta = np.where(size + delta + by < p.huge, delta, np.inf)
    slope = by * x.slope.midpoint
    slope_delta = by * x.slope_delta * (1 + k) + k * by * x.slope.magnitude + 2 * p.eta
    return Mapped(
        Enclosure(by * x.Z.midpoint, outward(by * x.Z.radius + own * by * x.Z.magnitude)),
        outward(delta),
        Enclosure(slope, outward(by * x.slope.radius + own * slope)),
        outward(slope_delta),
    )


def _capped(x: Mapped, cap: float, p: Precision, *, column: bool) -> Mapped:
    """c tanh(z / c), whose slope is 1 - t^2: where t is near 1 it cancels, and its error is that of t, twice."""
    Z = x.Z.midpoint
    t, off = np.tanh(Z / cap), _tanh_of_column if column else _tanh
    bent = np.ones_like(t) if column else 1 - t * t
    exact, code = off(Z, x.Z.radius, cap, FLOAT64), off(Z, x.Z.radius + x.delta, cap, p)
    # from t, or from c t divided by c: two roundings more
    read, inexact = relative(p, 2, writings=1, readings=1), relative(p, 2, writings=1)
    slope = x.slope.midpoint * bent
    wide = _slope_error(t, exact, 2 * FLOAT64.u)
    coarse = _slope_error(t, code + read * abs(t), inexact)
    size = bent + wide + coarse
    more = relative(p, 1, writings=1)
    if not cap < p.huge:  # which the code cannot hold: as its tanh says already
        coarse = coarse + np.inf
    return Mapped(
        Enclosure(cap * t, outward(cap * (exact + 2 * FLOAT64.u * abs(t)))),
        outward(np.where(np.isnan(code), np.inf, cap * code * (1 + read) + read * cap * abs(t)) + 2 * p.eta),
        Enclosure(slope, outward(x.slope.magnitude * wide + x.slope.radius * size + 4 * FLOAT64.u * slope)),
        outward(
            x.slope.magnitude * coarse
            + x.slope_delta * size
            + more * (x.slope.magnitude + x.slope_delta) * size
            + p.eta
        ),
    )


def _tanh(Z: Reals, delta: Reals, cap: float, p: Precision) -> Reals:
    """What tanh(z / c) is off by, for logits that are off by `delta`."""
    y, k = abs(Z) / cap, relative(p, 2, writings=1, readings=2)
    moved = delta / cap * (1 + k) + k * y + p.eta * (1 + abs(Z))  # 1/c may underflow
    moved = moved if cap < p.huge else np.inf * np.ones_like(y)
    nearest = np.maximum(y - moved, 0.0)
    slope = 1 / np.cosh(np.minimum(nearest, 350.0)) ** 2 * (1 + 2.0**-40)  # the steepest on the way; at most 1
    passed = np.where(moved < np.inf, np.minimum(np.minimum(slope, 1.0) * moved, 2.0), np.inf)  # or NaN has no tanh
    f = elementary(p) + elementary(FLOAT64)
    return np.asarray(passed + f * (np.tanh(y) + passed) + (ulps(p) + 1) * p.eta)


def _tanh_of_column(Z: Reals, delta: Reals, cap: float, p: Precision) -> Reals:
    """The same for every logit of at most that size: sech^2(t) (a + k t) is at most a + 0.448 k, whatever t is."""
    k = relative(p, 2, writings=1, readings=2)
    moved = delta / cap * (1 + k) + p.eta * (1 + abs(Z))
    moved = moved if cap < p.huge and k < 0.5 else np.inf * np.ones_like(moved)
    passed = np.where(moved < np.inf, np.minimum((moved + 0.45 * k) / abs(1 - k) * (1 + 2.0**-40), 2.0), np.inf)
    f = elementary(p) + elementary(FLOAT64)
    return np.asarray(passed + f * (np.tanh(abs(Z) / cap) + passed) + (ulps(p) + 1) * p.eta)


def _slope_error(t: Reals, delta: Reals, rounding: float) -> Reals:
    """Of 1 - t^2, where t is off by delta: at most 2|t| delta + delta^2, and the roundings of a square and of a difference."""
    top = abs(t) + delta
    return np.asarray(2 * abs(t) * delta + delta * delta + rounding * (1 + top * top))
