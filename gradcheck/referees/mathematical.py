"""Central differences of the mathematical loss and softmax: what float64 evaluates, each with its proven radius.

The same functions serve the checks and the properties in which the paper's equations stand. They know no gradient.
"""

import numpy as np

from gradcheck.enclosure import Enclosure, Reals
from gradcheck.precision import FLOAT64
from gradcheck.problem import Problem
from gradcheck.referees import central, central_logits, central_softmax, float64
from gradcheck.referees.cumulants import Directional, Move
from gradcheck.referees.truth import Truth


def gradient(truth: Truth, variable: str) -> Enclosure:
    """Every entry of dL/dtheta (L, d), dL/db (L, 1), dL/dX (d, n) or dL/dZ (L, n), of a problem in float64 without masked
    classes.
    """
    if variable == "Z":
        Z, p = truth.enclosure("Z"), truth.problem
        return central_logits.entries(Z, p.labels, float64.sample_losses, truth.nearby_sample_errors, N=p.divisor)
    return central.entries(truth.problem, variable, float64.losses, truth.nearby_float64_error)


def loss(problem: Problem) -> Enclosure:
    """The loss of a problem in float64, whatever its law."""
    return float64.truth(problem).enclosure("loss")


def gradient_along(truth: Truth, direction: Move) -> Directional:
    """The gradient with respect to theta and b along a direction."""
    return central.enclose(truth.problem, direction, float64.loss, truth.nearby_float64_error)


def logits_gradient_along(truth: Truth, direction: Reals) -> central_logits.Along:
    """Each column of dL/dZ along that of a direction (L, n)."""
    Z, p = truth.enclosure("Z"), truth.problem
    noise = truth.nearby_sample_errors
    return central_logits.enclose(Z, p.labels, direction, float64.sample_losses, noise, N=p.divisor)


def jacobian(z: Reals, direction: Reals | None = None, *, all_entries: bool = True) -> central_softmax.Taken:
    """The softmax Jacobian (L, L) at exact, finite logits z (L,), and along a direction (L,) of signs."""
    along = np.ones_like(z) if direction is None else direction
    return central_softmax.enclose(
        z, central_softmax.best_step(z, FLOAT64.u), along, float64.softmax, all_entries=all_entries
    )
