"""Laws between two runs, or between parts of one: what must hold whatever the numbers are.

A law is judged by where the transformed result must lie, since the truth transforms exactly.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck import referees
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.table import AGREED, check, every, found
from gradcheck.checks.trial import Trial
from gradcheck.checks.values import jacobian_truth
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]
SYMBOLS = {"theta": "∂ℒ/∂θ", "b": "∂ℒ/∂b", "Z": "∂ℒ/∂Z"}
QUANTITY = {"theta": "theta", "b": "b", "Z": "D"}


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


def _sums_to_zero(trial: Trial, key: str) -> Comparison:
    gradient = trial.gradient(key)
    total, own = zero(gradient, 0)
    allowed = trial.truth.allowed(QUANTITY[key]).sum(axis=0)
    require_bounded(allowed)
    return Comparison(f"sum of {SYMBOLS[key]} over classes", total, own, allowed, abs(gradient).sum(axis=0))


@check(10, needs=("gradients",), turns=every(3))
def logits_gradient_sums_to_zero(trial: Trial) -> Found:
    """Each column of ∂ℒ/∂Z sums to zero over the classes."""
    yield _sums_to_zero(trial, "Z")


@check(17, needs=("gradients",), turns=every(3))
def theta_gradient_sums_to_zero(trial: Trial) -> Found:
    """Each column of ∂ℒ/∂θ sums to zero over the classes."""
    yield _sums_to_zero(trial, "theta")


@check(18, needs=("gradients",), turns=every(3))
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


# ---- the same problem in other words ----


def _permuted(problem: Problem, classes: Any = slice(None), samples: Any = slice(None)) -> Problem:
    return problem.with_arrays(
        problem.theta[classes], problem.b[classes], problem.X[:, samples], problem.Y[classes][:, samples]
    )


def _twice(p: Problem) -> Problem:
    """Every sample twice."""
    return p.with_arrays(p.theta, p.b, np.concatenate([p.X, p.X], axis=1), np.concatenate([p.Y, p.Y], axis=1))


@check(10, 17, 18, needs=("gradients",), turns=every(3))
def class_permutation(trial: Trial) -> Found:
    """Renaming the classes permutes the rows of every gradient."""
    order = np.roll(np.arange(trial.problem.L), 1)
    renamed = _permuted(trial.problem, classes=order)
    for key in offered(trial):
        truth, allowed = trial.truth.enclosure(QUANTITY[key]), trial.truth.allowed(QUANTITY[key])
        yield Comparison(
            f"{SYMBOLS[key]}, classes renamed", trial.gradient(key, renamed), truth.take(order), allowed[order]
        )


@check(10, 17, 18, needs=("gradients",), turns=every(3))
def sample_permutation(trial: Trial) -> Found:
    """The order of the samples changes neither ∂ℒ/∂θ nor ∂ℒ/∂b, and permutes the columns of ∂ℒ/∂Z."""
    order = np.roll(np.arange(trial.problem.n), 1)
    if len(order) == 1:
        raise Skip("one sample has one order")
    shuffled = _permuted(trial.problem, samples=order)
    for key in offered(trial):
        truth, allowed = trial.truth.enclosure(QUANTITY[key]), trial.truth.allowed(QUANTITY[key])
        if key == "Z":
            truth, allowed = truth.take(slice(None), order), allowed[:, order]
        yield Comparison(f"{SYMBOLS[key]}, samples reordered", trial.gradient(key, shuffled), truth, allowed)


@check(2, needs=("gradients",), turns=every(1))
def duplicated_batch(trial: Trial) -> Found:
    """Every sample twice: the mean leaves ∂ℒ/∂θ and ∂ℒ/∂b as they were."""
    twice = _twice(trial.problem)
    for key in ("theta", "b"):
        if key in trial.raw_gradients():
            truth, allowed = trial.truth.enclosure(key), trial.truth.allowed_twice(key)
            yield Comparison(f"{SYMBOLS[key]}, batch twice", trial.gradient(key, twice), truth, allowed)
    if not {"theta", "b"} & set(trial.raw_gradients()):
        raise Skip("gradients returns neither 'theta' nor 'b'")


@check(18, needs=("gradients",), turns=every(1))
def bias_is_a_weight(trial: Trial) -> Found:
    """b behaves as the column of theta that belongs to a feature which is always 1."""
    p = trial.problem
    if p.masked.any():
        raise Skip("theta has no entries of -inf")
    ones = np.ones((1, p.n), dtype=p.X.dtype)
    wider = p.with_arrays(np.concatenate([p.theta, p.b], axis=1), np.zeros_like(p.b), np.concatenate([p.X, ones]), p.Y)
    computed = trial.gradient("theta", wider)
    for part, key in ((slice(None, -1), "theta"), (slice(-1, None), "b")):
        # one product and one sum more, but b * 1 and + 0 are exact: d + 1 roundings, as before
        allowed = trial.truth.allowed(key)
        yield Comparison(f"{SYMBOLS[key]} as weights", computed[:, part], trial.truth.enclosure(key), allowed)


@check(7, 8, 9, needs=("gradients",), turns=every(1))
def one_sample(trial: Trial) -> Found:
    """Column i of ∂ℒ/∂Z is (1/n)(A_i - e_label): n times it is the gradient of sample i alone."""
    i, n = trial.column, trial.problem.n
    alone = _permuted(trial.problem, samples=slice(i, i + 1))
    D, allowed = trial.truth.enclosure("D").take(slice(None), slice(i, i + 1)), trial.truth.allowed("D")[:, i : i + 1]
    scaled = Enclosure(n * D.midpoint, outward(n * D.radius + 2 * U64 * n * abs(D.midpoint)))
    yield Comparison("∂ℒ/∂Z of one sample", trial.gradient("Z", alone), scaled, outward(n * allowed))


@check(21, needs=("gradients",), turns=every(3))
def theta_gradient_from_logits_gradient(trial: Trial) -> Found:
    """∂Z/∂θ = Xᵀ: its own ∂ℒ/∂θ is its own ∂ℒ/∂Z times Xᵀ."""
    X, truth = abs(trial.problem.reals[2]), trial.truth
    require_bounded(truth.allowed("theta"), truth.allowed("D"))
    D = trial.gradient("Z")
    own = outward(2 * (trial.problem.n + 4) * U64 * (abs(D) @ X.T))
    allowed = outward(truth.allowed("theta") + truth.allowed("D") @ X.T, trial.problem.n + 8)
    yield Comparison("∂ℒ/∂θ", trial.gradient("theta"), Enclosure(D @ trial.problem.reals[2].T, own), allowed)


@check(15, needs=("gradients",), turns=every(3))
def bias_gradient_from_logits_gradient(trial: Trial) -> Found:
    """Its own ∂ℒ/∂b is the row sums of its own ∂ℒ/∂Z."""
    D, truth = trial.gradient("Z"), trial.truth
    require_bounded(truth.allowed("b"), truth.allowed("D"))
    own = outward(2 * (trial.problem.n + 4) * U64 * abs(D).sum(axis=1, keepdims=True))
    allowed = outward(truth.allowed("b") + truth.allowed("D").sum(axis=1, keepdims=True), trial.problem.n + 8)
    yield Comparison("∂ℒ/∂b", trial.gradient("b"), Enclosure(D.sum(axis=1, keepdims=True), own), allowed)


@check(1, 17, needs=("gradients",), turns=every(3))
def two_classes_are_logistic(trial: Trial) -> Found:
    """L = 2 is the logistic model: ∂ℒ/∂θ = ±(σ(w x + v) - y) xᵀ/n with w = θ₁ - θ₀, v = b₁ - b₀."""
    p = trial.problem
    if p.L != 2 or not p.unit_mass or p.masked.any():
        raise Skip("posed for two classes and labels that sum to 1")
    if p.X.size > referees.BALL_ENTRIES:
        raise Skip("posed for small problems")
    round_ = p.precision.round
    w, v = round_(p.reals[0][1:] - p.reals[0][:1]), round_(p.reals[1][1:] - p.reals[1][:1])
    if not (np.isfinite(w.astype(float)).all() and np.isfinite(v.astype(float)).all()):
        raise Skip("the difference of the classes overflows in this precision")
    reduced = p.with_arrays(np.concatenate([0 * w, w]), np.concatenate([0 * v, v]), p.X, p.Y)
    sharp, wide = referees.ball.logistic_gradient(reduced), trial.truth_of(reduced)
    yield Comparison("∂ℒ/∂θ", trial.gradient("theta", reduced), sharp, wide.allowed("theta"))


# ---- the loss ----


@check(2, needs=("loss",), turns=every(3))
def loss_is_not_negative(trial: Trial) -> Found:
    """No probability exceeds 1, so the loss is at least 0."""
    below, none = np.asarray(min(trial.loss(), 0.0)), np.zeros(())
    size = trial.truth.enclosure("loss").magnitude
    yield Comparison("ℒ below 0", below, Enclosure(none, none), trial.truth.allowed("loss"), size)


@check(2, needs=("loss",), turns=every(1))
def loss_of_a_duplicated_batch(trial: Trial) -> Found:
    """Every sample twice: the mean leaves the loss as it was."""
    twice = _twice(trial.problem)
    allowed = trial.truth.allowed_twice("loss")
    yield Comparison("ℒ, batch twice", np.asarray(trial.loss(twice)), trial.truth.enclosure("loss"), allowed)
