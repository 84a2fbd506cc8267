"""Of a penalty l2/2 |theta|^2 that is added to a loss, and of its gradient: docs/bounds.md, section 14."""

import numpy as np

from gradcheck.bounds.roundings import relative
from gradcheck.enclosure import Reals, outward
from gradcheck.precision import Precision


def penalised(
    bound: Reals,
    size: Reals,
    parameter: Reals,
    l2: float,
    p: Precision,
    *,
    terms: int,
    writing: float = 0.0,
    count: int = 1,
) -> Reals:
    """Of a gradient that is a sum of so many terms, off by `bound` and no more than `size`, with l2 times the parameter added: an
    entry, or the sum of `count` of them. What is written down has a relative error of `writing`.
    """
    own = l2 * parameter
    added, k = relative(p, 1, writings=1), relative(p, 3, writings=1, readings=2)
    added, k = added + (1 + added) * writing, k + (1 + k) * writing
    lost = (1 + k) * (3 * count + 2 * parameter) * p.eta  # a product, and l2 itself
    with np.errstate(over="ignore", invalid="ignore"):
        found = bound + k * own + lost
        size = size + found + own
        found = np.where((1 + k) * own + size + l2 < p.huge, found, np.inf)
    return outward(found + added * size, terms + 8)


def penalised_loss(
    bound: Reals, size: Reals, squares: Reals, l2: float, p: Precision, *, count: int, writing: float = 0.0
) -> Reals:
    """Of a loss that is off by `bound` and no more than `size`, with l2/2 times a sum of so many squares added, of numbers that are
    written down with a relative error of `writing`.
    """
    own = l2 / 2 * squares
    k, added = relative(p, 5, count, writings=2, readings=2, among=count + 1), relative(p, 1, writings=1)
    k += (1 + k) * (2 + writing) * writing
    with np.errstate(over="ignore", invalid="ignore"):
        size = size + bound + own * (1 + k)
        lost = (count + 2) * (1 + l2) + 2 * squares  # of squares, and of l2/2 itself
        found = bound + k * own + added * size + (1 + k) * lost * p.eta
    most = (1 + l2) * (squares + found) + size
    return outward(found if most < p.huge else np.inf, count + 24)
