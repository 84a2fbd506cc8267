"""Of logits and their softmax: docs/bounds.md, sections 2 to 4."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradcheck.bounds.roundings import relative
from gradcheck.bounds.shifted import LARGEST_EXPONENT, Shifted, columns, moderate
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law.functions import softmax
from gradcheck.precision import FLOAT64, Precision

BELOW = 800.0  # exp of minus this is 0 in float64, and its truth is below every subnormal


@dataclass(frozen=True, eq=False)
class SoftmaxError:
    """What rounding does to one softmax. Each is (L, n).

    `log_A` bounds the absolute error of log A, `A` the absolute error of A, and `relative` the error of A in the
    logarithm, which holds wherever A does not underflow. `distance` bounds |log A|, `lse` (1, n) |log-sum-exp|, and
    `lse_error` (1, n) what that is off by.
    """

    log_A: Reals
    A: Reals
    relative: Reals
    distance: Reals
    lse: Reals
    lse_error: Reals


def logits_error(magnitude: Reals, d: int, precision: Precision, operands: Reals | float = 0.0) -> Reals:
    """`gamma_{d+1} (|theta||X| + |b|) + d eta`, absolute, where `magnitude` is (|theta||X| + |b|), shape (L, n).

    `operands` is the sum of |theta| and |X| that each logit is made of: what reading them may cost is relative to that.
    Infinite where a partial sum may overflow.
    """
    # theta, X and Z, where these are written down
    k = relative(precision, 1, d, writings=3, readings=2)
    k += (1 + k) * precision.kept  # theta X, a sum, before b is added; products, and Z, are counted
    underflows = d + 1 + precision.loses * (d + 1 + operands)  # of products; of sums, and of operands that are read
    bound = k * magnitude + (1 + k) * underflows * precision.eta
    return np.where(magnitude + bound < precision.huge, outward(bound, d + 8), np.inf)


def softmax_error(Z: Enclosure, delta: Reals, A: Reals, precision: Precision, *, ours: bool = False) -> SoftmaxError:
    """What rounding does to the softmax of logits that are themselves computed with an error of at most `delta`.

    `Z` encloses the exact logits (L, n); `A` is an upper bound of the exact probabilities, for which 1 will do. `ours` is for code
    that is known to compute exp(z - m) / s and (z - m) - log s, offline; any other is granted every form of section 3.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _errors(Shifted(Z, delta, precision, ours=ours), A)


def _errors(shifted: Shifted, A: Reals) -> SoftmaxError:
    log_A, of_A, lse_error, whole = shifted.errors(A)
    found = (log_A, of_A, whole, shifted.distance, shifted.lse, lse_error)
    return SoftmaxError(*(outward(x, shifted.L + 60) for x in found))


def enclosed(Z: Enclosure) -> tuple[Enclosure, SoftmaxError]:
    """The softmax of enclosed logits (L, n) in float64, and what rounding did to it: first with no knowledge of A, then with
    the upper bound that this gives."""
    A = softmax(Z.midpoint)
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = Shifted(Z, Z.radius, FLOAT64, ours=True)
        found = _errors(shifted, _upper(A, shifted))
    return Enclosure(A, found.A), found


def _upper(A: Reals, shifted: Shifted) -> Reals:
    """What the exact probabilities are at most, where our own have come to A."""
    first = shifted.unknown()
    if moderate(first):
        return np.minimum(outward((A + 8 * FLOAT64.eta) * np.exp(first), 16), 1.0)
    upper = outward((A + 8 * FLOAT64.eta) * np.exp(np.minimum(first, LARGEST_EXPONENT)), 16)
    return np.where(first > LARGEST_EXPONENT, 1.0, np.minimum(upper, 1.0))


class Together(NamedTuple):
    """A of given logits in float64, and what log A, A, and the log-sum-exp are off by, (L, n), (L, n) and (1, n)."""

    value: Reals
    log_A: Reals
    A: Reals
    lse_error: Reals


def softmax_together(Z: Reals, delta: Reals, precision: Precision) -> Together:
    """By the rounding of a target, whose logits are off by `delta`, and by our own of these logits: both are shifted alike."""
    exact, value, known, grown = Enclosure(Z, np.zeros_like(Z)), softmax(Z), columns(Z), len(Z) + 60
    own = Shifted(exact, exact.radius, FLOAT64, ours=True, known=known)
    ours = [outward(x, grown) for x in own.errors(_upper(value, own))[:3]]
    most = np.minimum(Enclosure(value, ours[1]).magnitude, 1.0)
    theirs = Shifted(exact, delta, precision, ours=False, known=known).errors(most)[:3]
    return Together(value, *(outward(x, grown) + y for x, y in zip(theirs, ours, strict=True)))
