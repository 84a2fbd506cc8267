"""The complex step Im loss(p + i h V) / h: no cancellation, so good to a few u. Rigorous for analytic code.

Squire & Trapp, "Using complex variables to estimate derivatives of real functions" (SIAM Review 40, 1998). With h this
small the truncation error h^2 M3 / 6 is far below rounding, and complex arithmetic computes the imaginary parts as
forward differentiation would: every intermediate is w' or A w', with |w'| <= 2 max |change of Z|, and each operation adds
a few u of that. Knows the loss only as a function of arrays.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, outward
from gradcheck.referees import cumulants
from gradcheck.referees.cumulants import Move
from gradcheck.referees.truth import Truth

ROUNDINGS = 32  # per entry: at most 4 real operations for each of 8 complex ones, on the longest way through the loss
STEP = 2.0**-200


def enclose(truth: Truth, direction: Move, loss: Callable[..., Any]) -> Enclosure | None:
    """Enclose the derivative of `loss(theta, b, X, Y)` along `direction`; None where the result is not complex.

    For float64 problems without masked classes.
    """
    problem = truth.problem
    theta, b, X, Y = problem.reals
    reach = direction.change(problem).reach.max(axis=0)
    size = float(reach.max())
    if not size < 1 / STEP:  # no step is small enough for these logits and yet a normal number
        return Enclosure(np.zeros(()), np.asarray(np.inf))
    step = STEP * cumulants.power_of_two(1 / max(1.0, size))
    value = loss(_complex(theta, step * direction.theta), _complex(b, step * direction.b), X.copy(), Y.copy())
    if not np.iscomplexobj(value):
        return None
    u, eta = truth.granted.u, truth.granted.eta
    roundings = ROUNDINGS + problem.d + 2 * problem.L + int(np.count_nonzero(Y))
    relative = bounds.spread(roundings, u) + 8 * bounds.elementary(truth.granted)
    shares = truth.allowed("A").sum(axis=0)
    with np.errstate(over="ignore"):
        per_sample = 4 * reach * (relative + 2 * shares) + roundings * eta / step
    truncation = cumulants.mean(problem, (2 * step * reach) ** 2 * 2 * reach)
    # products of labels with logarithms underflow on their own, however small the labels are
    underflow = (int(np.count_nonzero(Y)) + 1) * eta / step
    radius = outward(cumulants.mean(problem, per_sample) + truncation + underflow)
    return Enclosure(np.asarray(complex(value).imag / step), radius)


def _complex(real: NDArray[np.float64], imaginary: NDArray[np.float64]) -> NDArray[np.complex128]:
    return real + 1j * imaginary
