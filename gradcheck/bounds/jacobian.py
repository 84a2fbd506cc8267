"""Of the Jacobian of a softmax: docs/bounds.md, section 6."""

import numpy as np

from gradcheck.bounds.roundings import relative
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.precision import Precision


def jacobian_error(A: Enclosure, delta: Reals, precision: Precision) -> Reals:
    """Of diag(a) - a a^T, absolute, (L, L), for probabilities (L,) in A with a rounding error of at most `delta`.

    Off the diagonal one product and a sign; on it a (1 - a) or a - a a, the slope of which is 1 - 2 a, or minus the sum of the
    others in its row.
    """
    a = np.minimum(A.magnitude, 1.0)
    k, top = relative(precision, 3, writings=2), a + delta
    off = np.multiply.outer(a, delta) + np.multiply.outer(delta, top) + k * np.multiply.outer(top, top) + precision.eta
    slope = abs(1 - 2 * A.midpoint) + 2 * A.radius + 4 * U64
    diagonal = (slope + delta) * delta + k * (top + top * top) + 2 * precision.eta
    on = np.eye(len(a), dtype=bool)
    size = np.where(on, 0, np.multiply.outer(top, top))
    rest = np.where(on, 0, off).sum(axis=1) + relative(precision, 4, len(a) - 2, writings=3) * size.sum(axis=1)
    off[on] = np.maximum(diagonal, rest)  # or minus the sum of the others
    return outward(np.where(np.isnan(off), np.inf, off), 16)  # a probability of 0 times what may be anything
