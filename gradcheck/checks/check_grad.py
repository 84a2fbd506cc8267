"""`scipy.optimize.check_grad` of its own functions, called as a user would call it, once with each variable."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

import numpy as np

from gradcheck.checks import bars, taylor
from gradcheck.checks.bent import loss_allowed
from gradcheck.checks.central import LEAVES, NOT_SOFTMAX, softmax_outcome
from gradcheck.checks.differences import loss_outcome, require_movable, require_unmasked
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.table import check
from gradcheck.checks.trial import Trial
from gradcheck.checks.values import jacobian_truth
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.law.own import Loss
from gradcheck.problem import Problem
from gradcheck.referees import float64, scipy_check_grad
from gradcheck.referees.cumulants import VARIABLES
from gradcheck.verdict import Comparison, Outcome

Found = Iterator[Comparison]

# SciPy's check_grad evaluates the function once for each coordinate, and is asked for each class of a softmax; above this many,
# it is left to smaller problems.
COORDINATES = 12
CLASSES = 6


def _require_few(number: int, most: int, what: str) -> None:
    if number > most:
        raise Skip(f"more than {most} {what}")


def _within(what: str, value: float, limit: float, own: Reals) -> Comparison:
    """What check_grad returned, which is at least 0, against its limit; `own` is the gradient that it was given."""
    none = Enclosure(np.zeros(()), np.zeros(()))
    return Comparison(what, np.asarray(value), none, np.asarray(limit), np.asarray(np.linalg.norm(own)))


def _loss(trial: Trial, posed: Problem, variable: str, result: str) -> Comparison:
    """SciPy's check_grad of its own loss and its own gradient, with one array as the variable."""
    require_movable(trial)
    trial.gradient(result)  # which may not be offered
    at = trial if posed is trial.problem else trial.beside(posed)
    _require_few(posed.reals[VARIABLES.index(variable)].size, COORDINATES, "coordinates")
    asked = taylor.check_grad(at, variable) if trial.law.own else _posed(at, variable)
    if loss_outcome(at) is Outcome.DISAGREE:
        name = trial.law.name if isinstance(trial.law, Loss) else "the cross-entropy"
        raise Skip(taylor.NOT_ITS_OWN.format(name=name))

    def problem_at(flat: Reals) -> Problem:
        return taylor.moved(posed, variable, flat)

    def gradient(flat: Reals) -> Reals:
        return at.gradient(result, problem_at(flat)).ravel()

    found = asked.answer(lambda flat: at.loss(problem_at(flat)), gradient, at.truth.allowed(variable).ravel())
    told = taylor.told if trial.law.own else lambda comparison: comparison
    return told(_within(f"check_grad over {variable}", *found, at.gradient(result)))


def _posed(trial: Trial, variable: str) -> scipy_check_grad.Posed:
    """What is asked of the cross-entropy."""
    p, folds = trial.problem, trial.law.folds
    noise = np.asarray(trial.truth.nearby_loss_error if folds else trial.truth.allowed("loss"))
    require_bounded(noise, trial.truth.allowed(variable))
    asked = scipy_check_grad.pose(p, variable, float(noise))
    if not asked.reached:
        raise Skip("a step that these parameters can take changes some logit by more than 1")
    if folds:
        return asked
    most = max(float(loss_allowed(trial, taylor.moved(p, variable, point))) for point in asked.visited)
    require_bounded(np.asarray(most))  # the error of each loss, where no one holds for all nearby
    return replace(asked, noise=most)


@check(17, needs=("gradients", "loss"), turns=(2,), bars=(bars.coarse,))
def scipy_check_grad_theta(trial: Trial) -> Found:
    """scipy.optimize.check_grad over θ returns no more than its own truncation and rounding."""
    yield _loss(trial, trial.problem, "theta", "theta")


@check(18, needs=("gradients", "loss"), turns=(6,), bars=(bars.coarse,))
def scipy_check_grad_b(trial: Trial) -> Found:
    """scipy.optimize.check_grad over b returns no more than its own truncation and rounding."""
    yield _loss(trial, trial.problem, "b", "b")


@check(19, needs=("gradients", "loss"), turns=(10,), bars=(bars.coarse, bars.penalised_weights))
def scipy_check_grad_Z(trial: Trial) -> Found:
    """scipy.optimize.check_grad over Z, posed as θ with the identity for data, so that Z = θ."""
    p = trial.problem
    require_movable(trial)
    if p.Y.size > COORDINATES:  # before an identity of any size is made
        raise Skip(f"more than {COORDINATES} coordinates")
    identity = np.eye(p.n, dtype=p.X.dtype)
    posed = p.with_arrays(p.precision.round(trial.Z), np.zeros_like(p.b), identity, p.Y)
    yield _loss(trial, posed, "theta", "Z")


@check(3, 20, needs=("gradients", "loss"), turns=(8,), bars=(bars.coarse,))
def scipy_check_grad_X(trial: Trial) -> Found:
    """scipy.optimize.check_grad over X returns no more than its own truncation and rounding."""
    yield _loss(trial, trial.problem, "X", "X")


@check(5, 6, 22, needs=("softmax", "softmax_jacobian"), turns=(8,), bars=(bars.coarse,))
def scipy_check_grad_jacobian(trial: Trial) -> Found:
    """scipy.optimize.check_grad of every z ↦ A_l(z), with row l of its Jacobian as the gradient."""
    require_unmasked(trial)
    _require_few(trial.problem.L, CLASSES, "classes")
    if softmax_outcome(trial) is Outcome.DISAGREE:
        raise Skip(NOT_SOFTMAX)
    if not np.isfinite(2 * trial.Z).all():
        raise Skip(LEAVES)
    z, J, (_, allowed) = trial.Z[:, trial.column], trial.jacobian(), jacobian_truth(trial)

    def bounds(Z: Reals) -> tuple[Reals, Reals]:
        A = float64.softmax(Z)
        return A.magnitude, trial.softmax_allowed(Z, A).A

    @cache  # the same points for every row
    def softmax(point: bytes) -> Reals:
        return trial.softmax(np.frombuffer(point)[:, np.newaxis])[:, 0]

    def probability(l: int, point: Reals) -> float:
        return float(softmax(point.tobytes())[l])

    for l, asked in enumerate(scipy_check_grad.pose_softmax(z, float(trial.A[1].relative.max()), bounds)):
        found = asked.answer(partial(probability, l), lambda point, row=J[l]: row, allowed[l])  # type: ignore[misc]
        yield _within(f"check_grad of A[{l}]", *found, J[l])
