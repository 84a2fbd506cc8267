"""Difference quotients of the loss at one entry, at every step size: how far each is off, beside what was computed there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.law import Loss, text
from gradcheck.problem import Problem
from gradcheck.readings import program
from gradcheck.verdict import Witness

STEPS = 10.0 ** np.arange(-16, 1.25, 0.25)
# Forward by SciPy's approx_fprime and check_grad, central by torch.autograd.gradcheck.
DEFAULTS = {"SciPy": 2.0**-26, "torch": 1e-6}
_MOVED = {"∂ℒ/∂θ": 0, "∂ℒ/∂b": 1, "∂ℒ/∂X": 2}  # which array of the problem


@dataclass(frozen=True, eq=False)
class Quotients:
    """Absolute errors at each of `STEPS`, and at the default steps; `yours` is infinite where that is no number."""

    forward: Reals
    central: Reals
    defaults: dict[str, float]
    yours: float
    allowed: float

    @property
    def best(self) -> tuple[float, float]:
        """The step at which the central difference is nearest, and how far it is off."""
        k = int(np.argmin(np.where(np.isnan(self.central), np.inf, self.central)))
        return float(STEPS[k]), float(self.central[k])


def of(problem: Problem, witness: Witness) -> Quotients | None:
    """At the entry of a gradient that a verdict names; None where it names none, or the loss is not finite there."""
    if len(witness.place) != 2 or (witness.quantity not in _MOVED and witness.quantity != "∂ℒ/∂Z"):
        return None
    loss = _along(problem, witness)
    with np.errstate(all="ignore"):
        forward, central = (
            np.array([abs(each(loss, h) - witness.midpoint) for h in STEPS]) for each in (_forward, _central)
        )
        defaults = {
            "SciPy": abs(_forward(loss, DEFAULTS["SciPy"]) - witness.midpoint),
            "torch": abs(_central(loss, DEFAULTS["torch"]) - witness.midpoint),
        }
    if not np.isfinite(central).any() or not np.isfinite(list(defaults.values())).all():
        return None
    yours = abs(witness.computed - witness.midpoint)
    return Quotients(forward, central, defaults, yours if np.isfinite(yours) else np.inf, witness.radius)


def _forward(loss: Callable[[float], float], h: float) -> float:
    return (loss(h) - loss(0)) / h


def _central(loss: Callable[[float], float], h: float) -> float:
    return (loss(h) - loss(-h)) / (2 * h)


def _along(problem: Problem, witness: Witness) -> Callable[[float], float]:
    """The loss in float64, as a function of how far this entry is moved."""
    theta, b, X, Y = problem.reals
    if isinstance(problem.law, Loss):
        return _of_own(problem.law, problem, witness)

    def moved(array: Reals, h: float) -> Reals:
        found = array.copy()
        found[witness.place] += h
        return found

    def of_logits(h: float) -> float:
        return float(text.loss_of(moved(text.logits(theta, b, X), h), theta, b, Y, problem.law))

    def of_arrays(h: float) -> float:
        one, other, data = (
            moved(array, h) if k == _MOVED[witness.quantity] else array for k, array in enumerate((theta, b, X))
        )
        return float(text.loss(one, other, data, Y, problem.law))

    return of_arrays if witness.quantity in _MOVED else of_logits


def _of_own(law: Loss, problem: Problem, witness: Witness) -> Callable[[float], float]:
    """The same of a loss of one's own, read with NumPy."""
    arrays = dict(zip(("theta", "b", "X", "Y"), problem.reals, strict=True))
    name = witness.quantity.removeprefix("∂ℒ/∂").replace("θ", "theta")
    if name == "Z":
        arrays["Z"] = np.asarray(text.logits(arrays["theta"], arrays["b"], arrays["X"]))

    def of(h: float) -> float:
        found = arrays[name].copy()
        found[witness.place] += h
        return program.plain(law, {**arrays, name: found})

    return of
