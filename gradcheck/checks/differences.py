"""Gradients along a direction, against difference quotients of the mathematical loss (correct) and of its own (consistent)."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from gradcheck.checks import bars, taylor
from gradcheck.checks.bent import own_loss
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.table import check, every
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import U64, Enclosure, outward
from gradcheck.referees import bent, central, complex_step, cumulants, float64, forward, mathematical
from gradcheck.referees.cumulants import Directional, Move
from gradcheck.verdict import Comparison, Outcome

Found = Iterator[Comparison]


def require_unmasked(trial: Trial) -> None:
    """`Skip` where a logit is -inf, and has no neighbours."""
    if trial.problem.masked.any():
        raise Skip("a class at -inf has no difference quotient")


def require_counted(trial: Trial) -> None:
    """`Skip` where a loss has no difference quotient at all."""
    require_unmasked(trial)
    if not trial.problem.divisor:
        raise Skip("no sample counts")


def require_movable(trial: Trial) -> None:
    """`Skip` also where the implementation cannot be handed perturbed arrays."""
    require_counted(trial)
    if trial.problem.memory == "integers":
        raise Skip("perturbed data are not whole numbers")


def direction(trial: Trial) -> Move:
    """A random sign for every parameter: every entry of the gradient counts."""
    p, random = trial.problem, trial.random
    return Move(random.choice([-1.0, 1.0], p.theta.shape), random.choice([-1.0, 1.0], p.b.shape))


def projected(
    trial: Trial,
    what: str,
    taken: Directional,
    over: tuple[str, ...] = ("theta", "b"),
) -> Comparison:
    """The implementation's gradient along a displacement of these variables, against what a referee encloses there."""
    parameters = dict(zip(("theta", "b"), trial.problem.reals, strict=False))
    bound = [trial.truth.allowed(key) if key in over else 0 * array for key, array in parameters.items()]
    require_bounded(*bound)
    own = [trial.gradient(key) if key in over else 0 * array for key, array in parameters.items()]
    value = taken.move.project(*own)
    return Comparison(what, value.midpoint, taken.enclosure.inflate(value.radius), taken.move.spread(*bound))


@check(2, 17, 18, needs=("gradients",), turns=every(2))
def forward_difference(trial: Trial) -> Found:
    """∂ℒ/∂θ and ∂ℒ/∂b agree with forward differences of the mathematical loss."""
    require_movable(trial)
    if trial.law.own:
        yield taylor.forward(trial, direction(trial), projected)
        return
    truth = trial.truth64
    if not trial.law.folds:
        yield projected(trial, "gradient · direction", bent.forward(truth.problem, direction(trial), mathematical.loss))
        return
    taken = forward.enclose(truth.problem, direction(trial), float64.loss, truth.nearby_float64_error)
    yield projected(trial, "gradient · direction", taken)


def _own_noise(trial: Trial) -> float:
    """What rounding may do to a loss that is wrong in value (see the check `loss`).

    Such a loss is taken to be a sum over samples and classes of terms as smooth as a log-sum-exp, and its rounding error
    to grow with its value.
    """
    return taylor.times_too_large(trial) * trial.problem.L * trial.problem.n * trial.truth.nearby_loss_error


@check(2, 17, 18, needs=("gradients", "loss"), turns=every(2))
def gradient_of_its_own_loss(trial: Trial) -> Found:
    """Consistent: its gradients are those of its own loss, right or wrong."""
    require_movable(trial)
    sound = loss_outcome(trial) is not Outcome.DISAGREE
    if trial.law.own:
        yield taylor.its_own(trial, direction(trial), projected, sound)
        return
    if not trial.law.folds:
        if not sound:
            raise Skip("its loss is not the cross-entropy (see the check loss), so no step is known to be right for it")
        yield projected(
            trial, "own gradient · direction", bent.central(trial.problem, direction(trial), partial(own_loss, trial))
        )
        return
    noise = trial.truth.nearby_loss_error if sound else _own_noise(trial)
    taken = central.enclose(trial.problem, direction(trial), trial.loss, noise)
    if not sound:
        taken = replace(taken, enclosure=taken.enclosure.widened(trial.problem.L * trial.problem.n))
    yield projected(trial, "own gradient · direction", taken)


def loss_outcome(trial: Trial) -> Outcome:
    """What the check `loss` says of this problem."""
    truth = trial.truth
    own = np.asarray(trial.loss())
    return Comparison("ℒ", own, truth.enclosure("loss"), truth.allowed("loss")).verdict().outcome


@check(2, 17, 18, needs=("gradients", "loss"), turns=every(2), bars=bars.COMPLEX)
def complex_step_of_its_own_loss(trial: Trial) -> Found:
    """Its gradients agree with the complex step of its own loss, for code that is declared analytic."""
    require_movable(trial)
    if loss_outcome(trial) is Outcome.DISAGREE:
        raise Skip("its loss is not the cross-entropy (see the check loss)")
    require_bounded(trial.truth.allowed("theta"), trial.truth.allowed("b"))
    along = direction(trial)
    truth = complex_step.enclose(trial.truth, along, lambda *arrays: trial.call("loss", *arrays))
    if truth is None:
        raise Skip("its loss does not return a complex number for complex arrays")
    value = along.project(trial.gradient("theta"), trial.gradient("b"))
    allowed = along.spread(trial.truth.allowed("theta"), trial.truth.allowed("b"))
    yield Comparison("gradient · direction", value.midpoint, truth.inflate(value.radius), allowed)


@check(2, needs=("loss",), turns=every(2), bars=(bars.rounds_nearby,))
def loss_is_convex(trial: Trial) -> Found:
    """The loss at the middle of a segment is at most the mean of the losses at its ends."""
    require_movable(trial)
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
