"""The rounding bounds are what docs/bounds.md derives, and not more: a bound made looser is still a bound, and judges nothing.

Each formula stands here a second time, term by term in Python floats, and the two must agree to `SAME`: far less than any term
of a derivation, and far more than what float64 loses in working it out.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from gradcheck import Problem, bounds, precision
from gradcheck.enclosure import ETA64, Enclosure
from gradcheck.referees import ball, float64

SAME = 2.0**-40
U64 = 2.0**-53
ULPS = {"float64": 4, "float32": 4, "tf32": 4, "float16": 1, "bfloat16": 1}
COARSE = precision.granted("float64", "float16", False)
PRECISIONS = (
    *map(precision.named, precision.NAMES),
    COARSE,
    precision.granted("float32", "tf32", False),
    precision.granted("float32", "tf32", True),
    precision.granted("float16", "", True),
    precision.granted("float32", "bfloat16", True),
)
IN_EVERY = pytest.mark.parametrize("p", PRECISIONS, ids=lambda p: f"{p.name}{'-read' * p.loses}-{p.eta:.0e}")


def is_formula(found, formula) -> bool:
    """Whether a bound is at least what the formula says, up to the rounding of this file, and no more than that and a little."""
    found, formula = np.broadcast_arrays(np.asarray(found, dtype=float), np.asarray(formula, dtype=float))
    with np.errstate(invalid="ignore"):
        near = (found >= formula * (1 - 2.0**-44)) & (found <= formula * (1 + SAME) + 2.0**-1060)
    return bool((near | (found == formula)).all())


# ---- the formulas, column by column ----


def lam(u):
    return -math.log1p(-u)


def spread(k, u):
    return math.expm1(min(k * lam(u), 700.0))


def logits_error(size, d, p, operands):
    k = spread(d + 1 + 2 * p.loses, p.u)
    bound = k * size + (1 + k) * (d + 1 + p.loses * (d + 1 + operands)) * p.eta
    return bound if size + bound < p.huge else math.inf


def softmax_error(z, radius, delta, A, p, ours=False):  # noqa: PLR0917
    """Of one column: (log_A, A, relative, distance) of each class, and lse."""
    u, eta, L, ulps = p.u, p.eta, len(z), ULPS[p.name]
    f, classes = 2 * ulps * u, range(len(z))
    if p.loses:
        delta = [delta[k] + u * (abs(z[k]) + radius[k] + delta[k]) + eta for k in classes]
        delta = [delta[k] if abs(z[k]) + radius[k] + delta[k] < p.huge else math.inf for k in classes]
    m = max(z)
    rho = max(radius[k] + delta[k] for k in classes) + (L + 16) * U64 * (1 + abs(m))
    below = [m - z[k] for k in classes]
    log_s = math.log(math.fsum(math.exp(-below[k]) for k in classes))
    lse = abs(m + log_s) + rho
    distance = [below[k] + log_s + 2 * rho for k in classes]

    def mean_shift(term):
        mean = max(term)
        return (
            mean
            if mean > 700
            else min(mean, math.log1p(math.fsum(a * math.expm1(t) for a, t in zip(A, term, strict=True))))
        )

    sizes = [abs(z[k]) + radius[k] + delta[k] for k in classes]
    shifted = [
        delta[k] + u * (below[k] + 2 * rho)
        if ours  # of our own float64; any other may have multiplied its logits by log2 e before
        else delta[k] + u * sizes[k] + 1.5 * u * (below[k] + 2 * rho + 2 * u * (sizes[k] + max(sizes)))
        for k in classes
    ]
    # how many come before it in order of size, each of which may rescale it online
    larger = [sorted(classes, key=lambda j: (-z[j], j)).index(k) for k in classes]
    often = [larger[k] * math.exp(5 * rho) if 5 * rho < 1 else L - 1 for k in classes]
    rescaled = [0 if ours else often[k] * (lam(f) + lam(u)) for k in classes]
    again = [shifted[k] + u * (distance[k] + below[k] + 2 * rho + shifted[k]) + lam(f) for k in classes]
    sums = (L - 1) * lam(u) + 4 * L * ulps * eta
    normaliser = mean_shift([shifted[k] + lam(f) if ours else again[k] + rescaled[k] for k in classes]) + sums
    size = min(log_s + 2 * rho, math.log(L))
    log_sum = normaliser + f * (size + normaliser)
    # merged from parts: entropy, and so many roundings of a log-sum-exp
    entropy = min(size + math.fsum(min(A[k], 1) * (below[k] + 2 * rho) for k in classes), math.log(L))
    levels = math.expm1(max(math.ceil(math.log2(L)), min(p.merged, L - 1)) * math.log1p(u))
    parts = mean_shift(shifted) + sums + (f * (1 + 1 / (2 * math.log(2))) + u) * entropy
    parts = parts + levels * (lse + entropy + parts) if L > 2 else 0
    found = []
    for k in classes:
        second = log_sum if ours else max(log_sum + u * (lse + shifted[k] + log_sum), parts)
        third = shifted[k] + second + u * (distance[k] + shifted[k] + second)
        relative = (third + lam(f) if ours else max(third + lam(f), again[k] + normaliser)) + 2 * lam(u)
        log_A = relative + f * (distance[k] + relative)
        ceiling = 1 + f + spread(L, u) if rho < math.inf else math.inf
        grown = A[k] * math.expm1(relative) + (ulps + 1) * eta if relative <= 700 else math.inf
        found.append((log_A, min(grown, ceiling), relative, distance[k]))
    return found, lse


def logits_gradient_error(problem, p, A, radius, delta):
    """Of each entry of D, and an upper bound of |D|; and the share of it that is underflow."""
    Y, n = problem.reals[3], problem.n
    own = 0 if one_hot(problem) else problem.L
    k = spread(5 + own + 2 * p.loses, p.u)
    heaviest = max(Y.sum(axis=0)) if p.loses else 0
    underflow = (1 + spread(5 + own, p.u)) * ((4 + own) * (1 + p.loses) + p.loses * heaviest) * p.eta
    bound, size = np.zeros(Y.shape), np.zeros(Y.shape)
    for l, i in np.ndindex(Y.shape):
        mass, most = Y[:, i].sum(), min(A[l, i] + radius[l, i], 1)
        error = mass * (1 + k) * delta[l, i] if mass or delta[l, i] < math.inf else math.inf  # 0 times NaN is NaN
        bound[l, i] = (error + mass * k * most + spread(4 + p.loses, p.u) * Y[l, i]) / n + underflow
        if one_hot(problem) and Y[l, i]:  # minus the sum of the others
            rest, others = spread(4 + problem.L + 2 * p.loses, p.u), [j for j in range(problem.L) if j != l]
            total = sum(delta[j, i] for j in others), min(sum(min(A[j, i] + radius[j, i], 1) for j in others), 1)
            bound[l, i] = max(bound[l, i], ((1 + rest) * total[0] + rest * total[1]) / n + problem.L * underflow)
        size[l, i] = (abs(A[l, i] * mass - Y[l, i]) + radius[l, i] * mass) / n
    return bound, size, underflow


def one_hot(problem):
    Y = problem.reals[3]
    return bool(((Y == 0) | (Y == 1)).all() and (Y.sum(axis=0) == 1).all())


def summed_error(weight, times, bound, size, underflow_of_D, samples, p):  # noqa: PLR0917
    """Of the sums of D over samples with weights (n, k), every sample `times` over."""
    n = times * samples
    k = spread(n + 2 + 2 * p.loses, p.u)
    underflow = (n + 2) * (1 + samples * (bound + size).max()) / 2 * p.eta
    underflow = underflow + n * (times - 1) * weight.max() * underflow_of_D
    if p.loses:
        underflow = 4 * underflow + times * weight.sum(axis=0) * p.eta
    total = (1 + k) * (bound @ weight + underflow) + k * (size @ weight)
    unscaled = n * (1 + k) * (bound @ weight + size @ weight)
    return np.where(unscaled + total < p.huge, total, math.inf)


def loss_error(problem, p, columns, lses, times):
    Y = problem.reals[3]
    T = times * np.count_nonzero(Y)
    k = spread(2 * T + 4 + 2 * p.loses, p.u)
    total = size = distances = 0.0
    for l, i in np.ndindex(Y.shape):
        if Y[l, i]:
            log_A, _, _, distance = columns[i][l]
            apart = 2 * lses[i] + distance
            each, most = (1 + k) * log_A + k * apart, distance
            if not one_hot(problem):
                most = apart
                each += (1 + k) * spread(problem.L + 3, p.u) * (most + log_A)
            total, size, distances = total + Y[l, i] * each, size + Y[l, i] * most, distances + distance
    underflow = T + 2 + times * distances
    if p.loses:
        underflow += T + times * (Y.sum() + distances)
    return total / problem.n + (1 + k) * underflow * p.eta if times * (total + size) < p.huge else math.inf


# ---- problems small enough to work out, and large enough for every term ----


def posed(theta, b, X, Y):
    return Problem(*(np.array(array, dtype=np.float64) for array in (theta, b, X, Y)))


def labels(*classes, L):
    return np.eye(L)[:, list(classes)]


PROBLEMS = {
    "one number": posed([[0.0], [0.0]], [[0.0], [0.0]], [[1.0]], labels(0, L=2)),
    "two features": posed([[1.0, -2.0], [0.5, 3.0]], [[0.25], [-1.0]], [[2.0, -1.0], [0.5, 4.0]], labels(1, 0, L=2)),
    "offset": posed([[1.0], [0.0], [-1.0]], [[64.0], [65.0], [64.5]], [[0.5, 0.0]], labels(0, 2, L=3)),
    "below zero": posed([[1.0], [0.0], [-1.0]], [[-64.0], [-65.0], [-64.5]], [[0.5, 0.0]], labels(0, 2, L=3)),
    "a class far below": posed([[0.0], [-8.0]], [[0.0], [0.0]], [[1.0, 2.0, 0.0]], labels(0, 1, 0, L=2)),
    "soft labels": posed(
        [[1.0], [-1.0], [0.0]], np.zeros((3, 1)), [[1.0, 3.0]], [[0.5, 0.25], [0.5, 0.0], [0.0, 0.75]]
    ),
    "masses": posed([[1.0], [-1.0]], [[3.0], [0.0]], [[1.0, 2.0, 1.0]], [[3.0, 0.0, 0.5], [1.0, 0.0, 0.0]]),
    "tiny data": posed([[1.0], [-1.0]], [[0.0], [0.0]], [[2.0**-20, 2.0**-24]], labels(0, 1, L=2)),
    "large logits": posed([[512.0], [-512.0]], [[0.0], [0.0]], [[64.0]], labels(1, L=2)),
    "larger logits": posed([[512.0], [-512.0]], [[0.0], [0.0]], [[127.9375]], labels(1, L=2)),
    "larger logits without labels": posed(
        [[512.0], [-512.0]], [[0.0], [0.0]], [[127.9375, 1.0]], [[0.0, 0.5], [0.0, 0.5]]
    ),
    "heavy data": posed([[0.0], [0.0]], [[0.0], [0.0]], [[16384.0, 16384.0]], labels(1, 1, L=2)),
}
EVERY_PROBLEM = pytest.mark.parametrize("name", PROBLEMS)
RADIUS = {"Z": 2.0**-30, "A": 2.0**-31}  # wide enough to be seen


class Known:
    """What a referee could know of a problem, with radii of that size, and every formula worked out from it."""

    def __init__(self, problem, p, times=1):
        theta, b, X, Y = problem.reals
        self.size = abs(theta) @ abs(X) + abs(b)
        Z = theta @ X + b
        A = np.exp(Z - Z.max(axis=0))
        A /= A.sum(axis=0)
        self.Z, self.A = (Enclosure(value, np.full(Y.shape, RADIUS[key])) for key, value in (("Z", Z), ("A", A)))
        self.allowed = bounds.allowed(problem, p, self.size, self.Z, self.A)
        operands = abs(theta).sum(axis=1)[:, np.newaxis] + abs(X).sum(axis=0)
        self.delta = np.array(
            [
                [logits_error(s, problem.d, p, o) for s, o in zip(*rows, strict=True)]
                for rows in zip(self.size, operands, strict=True)
            ]
        )
        upper = np.minimum(A + RADIUS["A"], 1)
        found = [
            softmax_error(Z[:, i], self.Z.radius[:, i], self.delta[:, i], upper[:, i], p) for i in range(problem.n)
        ]
        self.columns, self.lses = zip(*found, strict=True)
        self.softmax = [np.array([[row[part] for row in column] for column in self.columns]).T for part in range(4)]
        self.D, self.size_of_D, self.underflow = logits_gradient_error(problem, p, A, self.A.radius, self.softmax[1])
        self.X = abs(X).T


# ---- the bounds ----


def test_gamma_of_two_roundings_at_one_eighth_is_one_third():
    """m u/(1 - m u): 2/8 over 6/8; 7 for 7/8 over 1/8; infinite from m u = 1."""
    assert bounds.gamma(2, 0.125) == pytest.approx(1 / 3, rel=2.0**-50)
    assert bounds.gamma(7, 0.125) == 7
    assert bounds.gamma(8, 0.125) == np.inf
    assert bounds.gamma(9, 0.125) == np.inf


def test_lam_of_one_half_is_log_two_and_infinite_from_one():
    """-log(1 - u)."""
    assert is_formula(bounds.lam(0.5), math.log(2))
    assert is_formula(bounds.lam(1 - 2.0**-10), 10 * math.log(2))
    assert bounds.lam(1.0) == bounds.lam(1.5) == np.inf


def test_spread_of_k_roundings_at_one_half_is_two_to_the_k_less_one():
    """(1 - u)^-k - 1, until exp would leave float64."""
    assert [round(bounds.spread(k, 0.5)) for k in (0, 1, 2, 10)] == [0, 1, 3, 1023]
    assert bounds.spread(2000, 0.5) == bounds.spread(1e9, 0.5) == np.expm1(700.0)
    for k in (1, 2, 3, 1000):
        assert is_formula(bounds.spread(k, 2.0**-11), (1 - 2.0**-11) ** -k - 1)


def test_the_exponent_of_spread_is_rounded_up_by_no_more_than_its_own_error():
    """16 roundings of float64, which exp magnifies by the exponent: at 600, about 600 * 16 u and no more than twice that."""
    exact = math.expm1(600.0)
    found = bounds.spread(600.0, -math.expm1(-1.0))  # lam(u) = 1
    assert exact * (1 + 600 * 8 * U64) < found < exact * (1 + 600 * 32 * U64)


@IN_EVERY
def test_one_ulp_is_two_u(p):
    """exp and log within 4 ulp (float64, float32, tf32) or 1 (float16, bfloat16)."""
    assert bounds.elementary(p) == 2 * ULPS[p.name] * p.u


@IN_EVERY
@EVERY_PROBLEM
def test_the_bound_of_the_logits_is_its_formula(name, p):
    """spread(d + 1) M + (1 + spread(d + 1)) (d + 1) eta (section 2), and what reading operands adds (section 12)."""
    known = Known(PROBLEMS[name], p)
    assert is_formula(known.allowed.Z, known.delta)


@IN_EVERY
@EVERY_PROBLEM
def test_the_bounds_of_softmax_are_their_formulas(name, p):
    """Sections 3 and 4, step by step."""
    known = Known(PROBLEMS[name], p)
    found = known.allowed.softmax
    for part, formula in zip(("log_A", "A", "relative", "distance"), known.softmax, strict=True):
        assert is_formula(getattr(found, part), formula), part
    assert is_formula(found.lse, np.array([known.lses]))
    assert found.A is known.allowed.A


@IN_EVERY
@EVERY_PROBLEM
def test_the_bounds_of_gradients_and_loss_are_their_formulas(name, p):
    """Section 5."""
    problem, known = PROBLEMS[name], Known(PROBLEMS[name], p)
    found, sums = known.allowed, (known.D, known.size_of_D, known.underflow, problem.n, p)
    assert is_formula(found.D, known.D)
    assert is_formula(found.theta, summed_error(known.X, 1, *sums))
    assert is_formula(found.b, summed_error(np.ones((problem.n, 1)), 1, *sums))
    assert is_formula(found.loss, loss_error(problem, p, known.columns, known.lses, 1))


@IN_EVERY
@EVERY_PROBLEM
def test_the_bounds_of_a_batch_twice_over_are_those_of_twice_as_many_samples(name, p):
    """n becomes 2n, and what underflows in D/2 counts twice (section 5)."""
    problem, known = PROBLEMS[name], Known(PROBLEMS[name], p)
    sums = (known.D, known.size_of_D, known.underflow, problem.n, p)
    assert is_formula(known.allowed.summed(known.X, times=2), summed_error(known.X, 2, *sums))
    twice = bounds.loss_error(bounds.Folded(problem, p), known.allowed.softmax, times=2)
    assert is_formula(twice, loss_error(problem, p, known.columns, known.lses, 2))


@IN_EVERY
def test_the_bound_of_the_jacobian_is_its_formula(p):
    """Section 6: off the diagonal, and on it, where the slope of a (1 - a) is taken at its worst."""
    for a in (0.5, 0.125, 0.0, 1.0):
        A = Enclosure(np.array([a, 1 - a]), np.array([2.0**-30, 2.0**-31]))
        delta = np.array([2.0**-9, 2.0**-11])
        upper = np.minimum(A.midpoint + A.radius, 1)
        k, top = spread(3, p.u), upper + delta
        found = bounds.jacobian_error(A, delta, p)
        for l, m in ((0, 1), (1, 0)):
            assert is_formula(found[l, m], upper[l] * delta[m] + delta[l] * top[m] + k * top[l] * top[m] + p.eta)
            slope = abs(1 - 2 * A.midpoint[l]) + 2 * A.radius[l] + 4 * U64  # of this subtraction
            diagonal = (slope + delta[l]) * delta[l] + k * (top[l] + top[l] ** 2) + 2 * p.eta
            rest = found[l, m] + spread(4, p.u) * top[l] * top[m]  # minus the sum of the others
            assert is_formula(found[l, l], max(diagonal, rest))


def test_the_slope_of_the_jacobians_diagonal_is_known_to_four_roundings():
    """At a = 1/2 it is 0, but for the evaluation of 1 - 2 a."""
    A, delta = Enclosure(np.array([0.5, 0.5]), np.zeros(2)), np.full(2, 2.0**-20)
    p = precision.named("float64")
    top = A.magnitude + delta
    due = (4 * U64 + delta) * delta + spread(3, p.u) * (top + top * top) + 2 * p.eta
    found = bounds.jacobian_error(A, delta, p)
    assert is_formula(np.diag(found), np.maximum(due, found[0, 1] + spread(4, p.u) * top * top))


def test_what_the_jacobians_diagonal_is_made_of_is_written_down_at_each_step():
    """Probabilities, their products and the sum of these: minus the sum of the others, where that is more."""
    p = replace(precision.named("float64"), stored=2.0**-20)
    found = bounds.jacobian_error(Enclosure(np.array([0.125, 0.875]), np.zeros(2)), np.zeros(2), p)
    due = math.expm1(4 * lam(p.u) + 3 * lam(p.stored)) * 0.125 * 0.875
    assert is_formula(found[0, 0], found[0, 1] + due)


@pytest.mark.parametrize(
    "p", [precision.named("float16"), precision.granted("float16", "", True)], ids=["kept", "flushed"]
)
def test_the_bound_of_a_sum_is_infinite_from_where_a_partial_sum_may_overflow(p):
    """n (1 + k) times what is summed, and the bound, reach the largest number: nothing is known, and just below it all is."""
    found = []
    for size in np.linspace(1, 65504, 400).round():
        problem = posed([[0.0], [0.0]], [[0.0], [0.0]], [[size, size]], labels(1, 1, L=2))
        known = Known(problem, p)
        due = summed_error(known.X, 1, known.D, known.size_of_D, known.underflow, 2, p)
        assert is_formula(known.allowed.theta, due)
        found.append(np.isfinite(due).all())
    assert set(found) == {True, False}


@IN_EVERY
@EVERY_PROBLEM
def test_no_bound_is_worked_out_with_a_warning(name, p):
    """Overflow and 0 times infinity are meant, and a user is not told of them."""
    problem = PROBLEMS[name]
    known = Known(problem, p)
    with np.errstate(over="raise", invalid="raise"):
        fresh = bounds.allowed(problem, p, known.size, known.Z, known.A)
        assert not any(np.isnan(getattr(fresh, key)).any() for key in ("Z", "A", "D", "theta", "b", "loss"))


def test_what_float64_loses_in_evaluating_the_softmax_bound_grows_with_the_logits():
    """rho = (L + 16) u (1 + |m|) where nothing else is unknown: `distance` holds it twice, beside log s."""
    for m in (2.0**20, -(2.0**20)):
        Z = Enclosure(np.array([[m], [m]]), np.zeros((2, 1)))
        found = bounds.softmax_error(Z, np.zeros((2, 1)), np.ones((2, 1)), precision.named("float64"))
        rho = 18 * U64 * (1 + 2.0**20)
        assert abs(found.distance - math.log(2) - 2 * rho).max() <= rho * 2.0**-10


def test_a_referee_in_float64_knows_the_truth_to_its_own_rounding_bound():
    """Section 7: the radius is the bound at u = 2**-53, with an upper bound of A that is sharp for float64, and 1 otherwise."""
    for problem in PROBLEMS.values():
        exact = ball.truth(problem)
        arguments = (problem, precision.named("float64"), exact.magnitude, exact.values.Z, exact.values.A)
        known = bounds.allowed(*arguments, ours=True)
        found = float64.truth(problem)
        for quantity in ("Z", "A", "loss", "D", "theta", "b"):
            radius, bound = found.enclosure(quantity).radius, getattr(known, quantity)
            assert (radius >= bound * (1 - 2.0**-40)).all(), quantity
            assert (radius <= bound * (1 + 0.05) + 64 * ETA64).all(), quantity


def test_the_loss_near_a_problem_is_granted_what_logits_one_apart_may_lose():
    """Section 5: Z ± 1, M + 1, A e², and operands that moved by less than 2 a feature; of our own formulas, in float64."""
    for problem in PROBLEMS.values():
        exact = ball.truth(problem)
        for p in PRECISIONS:
            truth, upper = replace(exact, grants=p), np.minimum(7.4 * exact.values.A.magnitude, 1)
            theta, _, X, _ = problem.reals
            operands = abs(theta).sum(axis=1)[:, np.newaxis] + abs(X).sum(axis=0) + 2 * problem.d
            columns, lses, own = [], [], []
            for i in range(problem.n):
                delta = [
                    logits_error(exact.magnitude[l, i] + 1, problem.d, p, operands[l, i]) for l in range(problem.L)
                ]
                Z = exact.values.Z.midpoint[:, i]
                column, lse = softmax_error(Z, np.ones(problem.L), delta, upper[:, i], p)
                columns.append(column)
                lses.append(lse)
                own.append(softmax_error(Z, np.ones(problem.L), delta, upper[:, i], p, ours=True)[0])
            assert is_formula(truth.nearby_loss_error, loss_error(problem, p, columns, lses, 1))
            if p.name == "float64" and not p.loses:
                assert is_formula(truth.nearby_float64_error, loss_error(problem, p, own, lses, 1))


def test_the_loss_near_a_problem_is_written_down_in_the_precision_of_its_array():
    """It is larger than that of the problem by no more than twice the mass of all labels, divided by n."""
    plain = precision.named("float32")
    written = replace(plain, returned=2.0**-8)
    for problem in PROBLEMS.values():
        exact, mass = ball.truth(problem), problem.reals[3].sum() / problem.n
        before, after = (replace(exact, grants=p).nearby_loss_error for p in (plain, written))
        assert is_formula(after, before + 2.0**-8 * (exact.values.loss.magnitude + 2 * mass + before) + plain.eta)
