"""The closed forms of the paper, in every precision, against balls: each within its proven rounding bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck import Enclosure, Problem, bounds, model, precision, problems
from gradcheck.referees import Truth, ball, float64

PRECISIONS = pytest.mark.parametrize("dtype", precision.NAMES)
REGIMES = (
    "*",
    "masked-class",
    "integers",
    "label-mass",
)  # regimes that correct code may decline, but this code does not
DATA = st.data()
LARGE = 512  # logits, above which balls take seconds and float64 is the referee: a choice of cost


def drawn(data: st.DataObject, dtype: str, *regimes: str) -> Problem:
    return data.draw(problems(dtypes=(dtype,), regimes=regimes or ("*",)), label="problem")


def truth_of(problem: Problem) -> Truth:
    return ball.truth(problem) if problem.Y.size <= LARGE else float64.truth(problem)


def allowed(truth: Truth, quantity: str) -> Enclosure:
    """Where correct code of the precision of the problem may be: the exact value and its rounding bound."""
    return truth.enclosure(quantity).inflate(truth.allowed(quantity))


def assert_within(enclosure: Enclosure, computed: np.ndarray, dtype: np.dtype) -> None:
    """The value is inside, in exactly this shape and dtype."""
    assert computed.shape == enclosure.midpoint.shape
    assert computed.dtype == dtype
    assert enclosure.test_ratio(computed).max() <= 1


def exact(Z: np.ndarray) -> tuple[Enclosure, bounds.SoftmaxError]:
    """The softmax of logits that are taken as exact, and what rounding may add to it."""
    reals = Z.astype(np.float64)
    A = ball.softmax(reals) if Z.size <= LARGE else float64.softmax(reals)
    none = np.zeros_like(reals)
    upper = np.minimum(A.magnitude, 1.0)
    return A, bounds.softmax_error(Enclosure(reals, none), none, upper, precision.of(Z.dtype))


def opt_in(data: st.DataObject) -> str:
    return data.draw(st.sampled_from(REGIMES), label="regime")


# ---- forward ----


@PRECISIONS
@given(data=DATA)
def test_logits_are_theta_X_plus_b(dtype, data):
    """Z = theta X + b (eq. 20)."""
    p = drawn(data, dtype, opt_in(data))
    theta, b, X, _ = p.arrays()
    assert_within(allowed(truth_of(p), "Z"), model.logits(theta, b, X), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_the_transposed_convention_gives_the_same_logits(dtype, data):
    """Z = theta^T X + b for theta (d, L) (eq. 20, the other reading)."""
    p = drawn(data, dtype, opt_in(data))
    theta, b, X, _ = p.arrays()
    assert_within(allowed(truth_of(p), "Z"), model.logits_transposed(theta.T, b, X), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_softmax_of_the_logits_is_enclosed(dtype, data):
    """A = exp Z / sum exp Z (eq. 1), with the error of Z itself."""
    p = drawn(data, dtype, opt_in(data))
    theta, b, X, _ = p.arrays()
    assert_within(allowed(truth_of(p), "A"), model.softmax(model.logits(theta, b, X)), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_softmax_of_exact_logits_is_enclosed_more_narrowly(dtype, data):
    """A = exp Z / sum exp Z (eq. 1), where Z is exact."""
    p = drawn(data, dtype)
    Z = model.logits(p.theta, p.b, p.X)
    A, error = exact(Z)
    assert_within(A.inflate(error.A), model.softmax(p.present(Z)), Z.dtype)


@PRECISIONS
@given(data=DATA)
def test_the_exponential_of_log_probabilities_is_the_softmax(dtype, data):
    """log A = (Z - max) - log sum exp(Z - max): within its own bound of log A."""
    p = drawn(data, dtype)
    Z = model.logits(p.theta, p.b, p.X)
    A, error = exact(Z)
    log_A = model.log_probabilities(p.present(Z)).astype(np.float64)
    slack = 2.0**-50 * (1 + abs(log_A))  # of this exp and this difference
    low = np.exp(log_A - error.log_A) * (1 - slack) - 2.0**-1072
    high = np.exp(np.minimum(log_A + error.log_A, 1.0)) * (1 + slack) + 2.0**-1072
    assert (low <= A.midpoint + A.radius).all()
    assert (A.midpoint - A.radius <= high).all()


@PRECISIONS
@given(data=DATA)
def test_loss_is_the_mean_cross_entropy(dtype, data):
    """-(1/n) sum Y log A (eq. 2)."""
    p = drawn(data, dtype, opt_in(data))
    assert_within(allowed(truth_of(p), "loss"), model.loss(*p.arrays()), p.theta.dtype)


# ---- gradients ----


@PRECISIONS
@given(data=DATA)
def test_logits_gradient_is_A_minus_Y_over_n(dtype, data):
    """D = (A - Y)/n (eq. 7-10, 19)."""
    p = drawn(data, dtype, opt_in(data))
    assert_within(allowed(truth_of(p), "D"), model.logits_gradient(*p.arrays()), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_theta_gradient_is_the_logits_gradient_times_X_transposed(dtype, data):
    """D X^T (eq. 11-13, 17)."""
    p = drawn(data, dtype, opt_in(data))
    assert_within(allowed(truth_of(p), "theta"), model.theta_gradient(*p.arrays()), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_the_transposed_convention_has_the_transposed_theta_gradient(dtype, data):
    """X D^T, shape (d, L), for Z = theta^T X + b (eq. 21 as corrected)."""
    p = drawn(data, dtype, opt_in(data))
    theta, b, X, Y = p.arrays()
    computed = model.theta_gradient_transposed(theta.T, b, X, Y)
    assert computed.shape == (p.d, p.L)
    assert_within(allowed(truth_of(p), "theta"), computed.T, p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_bias_gradient_is_the_row_sums_of_the_logits_gradient(dtype, data):
    """Row sums of D, shape (L, 1) (eq. 14-16, 18)."""
    p = drawn(data, dtype, opt_in(data))
    assert_within(allowed(truth_of(p), "b"), model.bias_gradient(*p.arrays()), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_gradients_returns_what_the_three_functions_return(dtype, data):
    """One softmax in place of three: the same bits."""
    p = drawn(data, dtype, opt_in(data))
    found = model.gradients(*p.arrays())
    D = model.logits_gradient
    single = {"theta": model.theta_gradient, "b": model.bias_gradient, "Z": D}
    single["X"] = lambda theta, *rest: model.like(theta.T @ D(theta, *rest), theta)
    assert found.keys() == single.keys()
    assert all(np.array_equal(found[key], function(*p.arrays())) for key, function in single.items())


@PRECISIONS
@given(data=DATA)
def test_any_label_mass_scales_the_probabilities(dtype, data):
    """D = (A diag(1^T Y) - Y)/n: a sample without a label has a gradient of exactly 0."""
    p = drawn(data, dtype, "label-mass")
    D = model.logits_gradient(*p.arrays())
    assert_within(allowed(truth_of(p), "D"), D, p.theta.dtype)
    assert (D[:, ~p.Y.astype(bool).any(axis=0)] == 0).all()


@PRECISIONS
@given(data=DATA)
def test_a_masked_class_has_gradients_of_exactly_zero(dtype, data):
    """b = -inf: A = 0, and no label; 0 log 0 counts as 0 in the loss."""
    p = drawn(data, dtype, "masked-class")
    found = model.gradients(*p.arrays())
    assert all((found[key][p.masked] == 0).all() for key in ("theta", "b", "Z"))
    assert not np.isnan(model.loss(*p.arrays()).astype(np.float64))


# ---- the chain rule, factor by factor ----


@PRECISIONS
@given(data=DATA)
def test_softmax_jacobian_is_diag_a_minus_the_outer_product(dtype, data):
    """dA_l/dZ_l = A_l (1 - A_l), dA_l/dZ_k = -A_l A_k (eq. 5, 6, 22)."""
    p = drawn(data, dtype)
    i = data.draw(st.integers(0, p.n - 1), label="column")
    z = model.logits(p.theta, p.b, p.X)[:, i]
    A, error = exact(z[:, np.newaxis])
    J = ball.softmax_jacobian(z.astype(np.float64))
    may_add = bounds.jacobian_error(A.take(slice(None), 0), error.A[:, 0], p.precision)
    assert_within(J.inflate(may_add), model.softmax_jacobian(z), z.dtype)


@PRECISIONS
@given(data=DATA)
def test_columns_of_Z_do_not_mix(dtype, data):
    """dA_li/dZ_kj = 0 for i ≠ j (beside eq. 6): the other columns may be anything, and A_i keeps its bits."""
    p = drawn(data, dtype)
    i = data.draw(st.integers(0, p.n - 1), label="column")
    Z = model.logits(p.theta, p.b, p.X)
    other = np.roll(Z, 1, axis=0) / Z.dtype.type(2)
    other[:, i] = Z[:, i]
    assert np.array_equal(model.softmax(other)[:, i], model.softmax(Z)[:, i])


def gentle(p: Problem) -> Problem:
    """The same problem with theta and b brought down by a power of two, so that no |logit| exceeds 2."""
    theta, b, X, _ = p.reals
    size = float((abs(theta) @ abs(X) + abs(b)).max())
    scale = 2.0 ** -np.ceil(np.log2(size)) if size > 1 else 1.0
    round_ = p.precision.round
    return Problem(round_(theta * scale), round_(b * scale), p.X, p.Y, p.memory)


def inverse_share(p: Problem, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """|dL/dA| = Y/(nA) (eq. 4), an upper bound of it, and what rounding may add: n A, n as a float, and a quotient."""
    A, Y = truth.enclosure("A"), p.reals[3]
    top = Y / (p.n * (A.midpoint - A.radius)) * (1 + 2.0**-50)
    relative = truth.bounds_in(p.precision).softmax.relative
    return top, top * np.expm1(relative + 3 * bounds.lam(p.precision.u)) * (1 + 2.0**-50) + p.precision.eta


@PRECISIONS
@given(data=DATA)
def test_probabilities_gradient_is_minus_Y_over_n_A(dtype, data):
    """dL/dA = -Y/(nA), entry by entry (eq. 4, as corrected): no sum is left."""
    p = gentle(drawn(data, dtype))
    truth = truth_of(p)
    top, may_add = inverse_share(p, truth)
    A = truth.enclosure("A")
    midpoint = -p.reals[3] / (p.n * A.midpoint)
    enclosure = Enclosure(midpoint, (top + midpoint) + may_add + 2.0**-50 * top)
    computed = model.probabilities_gradient(model.softmax(model.logits(*p.arrays()[:3])), p.arrays()[3])
    assert_within(enclosure, computed, p.theta.dtype)


@PRECISIONS
@settings(max_examples=50)
@given(data=DATA)
def test_chain_rule_gives_the_closed_form(dtype, data):
    """dL/dA . dA/dZ . dZ/dtheta = (A - Y) X^T/n (eq. 3), within the rounding of the longer way.

    With |dJ| the Jacobian's and |dO| the rounding of dL/dA, each column J O is off by at most |dJ| |O| + (|J| + |dJ|) |dO|
    + gamma_L (|J| + |dJ|) (|O| + |dO|), and the sum over samples adds gamma_n.
    """
    p = gentle(drawn(data, dtype))
    truth, u = truth_of(p), p.precision.u
    A, delta = truth.enclosure("A"), truth.allowed("A")
    outer, outer_added = inverse_share(p, truth)
    error, size = np.zeros(p.Y.shape), np.zeros(p.Y.shape)
    for i in range(p.n):
        a = A.take(slice(None), i)
        added = bounds.jacobian_error(a, delta[:, i], p.precision)
        J = np.diag(a.magnitude) + np.multiply.outer(a.magnitude, a.magnitude) + 2 * added
        o, do = outer[:, i], outer_added[:, i]
        size[:, i] = J @ (o + do)
        error[:, i] = added @ o + J @ do + bounds.spread(p.L + 1, u) * size[:, i] + p.L * p.precision.eta
    X = abs(p.reals[2]).T
    total = (error + bounds.spread(p.n + 1, u) * (size + error)) @ X + (p.n + 1) * p.precision.eta
    enclosure = truth.enclosure("theta").inflate(total * (1 + 2.0**-40))  # of these sums, of up to 2**12 terms
    assert_within(enclosure, model.chain_rule(*p.arrays()), p.theta.dtype)


@PRECISIONS
@given(data=DATA)
def test_two_classes_are_the_logistic_model(dtype, data):
    """±(sigma(w x + v) - y) x^T/n, the first class at 0 (L = 2 in eq. 1 and 17).

    Both rows are as accurate as that of the second class: the first is its negative.
    """
    p = drawn(data, dtype, "two-classes")
    theta, b = p.theta.copy(), p.b.copy()
    theta[0], b[0] = 0, 0
    reduced = Problem(theta, b, p.X, p.Y, p.memory)
    enclosure = ball.logistic_gradient(reduced).inflate(truth_of(reduced).allowed("theta")[1:])
    with np.errstate(over="ignore"):
        computed = model.logistic_gradient(*reduced.arrays())
    assert_within(enclosure, computed, p.theta.dtype)


# ---- conduct ----

FUNCTIONS = (
    model.gradients,
    model.loss,
    model.logits_gradient,
    model.theta_gradient,
    model.bias_gradient,
    model.chain_rule,
)


@PRECISIONS
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@settings(max_examples=25)
@given(data=DATA)
def test_no_function_writes_into_its_inputs(dtype, function, data):
    """Whatever their order in memory; read-only arrays and whole numbers included."""
    p = gentle(drawn(data, dtype)) if function is model.chain_rule else drawn(data, dtype, opt_in(data))
    given_, kept = p.arrays(), p.arrays()
    function(*given_)
    assert all(before.tobytes() == after.tobytes() for before, after in zip(kept, given_, strict=True))


@PRECISIONS
@pytest.mark.parametrize(
    "function", [model.softmax, model.log_probabilities, model.softmax_jacobian], ids=lambda function: function.__name__
)
@settings(max_examples=25)
@given(data=DATA)
def test_no_function_of_Z_writes_into_it(dtype, function, data):
    """Neither softmax nor the Jacobian shifts its input in place, and both keep its dtype."""
    p = drawn(data, dtype)
    Z = p.present(model.logits(p.theta, p.b, p.X))
    Z = Z[:, 0].copy() if function is model.softmax_jacobian else Z
    kept = Z.tobytes()
    assert function(Z).dtype == Z.dtype
    assert Z.tobytes() == kept


@PRECISIONS
def test_the_logistic_model_keeps_a_small_probability_that_the_precision_can_hold(dtype):
    """sigma(z) for z just below -log(huge): exp(-z) overflows, sigma(z) does not underflow to 0."""
    p = precision.named(dtype)
    v = float(p.round(-np.log(p.huge) - 0.5))
    arrays = ([[0.0], [0.0]], [[0.0], [v]], [[1.0]], [[1.0], [0.0]])
    problem = Problem(*(np.array(array, dtype=p.dtype) for array in arrays))
    enclosure = ball.logistic_gradient(problem).inflate(truth_of(problem).allowed("theta")[1:])
    with np.errstate(over="ignore"):
        computed = model.logistic_gradient(*problem.arrays())
    assert enclosure.test_ratio(computed)[1, 0] <= 1
