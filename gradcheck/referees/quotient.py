"""What difference quotients have in common: the ends of a step as they are after rounding, and the rounding of the quotient."""

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward


def ends(start: Reals, step: Reals) -> tuple[Reals, Reals]:
    """start + step and start - step, with steps of at least two spacings, so that each counts."""
    with np.errstate(invalid="ignore", over="ignore"):
        step = np.maximum(step, 2 * np.spacing(abs(start)))
        return start + step, start - step


def sides(start: Reals, above: Reals, below: Reals) -> tuple[Reals, Reals, Reals]:
    """Upper bounds of |above - start|, |start - below|, and of what these differ by, entry by entry."""
    with np.errstate(invalid="ignore", over="ignore"):
        up, down = above - start, start - below
        gap = abs(up - down) + 2 * U64 * (abs(up) + abs(down))
    return outward(abs(up), 1), outward(abs(down), 1), outward(gap)


def difference(top: Reals, bottom: Reals, radius: Reals) -> Enclosure:
    """top - bottom, where both together are off by `radius`; the subtraction is one more rounding of either."""
    with np.errstate(invalid="ignore", over="ignore"):
        found = outward(radius + U64 * (abs(top) + abs(bottom)))
        return Enclosure.representable(top - bottom, np.where(np.isnan(found), np.inf, found))


def per(found: Enclosure, move: Reals) -> Enclosure:
    """The quotient by a displacement that is itself one rounding; where there is none, nothing is known."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        midpoint, radius = found.midpoint / move, found.radius / abs(move)
        radius = np.where((move != 0) & (abs(move) < np.inf), outward(radius + 3 * U64 * abs(midpoint)), np.inf)
    return Enclosure.representable(midpoint, radius)


def ranges(value: Reals, error: Reals) -> Reals:
    """An upper bound of the range over axis -2 of values that are known to within `error`."""
    with np.errstate(invalid="ignore", over="ignore"):
        found = value.max(axis=-2) - value.min(axis=-2) + 2 * error.max(axis=-2)
    return outward(np.where(np.isnan(found), np.inf, found))
