"""Gradients of a loss of one's own along a direction, by differences of the mathematical loss, and of the implementation's own.

How the loss bends over a step is read from its text (`referees.taylor`); where that is not known, at a kink say, nothing is posed.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from gradcheck.checks.bent import compared
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.readings.series import NoSeries
from gradcheck.referees import scipy_check_grad, taylor
from gradcheck.referees.cumulants import VARIABLES, Move
from gradcheck.referees.own import BALL_ENTRIES
from gradcheck.verdict import Comparison, Outcome

Project = Callable[..., Comparison]
Known = TypeVar("Known")

COORDINATES = 4  # of SciPy's check_grad: a choice of cost
SAMPLES = 64  # of which a loss may compare each with each: choices of cost
LARGE = f"more than {BALL_ENTRIES} numbers, or {SAMPLES} samples: how such a loss bends is not read"
WIDE = "what a step leaves out, and rounding, are as large as the derivative along it"
NOT_ITS_OWN = "its loss is not {name} (see the check loss), so no step is known to be right for it"


def _taken(trial: Trial, referee: Callable[..., Known], *arguments: object) -> Known:
    p = trial.problem
    if p.n > SAMPLES or p.L * (p.n + p.d) > BALL_ENTRIES:
        raise Skip(LARGE)
    try:
        return referee(*arguments)
    except NoSeries as reason:
        raise Skip(str(reason)) from None


def told(comparison: Comparison) -> Comparison:
    """`Skip` where nothing could be told."""
    if comparison.verdict().outcome is Outcome.INCONCLUSIVE:
        raise Skip(WIDE)
    return comparison


def _direction(trial: Trial, both: Move) -> tuple[Move, tuple[str, ...]]:
    """Of what it returns a gradient of, and which that is."""
    over = tuple(key for key in ("theta", "b") if key in trial.raw_gradients())
    return Move(*(array if key in over else 0 * array for key, array in (("theta", both.theta), ("b", both.b)))), over


def forward(trial: Trial, both: Move, projected: Project) -> Comparison:
    """theta and b by forward differences of the mathematical loss."""
    direction, over = _direction(trial, both)
    return told(projected(trial, "gradient · direction", _taken(trial, taylor.forward, trial.problem, direction), over))


def parameter_along(trial: Trial, variable: str) -> Comparison:
    """theta, b or X, with the others held, by central differences of the mathematical loss."""
    p = trial.problem
    theta, b = (0 * array for array in p.reals[:2])
    signs = np.asarray(trial.random.choice([-1.0, 1.0], p.reals[VARIABLES.index(variable)].shape))
    if variable != "X":
        signs[1] = -signs[0]  # what all classes do alike may change nothing
    move = replace(Move(theta, b), **{variable: signs})
    return told(compared(trial, variable, _taken(trial, taylor.central, p, move)))


def logits_along(trial: Trial, signs: Reals) -> Comparison:
    """Z as a variable of its own."""
    return told(compared(trial, "Z", _taken(trial, taylor.central_logits, trial.problem, signs)))


def its_own(trial: Trial, both: Move, projected: Project, sound: bool) -> Comparison:
    """theta and b by central differences of its own loss.

    A loss that is wrong in value bends as nobody knows: its gradient may agree with it, and is not said to disagree.
    """
    direction, over = _direction(trial, both)
    noise = float(trial.truth.computed("loss")[1])  # type: ignore[attr-defined]
    require_bounded(np.asarray(noise))
    taken = _taken(trial, taylor.own, trial.problem, direction, lambda problem: own_loss(trial, problem, sound), noise)
    if not sound:
        taken = replace(
            taken, enclosure=taken.enclosure.widened(times_too_large(trial) * trial.problem.L * trial.problem.n)
        )
    found = told(projected(trial, "own gradient · direction", taken, over))
    if not sound and found.verdict().outcome is Outcome.DISAGREE:
        raise Skip(NOT_ITS_OWN.format(name=trial.law.name))  # type: ignore[attr-defined]
    return found


def check_grad(trial: Trial, variable: str) -> scipy_check_grad.Posed:
    """What SciPy's check_grad is asked of one variable: steps that balance how the loss bends there with its rounding."""
    p = trial.problem
    start = p.reals[VARIABLES.index(variable)].ravel()
    if start.size > COORDINATES:
        raise Skip(f"more than {COORDINATES} coordinates, each of which a loss is read along")
    noise = float(trial.truth.allowed("loss"))
    require_bounded(np.asarray(noise))
    near = _taken(trial, taylor.bends, p, variable, np.ones_like(start), False)
    h = scipy_check_grad.steps(near, noise, start)
    posed = scipy_check_grad.Posed(start, h, _taken(trial, taylor.bends, p, variable, h, True), noise)
    read = (trial.truth_of(moved(p, variable, point)).computed("loss") for point in posed.visited)  # type: ignore[attr-defined]
    most = 2 * max(float(allowed) for _, allowed in read)  # what is computed and what is true are each as near to it
    require_bounded(np.asarray(most))
    return replace(posed, noise=most)


def moved(problem: Problem, variable: str, flat: Reals) -> Problem:
    """With other numbers for one variable, in one row."""
    arrays = {name: getattr(problem, name) for name in (*VARIABLES, "Y")}
    return problem.with_arrays(**{**arrays, variable: flat.reshape(arrays[variable].shape).copy()})


def times_too_large(trial: Trial) -> float:
    """How many times its loss is too large, if it is."""
    exact = float(trial.truth.enclosure("loss").magnitude)
    return max(1.0, abs(trial.loss()) / max(exact, trial.granted.tiny))


def own_loss(trial: Trial, problem: Problem, sound: bool) -> Enclosure:
    """Its loss of another problem: the loss to within what rounding may do, of which its own is known."""
    value, allowed = trial.truth_of(problem).computed("loss")  # type: ignore[attr-defined]
    require_bounded(allowed)
    own = np.asarray(trial.loss(problem))
    apart = outward(abs(own - value.midpoint) + value.radius, 2)
    if sound and not apart <= outward(allowed + value.radius, 2):
        raise Skip(NOT_ITS_OWN.format(name=trial.law.name))  # type: ignore[attr-defined]
    return Enclosure(own, outward(allowed + np.minimum(apart, allowed) + value.radius, 4))
