"""What each check compares, and how far it lets correct code be off: exactly what docs/bounds.md grants in section 9, and no more.

A law with a looser allowance would still agree with correct code, and catch less. So each law stands here a second time.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from wrong import RIGHT

from gradcheck import Implementation, Problem, bounds, judge, model, precision, referees
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.reading import Skip
from gradcheck.enclosure import Enclosure
from gradcheck.implementations import adapt
from gradcheck.referees import (
    ball,
    central,
    central_logits,
    central_softmax,
    complex_step,
    cumulants,
    float64,
    forward,
    scipy_check_grad,
)
from gradcheck.referees.cumulants import Move
from gradcheck.verdict import Comparison, Outcome

U64 = 2.0**-53
SAME = 2.0**-40  # far less than any term, and far more than what float64 loses in working one out


def posed(theta, b, X, Y, dtype="float64"):
    return Problem(*(np.array(array, dtype=dtype) for array in (theta, b, X, Y)))


def labels(*classes, L):
    return np.eye(L)[:, list(classes)]


PROBLEMS = {
    "two classes": posed(
        [[0.25, -0.5], [0.5, 0.75]], [[0.25], [-0.5]], [[0.5, -1.0, 1.0], [0.5, 1.0, 0.0]], labels(1, 0, 1, L=2)
    ),
    "three classes": posed(
        [[1.0], [0.0], [-1.0]], [[0.5], [1.5], [0.25]], [[0.5, 0.0, -0.25, 1.0]], labels(0, 2, 1, 1, L=3)
    ),
    "one sample": posed([[1.0], [-1.0]], [[0.0], [0.25]], [[0.5]], labels(1, L=2)),
    "masses": posed([[1.0], [-1.0]], [[0.5], [0.0]], [[0.5, 1.0, 0.25]], [[3.0, 0.0, 0.5], [1.0, 0.0, 0.0]]),
    "single precision": posed([[0.25], [0.5]], [[0.25], [-0.5]], [[0.5, -1.0, 1.0]], labels(1, 0, 1, L=2), "float32"),
    "half precision": posed([[0.25], [0.5]], [[0.25], [-0.5]], [[0.5, -1.0, 1.0]], labels(1, 0, 1, L=2), "float16"),
    "a masked class": posed([[1.0], [2.0], [-1.0]], [[0.5], [-np.inf], [0.0]], [[0.5, 1.0]], labels(0, 2, L=3)),
}
EVERY_PROBLEM = pytest.mark.parametrize("name", PROBLEMS)
Row = tuple[str, Any, Any, Any, Any, Any]  # quantity, computed, midpoint, radius, allowed, scale


def same(found, formula) -> bool:
    """Equal shapes, and equal numbers but for the rounding of this file."""
    found, formula = np.asarray(found, dtype=float), np.asarray(formula, dtype=float)
    return found.shape == formula.shape and bool(
        ((abs(found - formula) <= abs(formula) * SAME + 2.0**-1060) | (found == formula)).all()
    )


def close(found, formula) -> bool:
    """The same for values that may cancel: equal to a few units of 1."""
    found, formula = np.asarray(found, dtype=float), np.asarray(formula, dtype=float)
    with np.errstate(invalid="ignore"):
        near = (abs(found - formula) <= 2.0**-46) | (found == formula)
    return found.shape == formula.shape and bool(near.all())


def trial(problem, implementation=RIGHT) -> Trial:
    return Trial(adapt(implementation), problem)


def compared(check: str, problem: Problem, implementation: Implementation = RIGHT) -> list[Comparison] | str:
    """What a check compares, or why it does not."""
    asked = trial(problem, implementation)
    if barred := CHECKS[check].barred(asked.implementation, asked.law, problem.precision.name):
        return barred
    with np.errstate(all="ignore"):
        try:
            return [c for c in CHECKS[check].function(asked) if isinstance(c, Comparison)]
        except Skip as reason:
            return str(reason)


def assert_is(found: list[Comparison] | str, rows: list[Row]) -> None:
    assert not isinstance(found, str), found
    assert [c.quantity for c in found] == [row[0] for row in rows]
    for c, (_, computed, midpoint, radius, allowed, scale) in zip(found, rows, strict=True):
        assert close(c.computed, computed), c.quantity
        assert close(c.referee.midpoint, midpoint), c.quantity
        assert same(c.referee.radius, radius), c.quantity
        assert same(c.allowed, allowed), c.quantity
        assert (c.scale is None) == (scale is None)
        assert scale is None or same(c.scale, scale), c.quantity


# ---- the truth and the values of the right implementation, worked out here ----


class Right:
    """Of a problem: the right values as float64, and for each quantity its enclosure and its rounding bound."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.trial = problem, trial(problem)
        arrays = problem.arrays()
        with np.errstate(all="ignore"):
            found = {**model.gradients(*arrays), "loss": model.loss(*arrays), "logits": model.logits(*arrays[:3])}
        self.value = {key: np.asarray(value).astype(float) for key, value in found.items()}
        self.truth = referees.oracle(problem)
        self.Z = problem.precision.round(self.truth.enclosure("Z").midpoint).astype(float)
        self.softmax = model.softmax(self.Z.astype(problem.theta.dtype)).astype(float)
        self.A, self.error = referees.softmax(self.Z, problem.theta.dtype), self.trial.A[1]
        self.i = int(problem.digest[:8], 16) % problem.n
        z = self.Z[:, self.i]
        self.jacobian = model.softmax_jacobian(z.astype(problem.theta.dtype)).astype(float)
        self.J = referees.softmax_jacobian(z, problem.theta.dtype)
        at = self.A.take(slice(None), self.i)
        self.J_allowed = bounds.jacobian_error(at, self.error.A[:, self.i], problem.precision)

    def row(self, symbol: str, computed: Any, quantity: str, scale: Any = None) -> Row:
        enclosure = self.truth.enclosure(quantity)
        return symbol, computed, enclosure.midpoint, enclosure.radius, self.truth.allowed(quantity), scale


VALUES: dict[str, Callable[[Right], list[Row]]] = {
    "logits": lambda r: [r.row("Z", r.value["logits"], "Z")],
    "softmax": lambda r: [("A", r.softmax, r.A.midpoint, r.A.radius, r.error.A, None)],
    "loss": lambda r: [r.row("ℒ", r.value["loss"], "loss")],
    "logits_gradient": lambda r: [r.row("∂ℒ/∂Z", r.value["Z"], "D")],
    "theta_gradient": lambda r: [r.row("∂ℒ/∂θ", r.value["theta"], "theta")],
    "bias_gradient": lambda r: [r.row("∂ℒ/∂b", r.value["b"], "b")],
    "data_gradient": lambda r: [r.row("∂ℒ/∂X", r.value["X"], "X")],
}


def jacobian_diagonal(r: Right) -> list[Row]:
    return [("∂A/∂Z (diagonal)", *(np.diag(x) for x in (r.jacobian, r.J.midpoint, r.J.radius, r.J_allowed)), None)]


def jacobian_off_diagonal(r: Right) -> list[Row]:
    parts = (r.jacobian, r.J.midpoint, r.J.radius, r.J_allowed)
    return [("∂A/∂Z", *(x - np.diag(np.diag(x)) for x in parts), None)]


def share(r: Right) -> tuple[Any, Any, Any]:
    """-y/(nA) from the computed and from the exact A, and what separates them: (1 + expm1 relative) (1 + 2 radius/A) - 1."""
    y, n, i = r.problem.reals[3][:, r.i], r.problem.n, r.i
    computed, truth, apart = np.zeros(len(y)), np.zeros(len(y)), np.zeros(len(y))
    for l in np.flatnonzero(y):
        computed[l], truth[l] = -y[l] / (n * r.softmax[l, i]), -y[l] / (n * r.A.midpoint[l, i])
        rounded, known = math.expm1(r.error.relative[l, i]), 2 * r.A.radius[l, i] / r.A.midpoint[l, i]
        apart[l] = abs(truth[l]) * (rounded + known + rounded * known + 12 * U64 * (1 + rounded))
    return computed, truth, apart


def probabilities_gradient(r: Right) -> list[Row]:
    computed, truth, apart = share(r)
    return [("∂ℒ/∂A", computed, truth, np.zeros(len(truth)), apart, None)]


def chain_rule(r: Right) -> list[Row]:
    computed, truth, apart = share(r)
    y, n, L = r.problem.reals[3][:, r.i], r.problem.n, r.problem.L
    a, radius = r.A.midpoint[:, r.i], r.A.radius[:, r.i]
    J = abs(r.J.midpoint) + r.J.radius
    most = abs(truth) + apart
    own = (radius * y.sum() + (L + 8) * U64 * (a * y.sum() + y)) / n + 2 * (L + 8) * U64 * (most @ (J + r.J_allowed))
    exact = (a * y.sum() - y) / n
    allowed = apart @ J + most @ r.J_allowed
    return [("∂ℒ/∂Z by the chain rule", computed @ r.jacobian, exact, own, allowed, None)]


def probabilities_sum_to_one(r: Right) -> list[Row]:
    total = r.softmax.sum(axis=0)
    own = 2 * r.problem.L * U64 * total + U64 * total
    return [("sum of A", total - 1, 0 * total, own, r.error.A.sum(axis=0), total)]


def shift_invariance(r: Right) -> list[Row]:
    """Z on a grid of which every multiple up to 4 max|Z| is representable, and a shift of max|Z| up or down."""
    p = r.problem.precision
    top = abs(r.Z).max()
    grid = 2.0 ** (math.frexp(top)[1] + 2) * 2 * p.u
    coarse = np.round(r.Z / grid) * grid
    shift = np.round(top / grid) * grid * np.random.default_rng(int(r.problem.digest[:16], 16)).choice([-1.0, 1.0])
    A = referees.softmax(coarse, r.problem.theta.dtype)
    exact = np.zeros_like(coarse)
    allowed = bounds.softmax_error(Enclosure(coarse + shift, exact), exact, np.minimum(A.magnitude, 1.0), p)
    computed = model.softmax((coarse + shift).astype(r.problem.theta.dtype)).astype(float)
    return [("A of shifted Z", computed, A.midpoint, A.radius, allowed.A, None)]


def columns_do_not_mix(r: Right) -> list[Row]:
    i = r.i
    return [("A", r.softmax[:, i], r.A.midpoint[:, i], r.A.radius[:, i], r.error.A[:, i], None)]


def sums_to_zero(symbol: str, key: str, quantity: str) -> Callable[[Right], list[Row]]:
    def rows(r: Right) -> list[Row]:
        g = r.value[key]
        size = abs(g).sum(axis=0)
        allowed = r.truth.allowed(quantity).sum(axis=0)
        return [(f"sum of {symbol} over classes", g.sum(axis=0), 0 * size, 2 * r.problem.L * U64 * size, allowed, size)]

    return rows


def jacobian_is_symmetric(r: Right) -> list[Row]:
    J = r.jacobian
    return [("∂A/∂Z - its transpose", J - J.T, 0 * J, 2 * U64 * abs(J), r.J_allowed + r.J_allowed.T, abs(J))]


def jacobian_rows_sum_to_zero(r: Right) -> list[Row]:
    J, size = r.jacobian, abs(r.jacobian).sum(axis=1)
    own = 2 * r.problem.L * U64 * size
    return [("row sum of ∂A/∂Z", J.sum(axis=1), 0 * size, own, r.J_allowed.sum(axis=1), size)]


def jacobian_is_positive_semidefinite(r: Right) -> list[Row]:
    J, L = r.jacobian, r.problem.L
    scaled = J / abs(J).max()
    v = np.linalg.eigh((scaled + scaled.T) / 2)[1][:, 0]
    size, allowed = abs(v) @ abs(J) @ abs(v), abs(v) @ r.J_allowed @ abs(v)
    return [("vᵀ ∂A/∂Z v", min(v @ J @ v, 0), 0.0, 4 * (L + 4) * U64 * size, allowed, size)]


SYMBOLS = {"theta": ("∂ℒ/∂θ", "theta"), "b": ("∂ℒ/∂b", "b"), "Z": ("∂ℒ/∂Z", "D"), "X": ("∂ℒ/∂X", "X")}


def gradients_of(problem: Problem) -> dict[str, Any]:
    return {key: value.astype(float) for key, value in model.gradients(*problem.arrays()).items()}


def class_permutation(r: Right) -> list[Row]:
    p = r.problem
    order = [p.L - 1, *range(p.L - 1)]
    found = gradients_of(p.with_arrays(p.theta[order], p.b[order], p.X, p.Y[order]))
    rows = []
    for key, (symbol, quantity) in SYMBOLS.items():
        truth, allowed = r.truth.enclosure(quantity), r.truth.allowed(quantity)
        at = ... if key == "X" else order
        parts = (truth.midpoint[at], truth.radius[at], allowed[at])
        rows.append((f"{symbol}, classes renamed", found[key], *parts, None))
    return rows


def sample_permutation(r: Right) -> list[Row]:
    p = r.problem
    order = [p.n - 1, *range(p.n - 1)]
    found = gradients_of(p.with_arrays(p.theta, p.b, p.X[:, order], p.Y[:, order]))
    rows = []
    for key, (symbol, quantity) in SYMBOLS.items():
        at = (slice(None), order) if key in ("Z", "X") else ...
        truth, allowed = r.truth.enclosure(quantity), r.truth.allowed(quantity)
        parts = (truth.midpoint[at], truth.radius[at], allowed[at])
        rows.append((f"{symbol}, samples reordered", found[key], *parts, None))
    return rows


def twice(p: Problem) -> Problem:
    return p.with_arrays(p.theta, p.b, np.tile(p.X, 2), np.tile(p.Y, 2))


def duplicated_batch(r: Right) -> list[Row]:
    found, rows = gradients_of(twice(r.problem)), []
    for key in ("theta", "b"):
        truth = r.truth.enclosure(key)
        parts = (truth.midpoint, truth.radius, r.truth.allowed_twice(key))
        rows.append((f"{SYMBOLS[key][0]}, batch twice", found[key], *parts, None))
    return rows


def loss_of_a_duplicated_batch(r: Right) -> list[Row]:
    truth = r.truth.enclosure("loss")
    computed = float(model.loss(*twice(r.problem).arrays()))
    return [("ℒ, batch twice", computed, truth.midpoint, truth.radius, r.truth.allowed_twice("loss"), None)]


def bias_is_a_weight(r: Right) -> list[Row]:
    p = r.problem
    wider = p.with_arrays(np.hstack([p.theta, p.b]), 0 * p.b, np.vstack([p.X, 0 * p.X[:1] + 1]).astype(p.X.dtype), p.Y)
    found = gradients_of(wider)["theta"]
    parts = {"theta": found[:, : p.d], "b": found[:, p.d :]}
    return [r.row(f"{SYMBOLS[key][0]} as weights", value, key) for key, value in parts.items()]


def one_sample(r: Right) -> list[Row]:
    p, n, i = r.problem, r.problem.n, [r.i]
    found = gradients_of(p.with_arrays(p.theta, p.b, p.X[:, i], p.Y[:, i]))["Z"]
    D, allowed = r.truth.enclosure("D").take(slice(None), i), r.truth.allowed("D")[:, i]
    radius = n * D.radius + 2 * U64 * n * abs(D.midpoint)
    return [("∂ℒ/∂Z of one sample", found, n * D.midpoint, radius, n * allowed, None)]


def theta_gradient_from_logits_gradient(r: Right) -> list[Row]:
    D, X = r.value["Z"], r.problem.reals[2]
    own = 2 * (r.problem.n + 4) * U64 * (abs(D) @ abs(X).T)
    allowed = r.truth.allowed("theta") + r.truth.allowed("D") @ abs(X).T
    return [("∂ℒ/∂θ", r.value["theta"], D @ X.T, own, allowed, None)]


def bias_gradient_from_logits_gradient(r: Right) -> list[Row]:
    D, one = r.value["Z"], np.ones((r.problem.n, 1))
    own, allowed = 2 * (r.problem.n + 4) * U64 * (abs(D) @ one), r.truth.allowed("b") + r.truth.allowed("D") @ one
    return [("∂ℒ/∂b", r.value["b"], D @ one, own, allowed, None)]


def data_gradient_from_logits_gradient(r: Right) -> list[Row]:
    D, theta = r.value["Z"], r.problem.reals[0]
    own = 2 * (r.problem.L + 4) * U64 * (abs(theta).T @ abs(D))
    allowed = r.truth.allowed("X") + abs(theta).T @ r.truth.allowed("D")
    return [("∂ℒ/∂X", r.value["X"], theta.T @ D, own, allowed, None)]


def central_difference_X(r: Right) -> list[Row]:
    exact = truth64(r)
    found = central.entries(exact.problem, "X", float64.losses, exact.nearby_float64_error)
    return [("∂ℒ/∂X", r.value["X"], found.midpoint, found.radius, r.truth.allowed("X"), None)]


def two_classes_are_logistic(r: Right) -> list[Row]:
    p = r.problem
    reduced = p.with_arrays(
        np.stack([0 * p.theta[0], p.theta[1] - p.theta[0]]), np.stack([0 * p.b[0], p.b[1] - p.b[0]]), p.X, p.Y
    )
    sharp, allowed = ball.logistic_gradient(reduced), referees.oracle(reduced).allowed("theta")
    return [("∂ℒ/∂θ", gradients_of(reduced)["theta"], sharp.midpoint, sharp.radius, allowed, None)]


def loss_is_not_negative(r: Right) -> list[Row]:
    loss = r.truth.enclosure("loss")
    size = abs(loss.midpoint) + loss.radius
    return [("ℒ below 0", 0.0, 0.0, 0.0, r.truth.allowed("loss"), size)]


def direction(p: Problem) -> Move:
    """A sign for every parameter: first those of theta, then those of b."""
    rng = np.random.default_rng(int(p.digest[:16], 16))
    return Move(rng.choice([-1.0, 1.0], p.theta.shape), rng.choice([-1.0, 1.0], p.b.shape))


def projected(r: Right, what: str, move: Move, truth: Enclosure) -> list[Row]:
    """<gradient, move>, what the referee does not know of it, the rounding of the product, and the bounds along the move."""
    value = move.project(r.value["theta"], r.value["b"])
    allowed = (abs(move.theta) * r.truth.allowed("theta")).sum() + (abs(move.b) * r.truth.allowed("b")).sum()
    return [(what, value.midpoint, truth.midpoint, truth.radius + value.radius, allowed, None)]


def parameter(symbol: str, key: str) -> Callable[[Right], list[Row]]:
    """Every entry, then the gradient along the signs of this variable, the other one held."""

    def rows(r: Right) -> list[Row]:
        exact = truth64(r)
        found = central.entries(exact.problem, key, float64.losses, exact.nearby_float64_error)
        both = direction(r.problem)
        move = Move(both.theta, 0 * both.b) if key == "theta" else Move(0 * both.theta, both.b)
        taken = central.enclose(exact.problem, move, float64.loss, exact.nearby_float64_error)
        along = projected(r, f"{symbol} · direction", taken.move, taken.enclosure)
        return [(symbol, r.value[key], found.midpoint, found.radius, r.truth.allowed(key), None), *along]

    return rows


def truth64(r: Right) -> referees.Truth:
    return referees.Truth(Problem(*r.problem.reals), r.truth.values, r.truth.magnitude)


def summed(what: str, own: Any, move: Any, truth: Enclosure, allowed: Any) -> Row:
    """Sums over classes of own * move: the referee's radius and 2 (L + 2) u of the sizes; the bounds along the move."""
    size = (abs(own) * abs(move)).sum(axis=0)
    radius = truth.radius + 2 * (len(own) + 2) * U64 * size
    return what, (own * move).sum(axis=0), truth.midpoint, radius, (allowed * abs(move)).sum(axis=0), None


def signs(p: Problem, shape: tuple[int, ...]) -> Any:
    found = np.random.default_rng(int(p.digest[:16], 16)).choice([-1.0, 1.0], shape)
    found[1] = -found[0]
    return found


def central_difference_Z(r: Right) -> list[Row]:
    exact = truth64(r)
    arguments = exact.enclosure("Z"), r.problem.reals[3]
    losses = float64.sample_losses, exact.nearby_sample_errors
    found = central_logits.entries(*arguments, *losses)
    taken = central_logits.enclose(*arguments, signs(r.problem, r.Z.shape), *losses)
    D, allowed = r.value["Z"], r.truth.allowed("D")
    along = summed("∂ℒ/∂Z · direction", D, taken.move, taken.enclosure, allowed)
    return [("∂ℒ/∂Z", D, found.midpoint, found.radius, allowed, None), along]


def jacobian_rows(r: Right, what: str, taken: central_softmax.Taken) -> list[Row]:
    entries = (what, r.jacobian, taken.entries.midpoint, taken.entries.radius, r.J_allowed, None)
    along = summed(f"{what} · direction", r.jacobian.T, taken.move[:, np.newaxis], taken.along, r.J_allowed.T)
    return [entries, along]


def central_difference_jacobian(r: Right) -> list[Row]:
    z = r.Z[:, r.i]
    step = central_softmax.best_step(z, U64)
    taken = central_softmax.enclose(z, step, signs(r.problem, z.shape), float64.softmax, all_entries=True)
    return jacobian_rows(r, "∂A/∂Z", taken)


def own_softmax(r: Right, Z: Any) -> Any:
    return model.softmax(Z.astype(r.problem.theta.dtype)).astype(float)


def softmax_error(r: Right, Z: Any) -> Any:
    """Of exact logits, with what float64 knows of their softmax."""
    exact = np.zeros_like(Z)
    upper = np.minimum(float64.softmax(Z).magnitude, 1)
    return bounds.softmax_error(Enclosure(Z, exact), exact, upper, r.problem.precision).A


def jacobian_of_its_own_softmax(r: Right) -> list[Row]:
    """Steps for its unit roundoff, rounded to its precision; its own values, and what rounding may do to them."""
    z, p = r.Z[:, r.i], r.problem.precision
    taken = central_softmax.enclose(
        z,
        central_softmax.best_step(z, p.u),
        signs(r.problem, z.shape),
        lambda Z: Enclosure(own_softmax(r, Z), softmax_error(r, Z)),
        all_entries=True,
        rounded=lambda x: p.round(x).astype(float),
    )
    return jacobian_rows(r, "∂A/∂Z of its own softmax", taken)


def scipy_check_grad_jacobian(r: Right) -> list[Row]:
    """Of each A_l: curvature from the larger end of each step, the worst error of any end, and the bound of the row."""
    z, L = r.Z[:, r.i], r.problem.L
    h = scipy_check_grad.steps(np.ones(L), float(r.error.relative.max()), z)
    points = z[:, np.newaxis] + np.hstack([np.zeros((L, 1)), np.diag(h)])
    A, error = float64.softmax(points).magnitude, softmax_error(r, points).max(axis=1)
    bent, own = cumulants.softmax_curvature(np.maximum(A[:, :1], A[:, 1:])), own_softmax(r, points)
    rows = []
    for l in range(L):
        norm = scipy_check_grad.norm(
            lambda point, l=l: own_softmax(r, point[:, np.newaxis])[l, 0], lambda point, l=l: r.jacobian[l], z, h
        )
        limit = scipy_check_grad.limit(bent[l], h, error[l], own[l].max(), r.J_allowed[l])
        rows.append((f"check_grad of A[{l}]", norm, 0.0, 0.0, limit, np.linalg.norm(r.jacobian[l])))
    return rows


def mathematical(referee: Any) -> Callable[[Right], list[Row]]:
    def rows(r: Right) -> list[Row]:
        posed64 = Problem(*r.problem.reals)
        noise = referees.Truth(posed64, r.truth.values, r.truth.magnitude).nearby_float64_error
        taken = referee.enclose(posed64, direction(r.problem), float64.loss, noise)
        return projected(r, "gradient · direction", taken.move, taken.enclosure)

    return rows


def own_loss(problem: Problem) -> float:
    return float(model.loss(*problem.arrays()))


def gradient_of_its_own_loss(r: Right) -> list[Row]:
    taken = central.enclose(r.problem, direction(r.problem), own_loss, r.truth.nearby_loss_error)
    return projected(r, "own gradient · direction", taken.move, taken.enclosure)


def complex_step_of_its_own_loss(r: Right) -> list[Row]:
    along = direction(r.problem)
    truth = complex_step.enclose(r.truth, along, model.loss)
    return projected(r, "gradient · direction", along, truth)


def check_grad(variable: str, key: str) -> Callable[[Right], list[Row]]:
    """The norm that SciPy returns, the limit of truncation, rounding and the gradient's own error; and nothing known beside."""

    def rows(r: Right) -> list[Row]:
        p = r.problem
        if key == "Z":
            identity = np.eye(p.n, dtype=p.X.dtype)
            p = p.with_arrays(p.precision.round(r.truth.enclosure("Z").midpoint), 0 * p.b, identity, p.Y)
        truth, start = referees.oracle(p), getattr(p, variable)

        def at(flat: Any) -> tuple[Any, ...]:
            new = {variable: flat.reshape(start.shape)}
            return tuple(new.get(name, getattr(p, name)) for name in ("theta", "b", "X", "Y"))

        sizes = []

        def loss(flat: Any) -> float:
            sizes.append(float(model.loss(*at(flat))))
            return sizes[-1]

        moments, noise = scipy_check_grad.second_moments(p, variable), truth.nearby_loss_error
        h = scipy_check_grad.steps(moments, noise, start.ravel())
        gradient = model.gradients(*p.arrays())[key]
        found = scipy_check_grad.norm(loss, lambda flat: model.gradients(*at(flat))[key].ravel(), start.ravel(), h)
        limit = scipy_check_grad.limit(moments, h, noise, max(sizes), truth.allowed(variable).ravel())
        return [(f"check_grad over {variable}", found, 0.0, 0.0, limit, np.linalg.norm(gradient))]

    return rows


def loss_is_convex(r: Right) -> list[Row]:
    """What the middle of the rounded ends is away from p moves a loss by 2 max |change of Z| per unit of mass."""
    p, along = r.problem, direction(r.problem)
    step = cumulants.within_reach(p, along, 1.0)
    above, below = cumulants.moved(p, along, step), cumulants.moved(p, along, -step)
    aside = cumulants.between(p, above).change(p).minus(cumulants.between(below, p).change(p))
    moved = (p.reals[3].sum(axis=0) * 2 * (abs(aside.value) + aside.error).max(axis=0)).sum() / p.n
    up, down, here = own_loss(above), own_loss(below), own_loss(p)
    gap = here - (up + down) / 2
    own = moved + 4 * U64 * (abs(up) + abs(down) + abs(here))
    return [("ℒ above its chord", max(gap, 0.0), 0.0, own, 2 * r.truth.nearby_loss_error, abs(gap))]


LAWS: dict[str, Callable[[Right], list[Row]]] = {
    **VALUES,
    **{
        law.__name__: law
        for law in (
            jacobian_diagonal,
            jacobian_off_diagonal,
            probabilities_gradient,
            chain_rule,
            probabilities_sum_to_one,
            shift_invariance,
            columns_do_not_mix,
            jacobian_is_symmetric,
            jacobian_rows_sum_to_zero,
            jacobian_is_positive_semidefinite,
            class_permutation,
            sample_permutation,
            duplicated_batch,
            loss_of_a_duplicated_batch,
            bias_is_a_weight,
            one_sample,
            theta_gradient_from_logits_gradient,
            bias_gradient_from_logits_gradient,
            data_gradient_from_logits_gradient,
            two_classes_are_logistic,
            loss_is_not_negative,
            gradient_of_its_own_loss,
            complex_step_of_its_own_loss,
            loss_is_convex,
            central_difference_Z,
            central_difference_X,
            central_difference_jacobian,
            jacobian_of_its_own_softmax,
            scipy_check_grad_jacobian,
        )
    },
    "logits_gradient_sums_to_zero": sums_to_zero("∂ℒ/∂Z", "Z", "D"),
    "theta_gradient_sums_to_zero": sums_to_zero("∂ℒ/∂θ", "theta", "theta"),
    "bias_gradient_sums_to_zero": sums_to_zero("∂ℒ/∂b", "b", "b"),
    "central_difference_theta": parameter("∂ℒ/∂θ", "theta"),
    "central_difference_b": parameter("∂ℒ/∂b", "b"),
    "forward_difference": mathematical(forward),
    "scipy_check_grad_theta": check_grad("theta", "theta"),
    "scipy_check_grad_b": check_grad("b", "b"),
    "scipy_check_grad_Z": check_grad("theta", "Z"),
    "scipy_check_grad_X": check_grad("X", "X"),
}
# Of uses of gradients: what is compared stands below, what is granted in test_uses.
OF_USES = {
    "upstream_gradient": ("of", "of"),
    "upstream_gradients_of_samples": (),
    "backward_twice": ("backward twice",),
    "batch_in_pieces": ("of two halves",),
    "functional_gradient": ("by a function",),
    "mapped_over_samples": ("mapped over samples",),
    "another_precision": ("in", "after"),
    "gradient_through_a_kept_output": ("through tanh",),
    "inputs_without_gradient": ("alone",),
    "gradient_of_labels": ("beside that of the labels",),
}
WITHOUT_NUMBERS = {
    "logits_left_alone",
    "no_sample_counts",
    "probabilities_are_positive",
    "shape_and_dtype",
    "inputs_unchanged",
    "repeatable",
    "finite",
    "updated_in_place",
    "memory_given_again",
    "after_an_exception",
    "two_threads",
}


def test_every_check_that_compares_numbers_stands_here():
    """The others say what they found in words (see test_reasons)."""
    assert {*LAWS, *WITHOUT_NUMBERS, *OF_USES} == set(CHECKS)
    assert len(LAWS) + len(WITHOUT_NUMBERS) + len(OF_USES) == len(CHECKS)


@EVERY_PROBLEM
@pytest.mark.parametrize("check", OF_USES)
def test_a_use_compares_each_gradient_that_it_returns(check, name):
    """By its symbol, and in which use; of pieces θ and b alone, of what is mapped X, too."""
    found = compared(check, PROBLEMS[name])
    if isinstance(found, str):
        assert check == "upstream_gradients_of_samples" or name in ("one sample", "a masked class", "half precision")
        return
    keys = {"batch_in_pieces": 2, "mapped_over_samples": 3, "inputs_without_gradient": 3, "gradient_of_labels": 3}.get(
        check, 4
    )
    assert len(found) == keys * len(OF_USES[check])
    for words in OF_USES[check]:
        assert sum(words in comparison.quantity for comparison in found) >= keys


@EVERY_PROBLEM
@pytest.mark.parametrize("check", LAWS)
def test_a_check_compares_what_its_law_says_and_grants_no_more(check, name):
    """Quantity, computed value, truth, radius, allowance, and the size of what cancels."""
    found = compared(check, PROBLEMS[name])
    if isinstance(found, str):
        return
    assert_is(found, LAWS[check](Right(PROBLEMS[name])))


@pytest.mark.parametrize("check", LAWS)
def test_every_law_is_compared_on_some_of_these_problems(check):
    """None of the problems is out of reach of all."""
    assert any(not isinstance(compared(check, problem), str) for problem in PROBLEMS.values())


# ---- what is posed to the implementation ----


def asked(check: str, problem: Problem, name: str) -> list[tuple[Any, ...]]:
    """The arguments of every call of one function."""
    calls: list[tuple[Any, ...]] = []

    def function(*arrays: Any) -> Any:
        calls.append(tuple(np.array(array) for array in arrays))
        return getattr(RIGHT, name)(*arrays)

    judge(replace(RIGHT, **{name: function}), problem, [CHECKS[check]])
    return calls


def test_the_first_of_two_classes_is_posed_with_logits_of_zero():
    """theta_0 = 0 and b_0 = 0; the second class has the differences."""
    p = PROBLEMS["two classes"]
    theta, b, _, _ = asked("two_classes_are_logistic", p, "gradients")[-1]
    assert theta.tolist() == [[0, 0], [0.25, 1.25]]
    assert b.tolist() == [[0], [-0.75]]


@pytest.mark.parametrize("name", ["three classes", "single precision"])
def test_a_bias_among_the_weights_is_posed_in_the_same_dtype(name):
    """theta and b side by side, a feature of ones, and no bias."""
    p = PROBLEMS[name]
    theta, b, X, _ = asked("bias_is_a_weight", p, "gradients")[-1]
    assert [array.dtype for array in (theta, b, X)] == [p.theta.dtype] * 3
    assert (theta == np.hstack([p.theta, p.b])).all()
    assert not b.any()
    assert (X[-1] == 1).all()


@pytest.mark.parametrize("name", ["three classes", "single precision"])
def test_the_other_columns_are_posed_halved_and_with_classes_renamed(name):
    """Every other column changes, and the one that is looked at does not."""
    p = PROBLEMS[name]
    right = Right(p)
    (Z,) = asked("columns_do_not_mix", p, "softmax")[-1]
    others = [k for k in range(p.n) if k != right.i]
    assert (Z[:, right.i] == right.Z[:, right.i]).all()
    assert (Z[:, others] == (np.vstack([right.Z[-1:], right.Z[:-1]]) / 2)[:, others]).all()


def test_a_loss_that_is_wrong_in_value_is_granted_noise_and_radius_for_every_entry():
    """e and the radius L n times over, and e with the value of the loss (section 8: estimated)."""
    p = PROBLEMS["three classes"]
    wrong = replace(RIGHT, loss=lambda *arrays: 1.5 * model.loss(*arrays))
    right = Right(p)
    exact = right.truth.enclosure("loss")
    ratio = 1.5 * right.value["loss"] / (exact.midpoint + exact.radius)
    noise = ratio * p.L * p.n * right.truth.nearby_loss_error
    taken = central.enclose(p, direction(p), lambda moved: 1.5 * own_loss(moved), noise)
    scaled = Enclosure(taken.enclosure.midpoint, taken.enclosure.radius * p.L * p.n)
    assert_is(
        compared("gradient_of_its_own_loss", p, wrong), projected(right, "own gradient · direction", taken.move, scaled)
    )


def test_a_coarser_precision_inside_is_granted_everywhere_but_to_the_mathematical_loss():
    """`Arithmetic(inner=...)`: the truth of the problem carries it, that in float64 does not."""
    p = PROBLEMS["two classes"]
    plain, coarse = trial(p), trial(p, replace(RIGHT, arithmetic=Arithmetic(inner="float32")))
    assert plain.truth.granted is plain.truth64.granted is precision.named("float64")
    assert coarse.truth.granted.u == coarse.granted.u == 2.0**-24
    assert coarse.truth.granted.reads == coarse.truth.granted.u
    assert coarse.truth64.granted is precision.named("float64")
    assert plain.truth64 is plain.truth
    single = trial(PROBLEMS["single precision"])
    assert single.truth64.problem.precision.name == "float64"
    assert single.truth64.granted is precision.named("float64")
    assert single.truth64.values is single.truth.values


def test_exact_values_are_worked_out_once_for_all_checks_of_a_problem():
    """The truth, the softmax of Z and its Jacobian; and each function is called once for the problem itself."""
    p = PROBLEMS["two classes"]
    calls = asked("finite", p, "gradients")
    assert len(calls) == 1
    counted: list[int] = []

    def jacobian(z: Any) -> Any:
        counted.append(1)
        return model.softmax_jacobian(z)

    names = [name for name in CHECKS if name.startswith("jacobian") or name == "chain_rule"]
    judge(replace(RIGHT, softmax_jacobian=jacobian), p, [CHECKS[name] for name in names])
    assert len(counted) == 1


def test_only_what_costs_the_process_is_final():
    """An exception of the target is none; `final` is a truth value."""

    def broken(*arrays: Any) -> Any:
        raise ValueError("no")

    found = judge(replace(RIGHT, loss=broken), PROBLEMS["two classes"], [CHECKS["loss"]])["loss"]
    assert found.outcome is Outcome.ERRORED
    assert found.final is False
    assert found.reason.startswith("loss raised ValueError: no")


def test_the_loss_of_a_batch_twice_is_asked_with_every_sample_twice():
    """X and Y side by side."""
    p = PROBLEMS["three classes"]
    _, _, X, Y = asked("loss_of_a_duplicated_batch", p, "loss")[-1]
    assert (np.tile(p.X, 2) == X).all()
    assert (np.tile(p.Y, 2) == Y).all()


@pytest.mark.parametrize("name", ["three classes", "single precision", "half precision"])
def test_a_shift_is_as_large_as_the_logits_and_exact(name):
    """max|Z| on a grid, up or down; what is posed lies on the grid, and so does the shift."""
    p = PROBLEMS[name]
    third = p.theta.dtype.type(1) / p.theta.dtype.type(3)  # is on no grid
    p = Problem(p.theta * third, p.b * third * third, p.X, p.Y)
    (Z,) = asked("shift_invariance", p, "softmax")[-1]
    right = Right(p)
    top = abs(right.Z).max()
    grid = 2.0 ** (math.frexp(top)[1] + 3) * p.precision.u
    moved = Z.astype(float) - right.Z
    assert (abs(abs(moved) - top) <= 1.01 * grid).all()
    assert (np.sign(moved) == np.random.default_rng(int(p.digest[:16], 16)).choice([-1.0, 1.0])).all()
    assert not (Z.astype(float) / (2 * grid) == np.round(Z.astype(float) / (2 * grid))).all()
    assert (Z.astype(float) / grid == np.round(Z.astype(float) / grid)).all()


def test_a_positive_form_is_positive_semidefinite():
    """Whatever its size: only what is below 0 counts."""
    for size in (0.125, 1e-9, 2.0, 0.0):
        positive = replace(RIGHT, softmax_jacobian=lambda z, size=size: size * np.eye(len(z)))
        (found,) = compared("jacobian_is_positive_semidefinite", PROBLEMS["three classes"], positive)
        assert found.computed == 0
