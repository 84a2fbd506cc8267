"""Laws between the parts of one result: what must hold whatever the numbers are."""

from collections.abc import Iterator

import numpy as np

from gradcheck import referees
from gradcheck.checks import bars
from gradcheck.checks.own import require_law, reworded
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.table import AGREED, check, every, found
from gradcheck.checks.trial import Trial
from gradcheck.checks.values import jacobian_truth
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.referees import lawful
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]
SYMBOLS = {"theta": "∂ℒ/∂θ", "b": "∂ℒ/∂b", "Z": "∂ℒ/∂Z", "X": "∂ℒ/∂X"}
QUANTITY = {"theta": "theta", "b": "b", "Z": "D", "X": "X"}


def zero(values: Reals, axis: int) -> tuple[Reals, Enclosure]:
    """A float64 sum along an axis, and the enclosure of 0 that its own rounding allows."""
    total = values.sum(axis=axis)
    own = outward(2 * values.shape[axis] * U64 * abs(values).sum(axis=axis))
    return total, Enclosure(np.zeros_like(total), own)


def offered(trial: Trial) -> list[str]:
    """Which gradients the implementation returns; `Skip` where the mapping has none of them."""
    return [key for key in SYMBOLS if key in trial.raw_gradients()]


# ---- probabilities ----


@check(1, needs=("softmax",), turns=every(1))
def probabilities_sum_to_one(trial: Trial) -> Found:
    """Each column of A sums to 1."""
    _, error = trial.A
    require_bounded(error.A)
    total, own = zero(trial.softmax(), 0)
    yield Comparison("sum of A", total - 1, own.inflate(U64 * abs(total)), error.A.sum(axis=0), abs(total))


@check(1, needs=("softmax",), turns=every(1))
def probabilities_are_positive(trial: Trial) -> Found:
    """No probability is negative, and none is 0 where the exact one is too large to underflow."""
    A, (_, error) = trial.softmax(), trial.A
    require_bounded(error.A)
    bad = ~(A >= 0) | ((A == 0) & (trial.A[0].midpoint - trial.A[0].radius > error.A))
    if bad.any():
        l, i = (int(k) for k in np.argwhere(bad)[0])
        yield found(f"A[{l}, {i}] = {A[l, i]}, but must be positive")
    yield AGREED


@check(1, needs=("softmax",), turns=every(1))
def shift_invariance(trial: Trial) -> Found:
    """A constant added to every logit of a column changes nothing."""
    if trial.law.own:
        yield from _shifted(trial)
        return
    Z, p = trial.Z, trial.problem.precision
    if trial.problem.masked.any():
        raise Skip("a masked class has no shift")
    top = float(abs(Z).max()) or 1.0
    grid = 2.0 ** (np.frexp(top)[1] + 2) * 2 * p.u  # every multiple of this up to 4 max|Z| is representable
    if not p.tiny < grid < p.huge * p.u / 16:
        raise Skip("no shift of these logits is exact in this precision")
    coarse = np.round(Z / grid) * grid
    shift = np.round(top / grid) * grid * trial.random.choice([-1.0, 1.0])
    A = referees.softmax(coarse, trial.problem.theta.dtype)
    allowed = trial.softmax_allowed(coarse + shift, A).A
    require_bounded(allowed)
    yield Comparison("A of shifted Z", trial.softmax(coarse + shift), A, allowed)


def _shifted(trial: Trial) -> Found:
    """Of one's own loss: its gradients, and the loss, where the logits of every sample are shifted by parameters."""
    law = "shift_invariance"
    require_law(trial, law)
    posed = lawful.shifted(trial.problem)
    if not all(np.isfinite(array).all() for array in posed.reals):
        raise Skip("no shift of these parameters is finite in this precision")
    for key in offered(trial):
        due = reworded(trial, law, QUANTITY[key], posed)
        yield Comparison(f"{SYMBOLS[key]}, logits shifted", trial.gradient(key, posed), *due)
    if trial.implementation.loss is not None:
        yield Comparison("ℒ, logits shifted", np.asarray(trial.loss(posed)), *reworded(trial, law, "loss", posed))


@check(6, needs=("softmax",), turns=every(1))
def columns_do_not_mix(trial: Trial) -> Found:
    """∂A_li/∂Z_kj = 0 for i ≠ j: other columns may change as they like."""
    if trial.problem.n == 1:
        raise Skip("one sample has no other columns")
    i = trial.column
    Z = np.roll(trial.Z, 1, axis=0) / 2
    Z[:, i] = trial.Z[:, i]
    if not np.array_equal(np.isneginf(Z), np.isneginf(trial.Z)):
        raise Skip("a masked class cannot trade places")
    A, error = trial.A
    yield Comparison(
        "A", trial.softmax(trial.problem.precision.round(Z).astype(float))[:, i], A.take(slice(None), i), error.A[:, i]
    )


# ---- sums over classes ----


def _sum_of(truth: Enclosure, own: Enclosure) -> Enclosure:
    """The sums over the classes of an enclosure, with the rounding of another sum of as many terms."""
    total, off = truth.midpoint.sum(axis=0), truth.radius.sum(axis=0)
    rounded = 2 * len(truth.midpoint) * U64 * abs(truth.midpoint).sum(axis=0)
    return Enclosure(total, outward(off + rounded + own.radius, len(truth.midpoint) + 8))


SUMS = {key: f"{name}_gradient_sums_to_zero" for key, name in (("Z", "logits"), ("theta", "theta"), ("b", "bias"))}


def _sums_to_zero(trial: Trial, key: str) -> Comparison:
    gradient = trial.gradient(key)
    require_law(trial, SUMS[key])
    total, own = zero(gradient, 0)
    if trial.law.own:  # which need not hold of every problem: what the truth adds up to
        own = _sum_of(trial.truth.enclosure(QUANTITY[key]), own)
    allowed = trial.truth.allowed(QUANTITY[key]).sum(axis=0)
    require_bounded(allowed)
    return Comparison(f"sum of {SYMBOLS[key]} over classes", total, own, allowed, abs(gradient).sum(axis=0))


@check(10, needs=("gradients",), turns=every(3), bars=(bars.added_to("Z"),))
def logits_gradient_sums_to_zero(trial: Trial) -> Found:
    """Each column of ∂ℒ/∂Z sums to zero over the classes."""
    yield _sums_to_zero(trial, "Z")


@check(17, needs=("gradients",), turns=every(3), bars=(bars.added_to("theta"),))
def theta_gradient_sums_to_zero(trial: Trial) -> Found:
    """Each column of ∂ℒ/∂θ sums to zero over the classes."""
    yield _sums_to_zero(trial, "theta")


@check(18, needs=("gradients",), turns=every(3), bars=(bars.added_to("b"),))
def bias_gradient_sums_to_zero(trial: Trial) -> Found:
    """∂ℒ/∂b sums to zero over the classes."""
    yield _sums_to_zero(trial, "b")


# ---- the Jacobian ----


@check(6, needs=("softmax_jacobian",), turns=every(0))
def jacobian_is_symmetric(trial: Trial) -> Found:
    """∂A_l/∂Z_k = ∂A_k/∂Z_l."""
    J, (_, allowed) = trial.jacobian(), jacobian_truth(trial)
    require_bounded(allowed)
    own = Enclosure(np.zeros_like(J), 2 * U64 * abs(J))
    yield Comparison("∂A/∂Z - its transpose", J - J.T, own, allowed + allowed.T, abs(J))


@check(5, 6, needs=("softmax_jacobian",), turns=every(0))
def jacobian_rows_sum_to_zero(trial: Trial) -> Found:
    """Each row of ∂A/∂Z sums to zero."""
    J = trial.jacobian()
    total, own = zero(J, 1)
    require_bounded(jacobian_truth(trial)[1])
    yield Comparison("row sum of ∂A/∂Z", total, own, jacobian_truth(trial)[1].sum(axis=1), abs(J).sum(axis=1))


@check(22, needs=("softmax_jacobian",), turns=every(0))
def jacobian_is_positive_semidefinite(trial: Trial) -> Found:
    """vᵀ ∂A/∂Z v ≥ 0, at the eigenvector where it is least."""
    J, (_, allowed) = trial.jacobian(), jacobian_truth(trial)
    require_bounded(allowed)
    if not np.isfinite(J).all():
        yield found("∂A/∂Z has entries that are not finite")
        return
    scaled = J / (abs(J).max() or 1.0)
    v = np.linalg.eigh((scaled + scaled.T) / 2)[1][:, 0]
    w = abs(v)
    size = w @ abs(J) @ w
    own = outward(4 * (len(v) + 4) * U64 * size)
    form = np.minimum(v @ J @ v, 0.0)
    yield Comparison("vᵀ ∂A/∂Z v", np.asarray(form), Enclosure(np.zeros(()), own), w @ allowed @ w, size)
