"""The same problem in other words: what must follow from the first result, whatever the numbers are.

A law is judged by where the transformed result must lie, since the truth transforms exactly.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck import referees
from gradcheck.checks import bars, own
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.relations import QUANTITY, SYMBOLS, offered
from gradcheck.checks.table import check, every
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.problem import Problem
from gradcheck.referees import lawful
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]


def _reworded(trial: Trial, law: str, key: str, other: Problem, places: tuple[Any, ...]) -> tuple[Enclosure, Reals]:
    """What a gradient of the same problem in other words is: the same in other places. One's own loss may be read of it."""
    quantity = QUANTITY[key]
    if trial.law.own:
        return own.permuted(trial, law, quantity, other, places)
    return trial.truth.enclosure(quantity).take(*places), trial.truth.allowed(quantity)[places]


@check(10, 17, 18, needs=("gradients",), turns=every(3), bars=(bars.named_classes,))
def class_permutation(trial: Trial) -> Found:
    """Renaming the classes permutes the rows of every gradient."""
    order = np.roll(np.arange(trial.problem.L), 1)
    renamed = lawful.classes(trial.problem)
    for key in offered(trial):
        rows = slice(None) if key == "X" else order
        truth, allowed = _reworded(trial, "class_permutation", key, renamed, (rows,))
        yield Comparison(f"{SYMBOLS[key]}, classes renamed", trial.gradient(key, renamed), truth, allowed)


@check(10, 17, 18, needs=("gradients",), turns=every(3))
def sample_permutation(trial: Trial) -> Found:
    """The order of the samples changes neither ∂ℒ/∂θ nor ∂ℒ/∂b, and permutes the columns of ∂ℒ/∂Z and ∂ℒ/∂X."""
    order = np.roll(np.arange(trial.problem.n), 1)
    if len(order) == 1:
        raise Skip("one sample has one order")
    shuffled = lawful.samples(trial.problem)
    for key in offered(trial):
        columns = order if key in ("Z", "X") else slice(None)
        truth, allowed = _reworded(trial, "sample_permutation", key, shuffled, (slice(None), columns))
        yield Comparison(f"{SYMBOLS[key]}, samples reordered", trial.gradient(key, shuffled), truth, allowed)


@check(2, needs=("gradients",), turns=every(1))
def duplicated_batch(trial: Trial) -> Found:
    """Every sample twice: the mean leaves ∂ℒ/∂θ and ∂ℒ/∂b as they were."""
    twice = lawful.twice(trial.problem)
    for key in ("theta", "b"):
        if key in trial.raw_gradients():
            due = _of_twice(trial, "duplicated_batch", key, twice)
            yield Comparison(f"{SYMBOLS[key]}, batch twice", trial.gradient(key, twice), *due)
    if not {"theta", "b"} & set(trial.raw_gradients()):
        raise Skip("gradients returns neither 'theta' nor 'b'")


def _of_twice(trial: Trial, law: str, quantity: str, twice: Problem) -> tuple[Enclosure, Reals]:
    """What a quantity is, and may be off by, with every sample twice: for the paper's loss the same; others are evaluated."""
    if trial.law.plain:
        return trial.truth.enclosure(quantity), trial.truth.allowed_twice(quantity)
    if trial.law.own:
        return own.reworded(trial, law, quantity, twice)
    truth = trial.truth_of(twice)
    return truth.enclosure(quantity), truth.allowed(quantity)


@check(18, needs=("gradients",), turns=every(1), bars=(bars.penalised,))
def bias_is_a_weight(trial: Trial) -> Found:
    """b behaves as the column of theta that belongs to a feature which is always 1."""
    p = trial.problem
    if p.masked.any():
        raise Skip("theta has no entries of -inf")
    ones = np.ones((1, p.n), dtype=p.X.dtype)
    wider = p.with_arrays(np.concatenate([p.theta, p.b], axis=1), np.zeros_like(p.b), np.concatenate([p.X, ones]), p.Y)
    computed, known = trial.gradient("theta", wider), trial.truth
    for part, key in ((slice(None, -1), "theta"), (slice(-1, None), "b")):
        # one product and one sum more, but b * 1 and + 0 are exact: d + 1 roundings, as before
        yield Comparison(f"{SYMBOLS[key]} as weights", computed[:, part], known.enclosure(key), known.allowed(key))


@check(7, 8, 9, needs=("gradients",), turns=every(1))
def one_sample(trial: Trial) -> Found:
    """Column i of ∂ℒ/∂Z is (1/n)(A_i - e_label): n times it is the gradient of sample i alone."""
    i, n = trial.column, trial.problem.n
    p, only = trial.problem, slice(i, i + 1)
    alone = p.with_arrays(p.theta, p.b, p.X[:, only], p.Y[:, only])
    if not (trial.law.own or alone.divisor > 0):
        raise Skip("a sample that does not count is alone, and the mean of nothing is 0/0")
    if trial.law.own:
        yield Comparison("∂ℒ/∂Z of one sample", trial.gradient("Z", alone), *own.of(trial, "D", alone, "one_sample"))
        return
    if not trial.law.plain:
        truth = trial.truth_of(alone)
        yield Comparison("∂ℒ/∂Z of one sample", trial.gradient("Z", alone), truth.enclosure("D"), truth.allowed("D"))
        return
    D, allowed = trial.truth.enclosure("D").take(slice(None), slice(i, i + 1)), trial.truth.allowed("D")[:, i : i + 1]
    scaled = Enclosure(n * D.midpoint, outward(n * D.radius + 2 * U64 * n * abs(D.midpoint)))
    yield Comparison("∂ℒ/∂Z of one sample", trial.gradient("Z", alone), scaled, outward(n * allowed))


@check(21, needs=("gradients",), turns=every(3))
def theta_gradient_from_logits_gradient(trial: Trial) -> Found:
    """∂Z/∂θ = Xᵀ: its own ∂ℒ/∂θ is its own ∂ℒ/∂Z times Xᵀ, and the penalty's."""
    theta, _, X, _ = trial.problem.reals
    yield _from_logits(trial, "theta", lambda D, size: D @ size(X).T, trial.problem.n, trial.law.l2 * theta)


@check(15, needs=("gradients",), turns=every(3))
def bias_gradient_from_logits_gradient(trial: Trial) -> Found:
    """Its own ∂ℒ/∂b is the row sums of its own ∂ℒ/∂Z, and the penalty's."""
    b, law = trial.problem.reals[1], trial.law
    penalty = law.l2 * b if law.l2_bias else np.zeros_like(b)
    yield _from_logits(trial, "b", lambda D, size: D.sum(axis=1, keepdims=True), trial.problem.n, penalty)


@check(3, 20, needs=("gradients",), turns=every(3))
def data_gradient_from_logits_gradient(trial: Trial) -> Found:
    """∂Z/∂X = θ: its own ∂ℒ/∂X is θᵀ times its own ∂ℒ/∂Z."""
    theta, _, X, _ = trial.problem.reals
    yield _from_logits(trial, "X", lambda D, size: size(theta).T @ D, trial.problem.L, 0 * X)


def _from_logits(trial: Trial, key: str, formed: Callable[..., Reals], terms: int, penalty: Reals) -> Comparison:
    """One gradient, formed of its own ∂ℒ/∂Z, a sum of so many terms; `formed` with abs gives the size of what is added up."""
    computed, D, truth = trial.gradient(key), trial.gradient("Z"), trial.truth
    require_bounded(truth.allowed(key), truth.allowed("D"))
    rounded = outward(2 * (terms + 4) * U64 * (formed(abs(D), np.abs) + abs(penalty)))
    allowed = outward(truth.allowed(key) + formed(truth.allowed("D"), np.abs), terms + 8)
    return Comparison(SYMBOLS[key], computed, Enclosure(formed(D, np.asarray) + penalty, rounded), allowed)


@check(1, 17, needs=("gradients",), turns=every(3), bars=(bars.not_logistic,))
def two_classes_are_logistic(trial: Trial) -> Found:
    """L = 2 is the logistic model: ∂ℒ/∂θ = ±(σ(w x + v) - y) xᵀ/n with w = θ₁ - θ₀, v = b₁ - b₀."""
    p = trial.problem
    if p.L != 2 or not p.unit_mass or p.masked.any():
        raise Skip(bars.LOGISTIC)
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
    twice = lawful.twice(trial.problem)
    law = "loss_of_a_duplicated_batch"
    yield Comparison("ℒ, batch twice", np.asarray(trial.loss(twice)), *_of_twice(trial, law, "loss", twice))
