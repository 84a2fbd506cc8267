"""What each difference quotient is off by is what docs/bounds.md derives in section 8, and not more; steps balance it.

Each formula stands here a second time. A referee that knows less than it could would agree with everything it ought to refuse.
"""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from gradcheck import Problem, model, precision, referees
from gradcheck.bounds import Allowed, SoftmaxError, elementary, logits_error, loss_error, spread
from gradcheck.enclosure import ETA64, Enclosure
from gradcheck.referees import ball, central, complex_step, cumulants, float64, forward, scipy_check_grad
from gradcheck.referees.cumulants import Move

U64 = 2.0**-53
ROOT = 6 * math.sqrt(3)


def posed(theta, b, X, Y, dtype="float64"):
    return Problem(*(np.array(array, dtype=dtype) for array in (theta, b, X, Y)))


PROBLEMS = {
    "two features": posed(
        [[0.25, -0.5], [0.5, 0.75]], [[0.25], [-0.5]], [[0.5, -1.0, 1.0], [0.5, 3.0, 0.0]], np.eye(2)[:, [1, 0, 1]]
    ),
    "masses": posed([[1.0], [-1.0], [0.3]], [[0.5], [0.0], [1.0]], [[0.5, 1.0]], [[3.0, 0.0], [0.0, 0.0], [1.0, 0.5]]),
    "single precision": posed(
        [[1.0], [-1.0], [0.3]], [[0.5], [0.0], [1.0]], [[0.5, 4.0]], np.eye(3)[:, [0, 2]], "float32"
    ),
    "tiny data": posed([[1.0], [-1.0]], [[0.0], [1.0]], [[2.0**-60]], np.eye(2)[:, :1]),
}
NOISES = (2.0**-12, 1e-8, 1e-16)
EVERY = pytest.mark.parametrize("name", PROBLEMS)
AT = pytest.mark.parametrize("noise", NOISES)


def same(found, formula) -> bool:
    return bool((abs(np.asarray(found) - formula) <= abs(np.asarray(formula)) * 2.0**-40).all())


def direction(p: Problem) -> Move:
    """Displacements that no step makes representable."""
    flat = np.linspace(-0.7, 0.9, p.parameters)
    return Move(flat[: p.theta.size].reshape(p.theta.shape), flat[p.theta.size :].reshape(p.b.shape))


def changed(p, move):
    """Of each logit: its change, the rounding error of that, and what it can be at most."""
    X = p.reals[2]
    reach = abs(move.theta) @ abs(X) + abs(move.b)
    return move.theta @ X + move.b, 2 * (p.d + 4) * U64 * reach + p.d * ETA64, reach


def ranges(value, error):
    return [max(value[:, i]) - min(value[:, i]) + 2 * max(error[:, i]) for i in range(value.shape[1])]


def mean(p, per_sample):
    mass = p.reals[3].sum(axis=0)
    return math.fsum(m * x for m, x in zip(mass, per_sample, strict=True)) / p.n


def power_below(x):
    return 2.0 ** math.floor(math.log2(x))


def cut(p, move, step):
    """The step, or the largest power of two with which no logit moves by more than 1/2: the rest is for rounding."""
    return min(step, power_below(1 / changed(p, move)[2].max()) / 2)


def moved(p, move, step):
    theta, b, _, _ = p.reals
    made = p.precision.round(theta + step * move.theta), p.precision.round(b + step * move.b)
    return Problem(*made, p.X, p.Y)


def between(start, end):
    return Move(end.reals[0] - start.reals[0], end.reals[1] - start.reals[1])


def is_move(found, move):
    return np.array_equal(found.theta, move.theta) and np.array_equal(found.b, move.b)


# ---- cumulants ----


@EVERY
def test_a_move_changes_the_logits_by_V_X_plus_v(name):
    """Value, its rounding error 2 (d + 4) u (|V||X| + |v|), and |V||X| + |v|."""
    p = PROBLEMS[name]
    found, (value, error, reach) = direction(p).change(p), changed(p, direction(p))
    assert same(found.value, value)
    assert same(found.error, error)
    assert same(found.reach, reach)
    assert same(found.ranges, ranges(value, error))


@EVERY
def test_the_difference_of_two_changes_is_known_to_both_errors_and_its_own(name):
    """Errors add up, and the subtraction is one more rounding of each."""
    p = PROBLEMS[name]
    one, other = direction(p).change(p), Move(direction(p).theta * 2, -direction(p).b).change(p)
    found = one.minus(other)
    assert same(found.value, one.value - other.value)
    assert same(found.error, one.error + other.error + 2 * U64 * (one.reach + other.reach))
    assert same(found.reach, one.reach + other.reach)


def test_an_unknown_change_has_an_infinite_range():
    """inf - inf is NaN, and says nothing."""
    everything = np.full((2, 1), np.inf)
    assert cumulants.Change(everything, everything * 0 + 1, everything).ranges == np.inf


def test_a_projection_is_a_sum_and_its_own_rounding():
    """<g, V> in float64: 2 (count + 4) u sum |g||V|."""
    move = Move(np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[4.0], [-1.0]]))
    theta, b = np.array([[1.0, 1.0], [-2.0, 0.25]]), np.array([[0.5], [2.0]])
    found = move.project(theta, b)
    assert found.midpoint == 1 - 2 - 1 + 0.75 + 2 - 2
    assert same(found.radius, 2 * 10 * U64 * (1 + 2 + 1 + 0.75 + 2 + 2))
    assert same(move.spread(abs(theta), b), 1 + 2 + 1 + 0.75 + 2 + 2)
    assert move.spread(np.full((2, 2), np.inf), b) == np.inf
    assert Move(0 * theta, 0 * b).spread(np.full((2, 2), np.inf), b) == np.inf


def test_a_power_of_two_at_or_below():
    """And 1 for what is no positive finite number."""
    assert [cumulants.power_of_two(x) for x in (1.0, 1.5, 2.0, 0.75, 2.0**-1074, 3e300)] == [
        1.0,
        1.0,
        2.0,
        0.5,
        2.0**-1074,
        2.0 ** math.floor(math.log2(3e300)),
    ]
    assert [cumulants.power_of_two(x) for x in (0.0, -2.0, np.inf, np.nan)] == [1.0] * 4


@EVERY
def test_a_step_is_cut_where_a_logit_would_change_by_more_than_one(name):
    """To a power of two, and half of that."""
    p = PROBLEMS[name]
    for step in (2.0**-40, 0.5, 64.0):
        assert cumulants.within_reach(p, direction(p), step) == cut(p, direction(p), step)


@EVERY
def test_what_is_moved_is_rounded_to_its_precision(name):
    """theta + h V and b + h v, and the displacement is the difference that was really made."""
    p = PROBLEMS[name]
    found = cumulants.moved(p, direction(p), 0.25)
    due = moved(p, direction(p), 0.25)
    assert found.digest == due.digest
    assert is_move(cumulants.between(p, found), between(p, due))


def test_a_mean_is_weighted_by_the_mass_of_each_sample():
    """(1/n) sum mass_i x_i."""
    assert same(cumulants.mean(PROBLEMS["masses"], np.array([1.0, 10.0])), (4 * 1 + 0.5 * 10) / 2)


# ---- the referees ----


def third_moment(p, move):
    value, error, _ = changed(p, move)
    return mean(p, [r**3 for r in ranges(value, error)]) / ROOT


def second_moment(p, move):
    value, error, _ = changed(p, move)
    return mean(p, [r**2 for r in ranges(value, error)]) / 4


@EVERY
@AT
def test_the_central_step_balances_truncation_and_rounding(name, noise):
    """h = (3 e/M3)^(1/3), the power of two below, within reach."""
    p, move = PROBLEMS[name], direction(PROBLEMS[name])
    for e in (noise, *(noise * 1.1**k for k in range(1, 23))):  # through three powers of two
        due = cut(p, move, power_below((3 * e / third_moment(p, move)) ** (1 / 3)))
        assert central.best_step(p, move, e) == due


@EVERY
@AT
def test_the_forward_step_balances_truncation_and_rounding(name, noise):
    """h = 2 (e/M2)^(1/2), the power of two below, within reach."""
    p, move = PROBLEMS[name], direction(PROBLEMS[name])
    for e in (noise, *(noise * 1.1**k for k in range(1, 16))):  # through two powers of two
        assert forward.best_step(p, move, e) == cut(p, move, power_below(2 * (e / second_moment(p, move)) ** 0.5))


@pytest.mark.parametrize("referee", [central, forward], ids=["central", "forward"])
def test_where_the_loss_is_linear_only_reach_limits_the_step(referee):
    """All classes move alike, by 1/4 or by 4: no range but that of rounding. Without any label nothing bends at all."""
    p = PROBLEMS["tiny data"]
    for shift, step in ((0.25, 1.0), (4.0, 2.0**-4)):
        assert referee.best_step(p, Move(0 * p.theta, np.full((2, 1), shift)), 2.0**-50) == step
    massless = Problem(p.theta, p.b, p.X, 0 * p.Y)
    found = referee.best_step(massless, Move(0 * p.theta, np.array([[0.0625], [-0.0625]])), 2.0**-50)
    assert found == (1.0 if referee is central else 4.0)  # 1, or the most that is within reach


@pytest.mark.parametrize("referee", [central, forward], ids=["central", "forward"])
def test_where_a_change_of_the_logits_overflows_the_step_is_one(referee):
    """Nothing is known of it; what is made of that step will be out of reach."""
    p = posed([[0.0], [0.0]], [[0.0], [0.0]], [[2.0**200]], np.eye(2)[:, :1])
    assert referee.best_step(p, Move(np.array([[2.0**900], [0.0]]), np.zeros((2, 1))), 2.0**-50) == 1.0


def test_an_unknown_change_bends_by_an_unknown_amount():
    """inf times 0 is NaN: the truncation is then infinite."""
    p = PROBLEMS["tiny data"]
    none, everything = np.zeros((2, 1)), np.full((2, 1), np.inf)
    assert (
        central.truncation(p, cumulants.Change(none, none, everything), cumulants.Change(everything, none, none))
        == np.inf
    )
    assert (
        central.truncation(p, cumulants.Change(everything, none, none), cumulants.Change(everything, none, none))
        == np.inf
    )


def test_no_change_at_all_is_known_to_the_underflow_of_its_products():
    """d eta, and no less."""
    p = PROBLEMS["two features"]
    assert (Move(np.zeros((2, 2)), np.zeros((2, 1))).change(p).error == 2 * ETA64).all()


def test_the_complex_step_along_nothing_is_off_by_underflow_alone():
    """(32 + d + 2 L + T) eta/h for each unit of mass, and (T + 1) eta/h for the products of labels; h = 2**-200."""
    p = PROBLEMS["two features"]
    still = Move(np.zeros((2, 2)), np.zeros((2, 1)))
    found = complex_step.enclose(ball.truth(p), still, model.loss)
    assert same(found.radius, (32 + 2 + 4 + 3 + 3 + 1) * 2.0 ** (200 - 1074))
    assert found.midpoint == 0


@EVERY
@AT
def test_central_differences_are_off_by_their_truncation_and_two_roundings(name, noise):
    """sum mass [R(D+ - D-)(R(D+) + R(D-))/8 + (R(D+)^3 + R(D-)^3)/(36 sqrt 3)]/n + 2e + u (|top| + |bottom|)."""
    p, along = PROBLEMS[name], direction(PROBLEMS[name])
    found = central.enclose(p, along, float64.loss, noise)
    above, below = moved(p, along, found.step), moved(p, along, -found.step)
    up, down = changed(p, between(p, above)), changed(p, between(below, p))
    high, low = ranges(*up[:2]), ranges(*down[:2])
    apart = ranges(up[0] - down[0], up[1] + down[1] + 2 * U64 * (up[2] + down[2]))
    bend = [a * (h + l) / 8 + (h**3 + l**3) / (6 * ROOT) for a, h, l in zip(apart, high, low, strict=True)]
    top, bottom = float64.loss(above), float64.loss(below)
    assert found.step == central.best_step(p, along, noise)
    assert is_move(found.move, between(below, above))
    assert found.enclosure.midpoint == top - bottom
    assert same(found.enclosure.radius, mean(p, bend) + 2 * noise + U64 * (abs(top) + abs(bottom)))


@EVERY
@AT
def test_forward_differences_are_off_by_their_truncation_and_two_roundings(name, noise):
    """M2(W)/2 + 2e + u (|there| + |here|)."""
    p, along = PROBLEMS[name], direction(PROBLEMS[name])
    found = forward.enclose(p, along, float64.loss, noise)
    ahead = moved(p, along, found.step)
    move = between(p, ahead)
    there, here = float64.loss(ahead), float64.loss(p)
    assert found.step == forward.best_step(p, along, noise)
    assert is_move(found.move, move)
    assert found.enclosure.midpoint == there - here
    radius = second_moment(p, move) / 2 + 2 * noise + U64 * (abs(there) + abs(here))
    assert same(found.enclosure.radius, radius)


@pytest.mark.parametrize("referee", [central, forward], ids=["central", "forward"])
def test_the_rounding_of_large_losses_is_counted(referee):
    """u (|one| + |other|), where nothing else is unknown."""
    p, still = PROBLEMS["two features"], Move(np.zeros((2, 2)), np.zeros((2, 1)))
    found = referee.enclose(p, still, lambda moved: 2.0**60, 0.0)
    assert 2 * 2.0**60 * U64 <= found.enclosure.radius <= 2.01 * 2.0**60 * U64
    assert found.enclosure.midpoint == 0


class Jumping(Problem):
    """A problem whose parameters, once moved, land far away."""

    def with_arrays(self, theta, b, X, Y):
        return Problem(self.theta + 100 * np.sign(np.asarray(theta) - self.theta), self.b, X, Y)


@pytest.mark.parametrize("referee", [central, forward], ids=["central", "forward"])
def test_an_infinite_radius_says_that_the_parameters_went_too_far(referee):
    """Whatever the reason: the midpoint is 0, the move is the one that was made, and no loss is evaluated."""
    p = Jumping(np.array([[1.0], [0.0]]), np.zeros((2, 1)), np.ones((1, 1)), np.eye(2)[:, :1])
    along = Move(np.array([[1.0], [0.0]]), np.zeros((2, 1)))

    def never(moved):
        raise AssertionError("a loss was asked for")

    found = referee.enclose(p, along, never, 2.0**-30)
    assert found.enclosure.midpoint.shape == ()
    assert found.enclosure.midpoint == 0
    assert found.enclosure.radius == np.inf
    assert found.step == referee.best_step(p, along, 2.0**-30)
    assert abs(found.move.theta[0, 0]) == (200 if referee is central else 100)


@EVERY
def test_the_complex_step_is_off_by_roundings_of_imaginary_parts(name):
    """4 reach (roundings and elementary functions + 2 sum |dA|) + underflow/h + (2 h reach)^2 2 reach, per unit of mass."""
    p = Problem(*PROBLEMS[name].reals)
    truth, along = ball.truth(p), direction(p)
    reach = changed(p, along)[2].max(axis=0)
    step = 2.0**-200 * power_below(1 / max(1.0, reach.max()))
    float_ = precision.named("float64")
    count = 32 + p.d + 2 * p.L + np.count_nonzero(p.Y)
    relative = spread(count, float_.u) + 8 * elementary(float_)
    shares = truth.allowed("A").sum(axis=0)
    per_sample = 4 * reach * (relative + 2 * shares) + count * float_.eta / step + (2 * step * reach) ** 2 * 2 * reach
    found = complex_step.enclose(truth, along, model.loss)
    assert same(found.radius, mean(p, per_sample))
    gradients = {key: truth.enclosure(key) for key in ("theta", "b")}
    exact = along.project(gradients["theta"].midpoint, gradients["b"].midpoint)
    assert abs(found.midpoint - exact.midpoint) <= found.radius + exact.radius


def test_the_complex_step_is_small_and_scaled_down_for_large_changes():
    """h = 2**-200/max(1, reach), a power of two; code gets its own copies of X and Y; where reach >= 2**200 nothing is said."""
    p = posed([[0.0], [0.0]], [[0.0], [0.0]], [[1.0, 2.0]], np.eye(2)[:, [0, 1]])
    truth, asked = ball.truth(p), []

    def loss(*arrays):
        asked.append(arrays)
        arrays[2][:] = arrays[3][:] = 7.0  # it may write into them
        return 0.0j

    for size, factor in ((0.25, 1.0), (1.0, 0.25), (3.0, 0.125), (2.0**198, 2.0**-200)):
        complex_step.enclose(truth, Move(np.array([[size], [0.0]]), np.array([[0.0], [0.5]])), loss)
        theta, b, _, _ = asked[-1]
        assert theta[0, 0].imag == 2.0**-200 * factor * size
        assert b[1, 0].imag == 2.0**-200 * factor * 0.5
    assert (p.X == [[1.0, 2.0]]).all()
    assert (np.eye(2) == p.Y).all()
    for size in (2.0**199, 2.0**300):
        found = complex_step.enclose(truth, Move(np.array([[size], [0.0]]), np.zeros((2, 1))), None)
        assert found.midpoint.shape == ()
        assert (found.midpoint, found.radius) == (0, np.inf)


# ---- scipy.optimize.check_grad ----


def test_the_second_moment_along_a_weight_is_that_of_its_feature_and_along_a_bias_one_quarter():
    """(1/4n) sum mass X_j^2 for theta_lj, class by class; (1/4n) sum mass for b_l."""
    p = posed(np.zeros((2, 2)), np.zeros((2, 1)), [[1.0, -2.0], [0.5, 3.0]], [[1.0, 0.0], [2.0, 1.0]])
    assert same(cumulants.coordinate_ranges(p, "theta"), [[1, 2], [0.5, 3]] * 2)
    assert same(cumulants.coordinate_ranges(p, "b"), np.ones((2, 2)))
    assert same(scipy_check_grad.second_moments(p, "theta"), np.array([3 + 4, 0.75 + 9] * 2) / 8)
    assert same(scipy_check_grad.second_moments(p, "b"), np.array([4, 4]) / 8)


def test_steps_of_check_grad_are_two_roots_of_noise_over_curvature_as_they_are_after_rounding():
    """h = 2 (e/M2)^(1/2); 1 where nothing bends, or h would be 1 and more; at least 2 spacings; start + h - start."""
    moments = np.array([1.0, 1.0, 0.0, 2.0**-60, 1.0, np.inf, 2.0**-18, 2.0**-19])
    start = np.array([0.0, 1.0, 0.0, 0.0, 2.0**50, 0.0, 0.0, 0.0])
    found = scipy_check_grad.steps(moments, 2.0**-20, start)
    assert found.tolist() == [2.0**-9, 2.0**-9, 1.0, 1.0, 2.0**-1, 1.0, 1.0, 1.0]
    odd = scipy_check_grad.steps(np.array([3.0]), 2.0**-20, np.array([1.0]))
    h = 2 * math.sqrt(2.0**-20 / 3)
    assert odd == (1 + h) - 1 != h


def test_the_limit_of_check_grad_is_the_norm_of_truncation_rounding_and_the_gradients_own_error():
    """h M2/2 + (2e + 8 u |loss|)/h + allowed, coordinate by coordinate."""
    h, moments, allowed = np.array([0.5, 0.25]), np.array([8.0, 4.0]), np.array([0.125, 2.0])
    size = 2.0**50  # u |loss| = 1/8
    each = [0.5 * 8 / 2 + (2 * 3 + 1) / 0.5 + 0.125, 0.25 * 4 / 2 + (2 * 3 + 1) / 0.25 + 2]
    assert same(scipy_check_grad.limit(moments, h, 3.0, size, allowed), math.hypot(*each))


# ---- which referee is asked ----


def test_balls_are_asked_in_float64_for_up_to_512_entries():
    """Z and theta together, L (n + d); float64 arithmetic beyond that, and for every lower precision."""

    def problem(L, d, n, dtype="float64"):
        return Problem(*(np.ones(shape).astype(dtype) for shape in ((L, d), (L, 1), (d, n), (L, n))))

    assert isinstance(referees.oracle(problem(2, 56, 200)).values, ball.Values)  # 2 * 256
    assert isinstance(referees.oracle(problem(3, 71, 100)).values, float64.Values)
    assert isinstance(referees.oracle(problem(2, 1, 1, "float32")).values, float64.Values)


def ways(kind, Z, dtype):
    """What the two referees say, of which one must be what we get."""
    return {name: getattr(way, kind)(Z) for name, way in (("ball", ball), ("float64", float64))}


def is_way(found: Enclosure, way: Enclosure) -> bool:
    return np.array_equal(found.midpoint, way.midpoint) and np.array_equal(found.radius, way.radius)


@pytest.mark.parametrize(
    ("shape", "dtype", "way"),
    [((2, 256), "float64", "ball"), ((3, 171), "float64", "float64"), ((2, 1), "float32", "float64")],
)
def test_the_softmax_of_given_logits_is_that_of_the_referee_for_their_size_and_precision(shape, dtype, way):
    """512 entries of Z."""
    Z = np.linspace(-1, 2, shape[0] * shape[1]).reshape(shape)
    assert is_way(referees.softmax(Z, np.dtype(dtype)), ways("softmax", Z, dtype)[way])


@pytest.mark.parametrize(
    ("L", "dtype", "way"), [(22, "float64", "ball"), (23, "float64", "float64"), (2, "float32", "float64")]
)
def test_the_jacobian_at_given_logits_is_that_of_the_referee_for_its_size_and_precision(L, dtype, way):
    """L^2 entries: 484 and 529."""
    z = np.linspace(-1, 2, L)
    assert is_way(referees.softmax_jacobian(z, np.dtype(dtype)), ways("softmax_jacobian", z, dtype)[way])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_classes_at_minus_infinity_have_probability_and_derivatives_of_exactly_zero(dtype):
    """And the others do not notice."""
    Z = np.array([[0.5, 1.0], [-np.inf, -np.inf], [0.25, 3.0]])
    kept = [0, 2]
    A, J = referees.softmax(Z, np.dtype(dtype)), referees.softmax_jacobian(Z[:, 0], np.dtype(dtype))
    without = referees.softmax(Z[kept], np.dtype(dtype))
    assert is_way(A.take(kept), without)
    assert not A.midpoint[1].any()
    assert not A.radius[1].any()
    assert is_way(J.take(*np.ix_(kept, kept)), referees.softmax_jacobian(Z[kept, 0], np.dtype(dtype)))
    for part in (J.midpoint, J.radius):
        assert not part[1].any()
        assert not part[:, 1].any()


def test_twice_the_batch_has_the_bounds_of_the_summed_problem():
    """`theta`, `b` and `loss`; a masked class has 0."""
    p = posed([[1.0], [2.0], [-1.0]], [[0.5], [-np.inf], [0.0]], [[0.5, 1.0]], np.eye(3)[:, [0, 2]])
    whole, reduced = ball.truth(p), ball.truth(posed([[1.0], [-1.0]], [[0.5], [0.0]], [[0.5, 1.0]], np.eye(2)))
    for key in ("theta", "b", "loss"):
        found, due = whole.allowed_twice(key), reduced.allowed_twice(key)
        assert np.array_equal(found if key == "loss" else found[[0, 2]], due)
        assert key == "loss" or not found[1].any()
        assert (due > reduced.allowed(key)).all()
    bound, (_, _, X, _) = reduced.bounds_in(p.precision), reduced.problem.reals
    assert reduced.allowed_twice("loss") == loss_error(bound.folded, bound.softmax, times=2)
    assert np.array_equal(reduced.allowed_twice("theta"), bound.summed(abs(X).T, times=2))
    assert np.array_equal(reduced.allowed_twice("b"), bound.summed(np.ones((2, 1)), times=2))


# ---- the closed form where it serves the complex step and the logistic model ----


def test_the_loss_of_complex_parameters_is_analytic_and_cannot_overflow():
    """Im loss(p + ihV)/h is the derivative, in columns whose maxima are at different classes, at logits of a thousand."""
    p = posed([[1000.0], [0.0], [500.0]], [[0.0], [1.0], [0.0]], [[1.0, -1.0, 0.0]], np.eye(3)[:, [1, 2, 0]])
    gradients, h = model.gradients(*p.arrays()), 2.0**-200
    for l in range(3):
        step = np.zeros((3, 1), complex)
        step[l] = 1j * h
        found = model.loss(p.theta + step, p.b.astype(complex), p.X, p.Y)
        assert abs(found.imag / h - gradients["theta"][l, 0]) <= 2.0**-45
        found = model.loss(p.theta.astype(complex), p.b + step, p.X, p.Y)
        assert abs(found.imag / h - gradients["b"][l, 0]) <= 2.0**-45
        assert abs(found.real - float64.loss(p)) <= 2.0**-40


def test_the_logistic_model_depends_on_the_difference_of_the_classes_alone():
    """w = theta_1 - theta_0 and v = b_1 - b_0, where neither is 0."""
    p = posed([[0.5, -0.25], [1.5, 2.0]], [[0.75], [-0.5]], [[0.5, -1.0], [0.25, 2.0]], np.eye(2)[:, [1, 0]])
    assert abs(model.logistic_gradient(*p.arrays()) - model.theta_gradient(*p.arrays())).max() <= 2.0**-50


def test_a_class_without_a_label_does_not_count_in_the_loss_and_a_nan_does_not_hide():
    """0 log 0 = 0, and the loss of a sample without a label is exactly 0."""
    p = posed([[1.0], [2.0]], [[0.0], [0.0]], [[1.0, 5.0]], [[0.0, 0.0], [0.0, 0.0]])
    assert model.loss(*p.arrays()) == 0
    assert float64.loss(p) == 0
    assert ball.truth(p).enclosure("loss").midpoint == 0


@pytest.mark.parametrize(
    "record",
    [
        SoftmaxError,
        Allowed,
        Move,
        cumulants.Change,
        central.Directional,
        forward.Directional,
        referees.Truth,
        ball.Values,
        float64.Values,
    ],
    ids=lambda record: f"{record.__module__}.{record.__name__}",
)
def test_what_is_known_is_not_changed_and_equals_itself_alone(record):
    """Frozen, and compared by identity: arrays have no one truth value to compare by."""
    names = record.__dataclass_fields__
    one, other = (record(*(np.zeros(2) for _ in names)) for _ in range(2))
    assert one == one  # noqa: PLR0124
    assert one != other
    assert hash(one) != hash(other)
    with pytest.raises(FrozenInstanceError):
        setattr(one, next(iter(names)), None)


def test_operands_cost_nothing_where_nobody_says_what_they_are():
    """The default is 0: |theta| and |X| are counted only where they are given."""
    p = precision.granted("float16", "", True)
    assert logits_error(np.ones(1), 1, p) == logits_error(np.ones(1), 1, p, 0.0) < logits_error(np.ones(1), 1, p, 1.0)
