"""Each identity of the paper against central differences, of the mathematical function or of its own softmax.

Entry by entry where few numbers have to be evaluated, and along a random direction, which is cheap, on every problem.
"""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks import taylor
from gradcheck.checks.bent import logits_along, parameter_along
from gradcheck.checks.differences import direction, projected, require_counted, require_unmasked
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.relations import SYMBOLS
from gradcheck.checks.table import check
from gradcheck.checks.trial import Trial
from gradcheck.checks.values import jacobian_truth
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.referees import central_softmax, float64, mathematical
from gradcheck.referees.cumulants import Move
from gradcheck.verdict import Comparison, Outcome

Found = Iterator[Comparison]

ENTRIES = 2**14  # logits to be evaluated for all entries; beyond them a direction alone is judged: a choice of cost


def _signs(trial: Trial, shape: tuple[int, ...]) -> Reals:
    """Random signs, of which the first two classes have different ones: what all classes do alike changes nothing."""
    signs = np.asarray(trial.random.choice([-1.0, 1.0], shape))
    signs[1] = -signs[0]
    return signs


def _along(trial: Trial, variable: str) -> Comparison:
    """theta, b or X along a direction."""
    return taylor.parameter_along(trial, variable) if trial.law.own else parameter_along(trial, variable)


def _parameter(trial: Trial, variable: str) -> Found:
    """One of theta and b, with the other held."""
    require_counted(trial)
    if not trial.law.folds:
        yield _along(trial, variable)
        return
    truth, own, allowed = trial.truth64, trial.gradient(variable), trial.truth.allowed(variable)
    require_bounded(allowed)
    if 2 * own.size * truth.problem.Y.size <= ENTRIES:
        yield Comparison(SYMBOLS[variable], own, mathematical.gradient(truth, variable), allowed)
    both = direction(trial)
    held = {"theta": Move(both.theta, 0 * both.b), "b": Move(0 * both.theta, both.b)}
    yield projected(
        trial, f"{SYMBOLS[variable]} · direction", mathematical.gradient_along(truth, held[variable]), (variable,)
    )


@check(2, 17, needs=("gradients",), turns=(2,))
def central_difference_theta(trial: Trial) -> Found:
    """∂ℒ/∂θ agrees with central differences of the mathematical loss, weight by weight and along a direction."""
    yield from _parameter(trial, "theta")


@check(2, 18, needs=("gradients",), turns=(6,))
def central_difference_b(trial: Trial) -> Found:
    """∂ℒ/∂b agrees with central differences of the mathematical loss, class by class and along a direction."""
    yield from _parameter(trial, "b")


@check(2, 19, needs=("gradients",), turns=(10,))
def central_difference_Z(trial: Trial) -> Found:
    """∂ℒ/∂Z agrees with central differences of each sample's loss, logit by logit and along a direction."""
    require_counted(trial)
    if not trial.law.folds:
        along = taylor.logits_along if trial.law.own else logits_along
        yield along(trial, _signs(trial, trial.problem.Y.shape))
        return
    truth, own, allowed = trial.truth64, trial.gradient("Z"), trial.truth.allowed("D")
    require_bounded(allowed)
    if 2 * truth.problem.L * own.size <= ENTRIES:
        yield Comparison(SYMBOLS["Z"], own, mathematical.gradient(truth, "Z"), allowed)
    taken = mathematical.logits_gradient_along(truth, _signs(trial, own.shape))
    yield _summed(f"{SYMBOLS['Z']} · direction", own, taken.move, taken.enclosure, allowed)


@check(3, 20, needs=("gradients",), turns=(8,))
def central_difference_X(trial: Trial) -> Found:
    """∂ℒ/∂X agrees with central differences of the mathematical loss, entry by entry or along a direction."""
    require_counted(trial)
    if not trial.law.folds:
        yield _along(trial, "X")
        return
    own = trial.gradient("X")
    truth, allowed = trial.truth64, trial.truth.allowed("X")
    require_bounded(allowed)
    if 2 * own.size * truth.problem.Y.size > ENTRIES:
        raise Skip("too many entries: each takes two evaluations")
    yield Comparison(SYMBOLS["X"], own, mathematical.gradient(truth, "X"), allowed)


def _summed(what: str, own: Reals, move: Reals, truth: Enclosure, allowed: Reals) -> Comparison:
    """The sums over axis 0 of own * move, with their own rounding, against what a referee encloses there."""
    size = (abs(own) * abs(move)).sum(axis=0)
    rounded = np.where(np.isinf(truth.radius), 0.0, outward(2 * (len(own) + 2) * U64 * size, len(own) + 4))
    return Comparison(
        what, (own * move).sum(axis=0), truth.inflate(rounded), outward((allowed * abs(move)).sum(axis=0), len(own) + 4)
    )


def _jacobian(what: str, own: Reals, taken: central_softmax.Taken, allowed: Reals) -> Found:
    """Its entries where they were taken, and its product with the displacement."""
    require_bounded(allowed)
    if taken.entries is not None:
        yield Comparison(what, own, taken.entries, allowed)
    yield _summed(f"{what} · direction", own.T, taken.move[:, np.newaxis], taken.along, allowed.T)


@check(5, 6, 22, needs=("softmax_jacobian",), turns=(0,))
def central_difference_jacobian(trial: Trial) -> Found:
    """A_l (1 - A_l) and -A_l A_k agree with central differences of the mathematical softmax."""
    require_unmasked(trial)
    (_, allowed), own, z = jacobian_truth(trial), trial.jacobian(), trial.Z[:, trial.column]
    if not np.isfinite(2 * z).all():
        raise Skip(LEAVES)
    taken = mathematical.jacobian(z, _signs(trial, z.shape), all_entries=2 * own.size <= ENTRIES)
    yield from _jacobian("∂A/∂Z", own, taken, allowed)


def softmax_outcome(trial: Trial) -> Outcome:
    """What the check `softmax` says of this problem."""
    A, error = trial.A
    return Comparison("A", trial.softmax(), A, error.A).verdict().outcome


NOT_SOFTMAX = "its softmax is not the softmax (see the check softmax), so no step is known to be right for it"
LEAVES = "a step leaves this precision"


@check(5, 6, 22, needs=("softmax", "softmax_jacobian"), turns=(4,))
def jacobian_of_its_own_softmax(trial: Trial) -> Found:
    """Consistent: its Jacobian is that of its own softmax, wherever that is the softmax up to rounding."""
    require_unmasked(trial)
    (_, allowed), own, z = jacobian_truth(trial), trial.jacobian(), trial.Z[:, trial.column]

    def evaluate(Z: Reals) -> Enclosure:
        if not np.isfinite(Z).all():
            raise Skip(LEAVES)
        exact = float64.softmax(Z)
        A, error = trial.softmax(Z), trial.softmax_allowed(Z, exact).A
        if Comparison("A", A, exact, error).verdict().outcome is Outcome.DISAGREE:
            raise Skip(NOT_SOFTMAX)
        return Enclosure(A, error)

    def rounded(values: Reals) -> Reals:
        return trial.problem.precision.round(values).astype(np.float64)

    step, few = central_softmax.best_step(z, trial.granted.u), 2 * own.size <= ENTRIES
    taken = central_softmax.enclose(z, step, _signs(trial, z.shape), evaluate, all_entries=few, rounded=rounded)
    yield from _jacobian("∂A/∂Z of its own softmax", own, taken, allowed)
