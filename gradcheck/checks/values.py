"""Every value that an implementation returns, against the exact one."""

from collections.abc import Iterator

import numpy as np

from gradcheck import bounds, referees
from gradcheck.checks.reading import Skip
from gradcheck.checks.table import check, every
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.verdict import Comparison

Found = Iterator[Comparison]


def against_truth(trial: Trial, symbol: str, quantity: str, computed: Reals) -> Comparison:
    """One computed quantity of the problem, against its exact value."""
    truth = trial.truth
    careful = (lambda: truth.careful(quantity)) if trial.noted and quantity != "Z" else None
    return Comparison(symbol, computed, truth.enclosure(quantity), truth.allowed(quantity), careful=careful)


@check(20, needs=("logits",))
def logits(trial: Trial) -> Found:
    """Z = theta X + b."""
    yield against_truth(trial, "Z", "Z", trial.logits())


# where other checks need the exact A of these Z, too
@check(1, needs=("softmax",), turns=(*every(0), *every(1)), large=True)
def softmax(trial: Trial) -> Found:
    """A = exp Z / sum exp Z, column by column."""
    A, error = trial.A
    careful = (lambda: trial.softmax_allowed(trial.Z, A, ours=True).A) if trial.noted else None
    yield Comparison("A", trial.softmax(), A, error.A, careful=careful)


@check(2, needs=("loss",))
def loss(trial: Trial) -> Found:
    """The loss is -(1/n) sum Y log A."""
    yield against_truth(trial, "ℒ", "loss", np.asarray(trial.loss()))


@check(10, 19, needs=("gradients",))
def logits_gradient(trial: Trial) -> Found:
    """∂ℒ/∂Z = (A - Y)/n."""
    yield against_truth(trial, "∂ℒ/∂Z", "D", trial.gradient("Z"))


@check(11, 12, 13, 17, needs=("gradients",))
def theta_gradient(trial: Trial) -> Found:
    """∂ℒ/∂θ = (A - Y) Xᵀ/n; entry l, j is sum_i (A - Y)_li X_ji / n."""
    yield against_truth(trial, "∂ℒ/∂θ", "theta", trial.gradient("theta"))


@check(14, 16, 18, needs=("gradients",))
def bias_gradient(trial: Trial) -> Found:
    """∂ℒ/∂b = row sums of (A - Y)/n."""
    yield against_truth(trial, "∂ℒ/∂b", "b", trial.gradient("b"))


@check(3, 20, needs=("gradients",))
def data_gradient(trial: Trial) -> Found:
    """∂ℒ/∂X = θᵀ ∂ℒ/∂Z, since Z = θX + b."""
    yield against_truth(trial, "∂ℒ/∂X", "X", trial.gradient("X"))


def jacobian_truth(trial: Trial) -> tuple[Enclosure, Reals]:
    """The softmax Jacobian of one column, and what rounding may add; worked out once for all its checks."""
    found: tuple[Enclosure, Reals] = trial.remember("jacobian truth", lambda: _jacobian_truth(trial))
    return found


def _jacobian_truth(trial: Trial) -> tuple[Enclosure, Reals]:
    z, i = trial.Z[:, trial.column], trial.column
    A, error = trial.A
    found = referees.softmax_jacobian(z, trial.problem.theta.dtype)
    allowed = bounds.jacobian_error(A.take(slice(None), i), error.A[:, i], trial.granted)
    return found, bounds.returned(allowed, found.magnitude, trial.granted) if trial.granted.returned else allowed


@check(5, 22, needs=("softmax_jacobian",), turns=every(0))
def jacobian_diagonal(trial: Trial) -> Found:
    """∂A_l/∂Z_l = A_l (1 - A_l)."""
    J, allowed = jacobian_truth(trial)
    on = np.diag_indices(trial.problem.L)
    yield Comparison("∂A/∂Z (diagonal)", trial.jacobian()[on], J.take(*on), allowed[on])


@check(6, 22, needs=("softmax_jacobian",), turns=every(0))
def jacobian_off_diagonal(trial: Trial) -> Found:
    """∂A_l/∂Z_k = -A_l A_k for k ≠ l."""
    J, allowed = jacobian_truth(trial)
    off = ~np.eye(trial.problem.L, dtype=bool)
    computed = np.where(off, trial.jacobian(), 0)
    truth = Enclosure(np.where(off, J.midpoint, 0), np.where(off, J.radius, 0))
    yield Comparison("∂A/∂Z", computed, truth, np.where(off, allowed, 0))


def inverse_share(trial: Trial) -> tuple[Reals, Reals, Reals]:
    """-Y/(nA) of one column from the implementation's own A; the same from the exact A; and what separates them."""
    i, n = trial.column, trial.problem.n
    A, error = trial.A
    y, exact = trial.problem.reals[3][:, i], A.midpoint[:, i]
    labelled = y > 0
    least = exact - A.radius[:, i] - error.A[:, i]
    if not (least[labelled] > trial.granted.tiny).all():
        raise Skip("the probability of a label may underflow, so that 1/A says nothing")
    with np.errstate(divide="ignore", invalid="ignore"):
        computed = np.where(labelled, -y / (n * trial.softmax()[:, i]), 0)
        truth = np.where(labelled, -y / (n * exact), 0)
        rounded, known = np.expm1(error.relative[:, i]), 2 * A.radius[:, i] / exact  # (1 + rounded) (1 + known) - 1
        relative = rounded + known + rounded * known + 12 * U64 * (1 + rounded)
    return computed, truth, outward(np.where(labelled, abs(truth) * relative, 0))


@check(4, needs=("softmax",), turns=every(0))
def probabilities_gradient(trial: Trial) -> Found:
    """∂ℒ/∂A = -Y/(nA), formed from the implementation's own A: its relative accuracy where a label is improbable."""
    computed, truth, apart = inverse_share(trial)
    yield Comparison("∂ℒ/∂A", computed, Enclosure(truth, np.zeros_like(truth)), apart)


@check(3, needs=("softmax", "softmax_jacobian"), turns=every(0))
def chain_rule(trial: Trial) -> Found:
    """∂ℒ/∂A · ∂A/∂Z, from the implementation's own A and Jacobian, gives (A - Y)/n."""
    outer, outer_exact, outer_apart = inverse_share(trial)
    J, allowed = jacobian_truth(trial)
    A = trial.A[0].take(slice(None), trial.column)
    y, n = trial.problem.reals[3][:, trial.column], trial.problem.n
    mass = y.sum()
    inner = trial.jacobian()
    exact = (A.midpoint * mass - y) / n
    radius = (A.radius * mass + (trial.problem.L + 8) * U64 * (A.midpoint * mass + y)) / n
    size = (abs(outer_exact) + outer_apart) @ (J.magnitude + allowed)
    apart = outer_apart @ J.magnitude + (abs(outer_exact) + outer_apart) @ allowed
    own = 2 * (trial.problem.L + 8) * U64 * size  # this sum's own rounding
    yield Comparison(
        "∂ℒ/∂Z by the chain rule", outer @ inner, Enclosure(exact, outward(radius + own)), outward(apart, 32)
    )
