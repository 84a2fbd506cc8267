"""What rounding may do to D of a column that meets an upstream gradient: as `upstream`, taken apart. See docs/audit-theory.md."""

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.bounds.columns import Columns
from gradcheck.bounds.roundings import relative
from gradcheck.bounds.summed import Differences, Loss, Weights
from gradcheck.enclosure import U64, Reals

OPERATIONS = 2  # a product; and the factor may itself be a quotient


@dataclass(frozen=True, eq=False)
class Factors:
    """What each sample is multiplied by (n,), what no part of the product exceeds, which is at least 1, and what a partial sum may
    be more than one of D as it must be.
    """

    by: Reals
    most: Reals
    reach: float


def multiplied(of: Differences, found: Columns, factors: Factors, mass: Reals, loss: Loss) -> Differences:
    """D of each sample times a factor: the product may come first or last, and in parts.

    What underflows of D is lost before the product, or of what that has made small: it is multiplied by the most of any part.
    """
    model, N, c = loss.arithmetic, loss.N, abs(factors.by)
    k, most = more_of(loss), factors.most
    with np.errstate(over="ignore", invalid="ignore"):
        A, Y = (c * ((1 + k) * error + k * size) for error, size in ((of.A, of.size), (of.Y, of.unit)))
        lost = of.flat + (1 + model.granted.loses) * (4 + mass) * model.eta * max(1 / N, 1.0)
        if loss.law.z_loss:
            top = (found.lse + found.lse_error) * (1 + np.expm1(np.minimum(found.R, 700.0)))
            A = A + 8 * (1 + k) * most * (1 + loss.at_least_one) * top * model.eta * max(1 / N, 1.0)
        ours = c * (of.ours + 4 * U64 * of.unit)
        own = c * (of.own + 4 * U64 * of.size * of.sure)
        hard, others = (c * (1 + k) * part for part in (of.hard, of.others))
        reached = factors.reach * (of.A + of.size + (of.Y + of.unit) * mass)
        flat = np.where(reached < model.huge, (1 + k) * most * lost, np.inf)
    return Differences(A, Y + ours, hard, others, flat, c * of.size, c * of.unit, own, ours, of.sure)


def more_of(loss: Loss) -> float:
    """What that rounds to, relative."""
    granted = loss.arithmetic.granted
    return relative(granted, OPERATIONS, writings=OPERATIONS, readings=OPERATIONS + 1)


def raised(of: Weights, without: Weights, factors: Factors) -> Weights:
    """With what is lost where the factor is multiplied with the weights of a sum, or with what it comes to."""
    return replace(of, extra=2 * float(factors.most.max(initial=1.0)) * without.extra)
