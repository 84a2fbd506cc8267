"""Central differences of a softmax, entry by entry and along a direction, with the truncation error in closed form. Rigorous.

    A_l(z + U) - A_l(z - V) = <row l of the Jacobian, W> +- truncation +- (the rounding errors of both),    W = U + V

    |truncation| <= |A_l''[U - V, W]| / 2 + (|A_l'''| U^3 + |A_l'''| V^3) / 6

with the bounds of cumulants, which hold at every point between. Knows nothing of the Jacobian.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.referees import cumulants, quotient
from gradcheck.referees.cumulants import THIRD_MOMENT

Softmax = Callable[[Reals], Enclosure]
Rounding = Callable[[Reals], Reals]


@dataclass(frozen=True, eq=False)
class Taken:
    """`entries` (L, L) encloses the Jacobian, None where it was not asked for; `along` (L,) its product with `move` (L,)."""

    entries: Enclosure | None
    move: Reals
    along: Enclosure


def best_step(z: Reals, u: float) -> float:
    """h = (3 e)^(1/3), where e, about 16 u, is the relative error of a softmax, whose third derivative is at most A.

    A power of two within reach, but no less than what moves every entry of z. Nothing but sharpness depends on it.
    """
    size = float(abs(z).max())
    best = cumulants.power_of_two(float(np.cbrt(3 * u * (16 + 2 * size))))
    return max(min(best, cumulants.REACH / 2), 4 * u * size)


def enclose(
    z: Reals, step: float, direction: Reals, evaluate: Softmax, *, all_entries: bool, rounded: Rounding = np.asarray
) -> Taken:
    """The Jacobian at exact, finite logits z (L,), from the softmax of columns that lie about z.

    `evaluate(Z)` encloses the softmax of each column of Z (L, m): a referee's, or an implementation's own values and what rounding
    may do to them. `rounded` takes numbers to the precision in which that is posed; `direction` (L,) has entries 1 and -1.
    """
    moves = step * np.column_stack([*([np.eye(len(z))] if all_entries else []), direction])
    start = z[:, np.newaxis]
    above, below = rounded(start + moves), rounded(start - moves)
    A = evaluate(np.hstack([above, below]))
    k = moves.shape[1]
    top, bottom = A.take(slice(None), slice(None, k)), A.take(slice(None), slice(k, None))
    with np.errstate(over="ignore", invalid="ignore"):
        up, down, move = above - start, start - below, above - below
        most = np.maximum(top.magnitude, bottom.magnitude)
        off = _along(most[:, -1:], up[:, -1:], down[:, -1:])
        if all_entries:
            off = np.hstack([_coordinates(most[:, :-1], *(np.diag(side[:, :-1]) for side in (up, down))), off])
        found = quotient.difference(top.midpoint, bottom.midpoint, off + top.radius + bottom.radius)
    entries = quotient.per(found.take(slice(None), slice(-1)), np.diag(move[:, :-1])) if all_entries else None
    reached = np.isfinite(move[:, -1]).all()
    along = found.take(slice(None), -1)
    return Taken(entries, move[:, -1], along if reached else Enclosure(0 * z, np.full(z.shape, np.inf)))


def _coordinates(most: Reals, up: Reals, down: Reals) -> Reals:
    """The truncation of A_l along z_k, (L, L). A_l is monotone there: on the way it is at most what it is at the larger end."""
    curvature = cumulants.softmax_curvature(np.minimum(most, 1.0))
    gap = abs(up - down) + 2 * U64 * (up + down)
    return outward(curvature * (gap * (up + down) / 2 + (up**3 + down**3) / 6), 12)


def _along(most: Reals, up: Reals, down: Reals) -> Reals:
    """The same along a line, (L, 1), where the logarithm of A_l changes by no more than the range of a step."""
    high, low = (quotient.ranges(side, U64 * abs(side)) for side in (up, down))
    apart = quotient.ranges(up - down, 2 * U64 * (abs(up) + abs(down)))
    bound = np.minimum(most * np.exp(np.maximum(high, low)), 1.0)
    third = (1 + 1 / THIRD_MOMENT) * (high**3 + low**3) / 6
    return outward(bound * (5 / 8 * apart * (high + low) + third), 20)
