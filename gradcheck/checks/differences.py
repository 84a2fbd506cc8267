"""Gradients against difference quotients: of the mathematical loss (correct) and of its own loss (consistent)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradcheck.checks.table import check, every
from gradcheck.checks.trial import Skip, Trial, require_bounded
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.referees import central, complex_step, cumulants, float64, forward, scipy_check_grad
from gradcheck.referees.cumulants import Move
from gradcheck.verdict import Comparison, Outcome

Found = Iterator[Comparison]

# SciPy's check_grad evaluates the loss once for each coordinate; above this many, it is left to smaller problems.
COORDINATES = 12


def _require_plain(trial: Trial) -> None:
    if trial.problem.masked.any():
        raise Skip("a class at -inf has no difference quotient")
    if trial.problem.memory == "integers":
        raise Skip("perturbed data are not whole numbers")


def direction(trial: Trial) -> Move:
    """A random sign for every parameter: every entry of the gradient counts."""
    p = trial.problem
    return Move(trial.random.choice([-1.0, 1.0], p.theta.shape), trial.random.choice([-1.0, 1.0], p.b.shape))


def projected(trial: Trial, what: str, taken: central.Directional | forward.Directional) -> Comparison:
    """The implementation's gradient along a displacement, against what a referee encloses there."""
    require_bounded(trial.truth.allowed("theta"), trial.truth.allowed("b"))
    value = taken.move.project(trial.gradient("theta"), trial.gradient("b"))
    truth = taken.enclosure.inflate(value.radius)
    allowed = taken.move.spread(trial.truth.allowed("theta"), trial.truth.allowed("b"))
    return Comparison(what, value.midpoint, truth, allowed)


@check(2, 17, 18, needs=("gradients",), turns=every(2))
def central_difference(trial: Trial) -> Found:
    """∂ℒ/∂θ and ∂ℒ/∂b agree with central differences of the mathematical loss."""
    _require_plain(trial)
    truth = trial.truth64
    taken = central.enclose(truth.problem, direction(trial), float64.loss, truth.nearby_loss_error)
    yield projected(trial, "gradient · direction", taken)


@check(2, 17, 18, needs=("gradients",), turns=every(2))
def forward_difference(trial: Trial) -> Found:
    """∂ℒ/∂θ and ∂ℒ/∂b agree with forward differences of the mathematical loss."""
    _require_plain(trial)
    truth = trial.truth64
    taken = forward.enclose(truth.problem, direction(trial), float64.loss, truth.nearby_loss_error)
    yield projected(trial, "gradient · direction", taken)


def _own_noise(trial: Trial) -> float:
    """What rounding may do to a loss that is wrong in value (see the check `loss`).

    Such a loss is taken to be a sum over samples and classes of terms as smooth as a log-sum-exp, and its rounding error
    to grow with its value.
    """
    exact = float(trial.truth.enclosure("loss").magnitude)
    ratio = max(1.0, abs(trial.loss()) / max(exact, trial.granted.tiny))
    return ratio * trial.problem.L * trial.problem.n * trial.truth.nearby_loss_error


@check(2, 17, 18, needs=("gradients", "loss"), turns=every(2))
def gradient_of_its_own_loss(trial: Trial) -> Found:
    """Consistent: its gradients are those of its own loss, right or wrong."""
    _require_plain(trial)
    sound = _loss_outcome(trial) is not Outcome.DISAGREE
    noise = trial.truth.nearby_loss_error if sound else _own_noise(trial)
    taken = central.enclose(trial.problem, direction(trial), trial.loss, noise)
    if not sound:
        radius = taken.enclosure.radius * trial.problem.L * trial.problem.n
        taken = replace(taken, enclosure=Enclosure(taken.enclosure.midpoint, radius))
    yield projected(trial, "own gradient · direction", taken)


def _loss_outcome(trial: Trial) -> Outcome:
    """What the check `loss` says of this problem."""
    truth = trial.truth
    own = np.asarray(trial.loss())
    return Comparison("ℒ", own, truth.enclosure("loss"), truth.allowed("loss")).verdict().outcome


def _check_grad(trial: Trial, posed: Problem, variable: str, result: str) -> Comparison:
    """SciPy's check_grad of its own loss and its own gradient, with one array as the variable."""
    _require_plain(trial)
    if trial.problem.precision.name != "float64":
        raise Skip("scipy.optimize.check_grad perturbs in float64")
    at = trial if posed is trial.problem else Trial(trial.implementation, posed)
    start = posed.reals[0 if variable == "theta" else 1]
    if start.size > COORDINATES:
        raise Skip(f"more than {COORDINATES} coordinates")

    def problem_at(flat: Reals) -> Problem:
        new = flat.reshape(start.shape)
        theta, b = (new, posed.b) if variable == "theta" else (posed.theta, new)
        return posed.with_arrays(theta.copy(), b.copy(), posed.X, posed.Y)

    sizes: list[float] = []

    def loss(flat: Reals) -> float:
        sizes.append(at.loss(problem_at(flat)))
        return sizes[-1]

    moments = scipy_check_grad.second_moments(posed, variable)
    noise = at.truth.nearby_loss_error
    require_bounded(np.asarray(noise), at.truth.allowed(variable))
    h = scipy_check_grad.steps(moments, noise, start.ravel())
    if (h[:, np.newaxis] * scipy_check_grad.coordinate_ranges(posed, variable) > cumulants.REACH).any():
        raise Skip("a step that these parameters can take changes some logit by more than 1")
    if _loss_outcome(at) is Outcome.DISAGREE:
        raise Skip("its loss is not the cross-entropy (see the check loss), so no step is known to be right for it")
    value = scipy_check_grad.norm(loss, lambda flat: at.gradient(result, problem_at(flat)).ravel(), start.ravel(), h)
    allowed = at.truth.allowed(variable).ravel()
    limit = scipy_check_grad.limit(moments, h, noise, max(map(abs, sizes)), allowed)
    none = Enclosure(np.zeros(()), np.zeros(()))
    size = np.asarray(np.linalg.norm(at.gradient(result)))
    return Comparison(f"check_grad over {variable}", np.asarray(value), none, np.asarray(limit), size)


@check(17, needs=("gradients", "loss"), turns=(2,))
def scipy_check_grad_theta(trial: Trial) -> Found:
    """scipy.optimize.check_grad over θ returns no more than its own truncation and rounding."""
    yield _check_grad(trial, trial.problem, "theta", "theta")


@check(18, needs=("gradients", "loss"), turns=(6,))
def scipy_check_grad_b(trial: Trial) -> Found:
    """scipy.optimize.check_grad over b returns no more than its own truncation and rounding."""
    yield _check_grad(trial, trial.problem, "b", "b")


@check(19, needs=("gradients", "loss"), turns=(10,))
def scipy_check_grad_Z(trial: Trial) -> Found:
    """scipy.optimize.check_grad over Z, posed as θ with the identity for data, so that Z = θ."""
    p = trial.problem
    _require_plain(trial)
    if p.Y.size > COORDINATES:
        raise Skip(f"more than {COORDINATES} coordinates")
    identity = np.eye(p.n, dtype=p.X.dtype)
    posed = p.with_arrays(p.precision.round(trial.Z), np.zeros_like(p.b), identity, p.Y)
    yield _check_grad(trial, posed, "theta", "Z")


@check(2, 17, 18, needs=("gradients", "loss"), turns=every(2))
def complex_step_of_its_own_loss(trial: Trial) -> Found:
    """Its gradients agree with the complex step of its own loss, for code that is declared analytic."""
    _require_plain(trial)
    if not trial.implementation.analytic or trial.problem.precision.name != "float64":
        raise Skip("not declared analytic (Implementation(analytic=True)), or not in float64")
    if _loss_outcome(trial) is Outcome.DISAGREE:
        raise Skip("its loss is not the cross-entropy (see the check loss)")
    require_bounded(trial.truth.allowed("theta"), trial.truth.allowed("b"))
    along = direction(trial)
    truth = complex_step.enclose(trial.truth, along, lambda *arrays: trial.call("loss", *arrays))
    if truth is None:
        raise Skip("its loss does not return a complex number for complex arrays")
    value = along.project(trial.gradient("theta"), trial.gradient("b"))
    allowed = along.spread(trial.truth.allowed("theta"), trial.truth.allowed("b"))
    yield Comparison("gradient · direction", value.midpoint, truth.inflate(value.radius), allowed)


@check(2, needs=("loss",), turns=every(2))
def loss_is_convex(trial: Trial) -> Found:
    """The loss at the middle of a segment is at most the mean of the losses at its ends."""
    _require_plain(trial)
    p, along = trial.problem, direction(trial)
    step = cumulants.within_reach(p, along, cumulants.REACH)
    above, below = cumulants.moved(p, along, step), cumulants.moved(p, along, -step)
    up = cumulants.between(p, above).change(p)
    down = cumulants.between(below, p).change(p)
    if not max(up.reach.max(), down.reach.max()) <= cumulants.REACH:
        raise Skip("a step that these parameters can take changes some logit by more than 1")
    ends, here = (trial.loss(above), trial.loss(below)), trial.loss()
    # the middle of the rounded ends is not quite p; a loss changes by at most 2 max |change of Z| per sample
    aside = up.minus(down)
    moved = cumulants.mean(p, 2 * (abs(aside.value) + aside.error).max(axis=0))
    own = outward(moved + 4 * U64 * (abs(ends[0]) + abs(ends[1]) + abs(here)))
    gap = here - (ends[0] / 2 + ends[1] / 2)
    allowed = np.asarray(2 * trial.truth.nearby_loss_error)
    require_bounded(allowed)
    excess = np.asarray(gap if not gap < 0 else 0.0)  # NaN stays NaN
    yield Comparison("ℒ above its chord", excess, Enclosure(np.zeros(()), own), allowed, np.asarray(abs(gap)))
