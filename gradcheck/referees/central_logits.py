"""Central differences of the loss as a function of its logits Z: each sample's own loss, all in one go. Rigorous.

The loss is a mean over samples, and what sample i adds depends on column i of Z alone (eq. 2). So two evaluations show the
derivative of every sample's loss along a displacement of all columns:

    (loss_i(Z + U) - loss_i(Z - V)) / n = <column i of dL/dZ, W> +- truncation +- 2 e_i / n,    W = U + V

The exact Z of a problem is known as midpoint +- r; the quotient is taken at the midpoint, which adds mass_i r_i R(W) / (2 n).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.referees import cumulants, quotient
from gradcheck.referees.cumulants import THIRD_MOMENT

Losses = Callable[[Reals, Reals], Reals]


@dataclass(frozen=True, eq=False)
class Along:
    """`enclosure` (..., n) contains the inner product of each column of dL/dZ with that of `move` (..., L, n)."""

    move: Reals
    enclosure: Enclosure


def enclose(Z: Enclosure, Y: Reals, direction: Reals, losses: Losses, noise: Reals, *, N: float | None = None) -> Along:
    """Along directions (..., L, n) of small whole numbers.

    `losses(Z, Y)` takes stacks of logits and returns the loss of each sample, (..., n); `noise` (n,) bounds the rounding error
    (absolute) of each wherever no logit is further than 1 from its enclosure. `N` is what the sum is divided by, n by default.
    """
    mass, divisor = outward(Y.sum(axis=0), len(Y) + cumulants.ROUNDINGS), np.asarray(float(N or Y.shape[1]))
    spans, size = direction.max(axis=-2) - direction.min(axis=-2), abs(direction).max(axis=-2)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        best = cumulants.powers_of_two(np.cbrt(3 * noise * THIRD_MOMENT / mass) / spans)
        step = cumulants.cut(np.where(spans > 0, best, 1.0), size)
        far = abs(np.where(direction != 0, Z.midpoint, 0)).max(axis=-2)
        step = np.maximum(step, 2 * np.spacing(far))[..., np.newaxis, :] * direction
        above, below = Z.midpoint + step, Z.midpoint - step
        up, down, move = above - Z.midpoint, Z.midpoint - below, above - below
        apart = quotient.ranges(up - down, 2 * U64 * (abs(up) + abs(down)))
        high, low = (quotient.ranges(side, U64 * abs(side)) for side in (up, down))
        bend = cumulants.bend(apart, high, low) + Z.radius.max(axis=0) * (high + low) / 2
        reached = np.maximum(abs(up), abs(down)).max(axis=-2) <= cumulants.REACH
        radius = np.where(reached, mass * np.where(np.isnan(bend), np.inf, bend) + 2 * noise, np.inf)
    return Along(move, quotient.per(quotient.difference(losses(above, Y), losses(below, Y), radius), divisor))


def entries(Z: Enclosure, Y: Reals, losses: Losses, noise: Reals, *, N: float | None = None) -> Enclosure:
    """Every entry of dL/dZ, (L, n): one class of all samples moves at a time."""
    L, n = Y.shape
    one = np.broadcast_to(np.eye(L)[:, :, np.newaxis], (L, L, n))
    taken = enclose(Z, Y, one, losses, noise, N=N)
    return quotient.per(taken.enclosure, taken.move[np.arange(L), np.arange(L)])
