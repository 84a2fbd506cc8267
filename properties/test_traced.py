"""A loss that JAX has traced is that of its text in NumPy's notation: the truth, what rounding may do, and what is refused."""

import importlib

import flint
import numpy as np
import pytest

import gradcheck
from gradcheck.checks import Trial
from gradcheck.enclosure import U64
from gradcheck.implementations import losses
from gradcheck.law.own import Loss
from gradcheck.problem import Problem
from gradcheck.referees import own, rounded

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax
compiled = importlib.import_module("gradcheck.implementations.jax").compiled
GENERATOR = np.random.default_rng(20)
QUANTITIES = ("loss", "D", "theta", "b", "X")


def focal_np(Z, Y, *, np, gamma=2):
    log_p = np.log_softmax(Z)
    return -np.mean(np.sum(Y * (1 - np.exp(log_p)) ** gamma * log_p, axis=0))


def focal(Z, Y, *, gamma=2):
    log_p = jax.nn.log_softmax(Z, axis=0)
    return -jnp.mean(jnp.sum(Y * (1 - jnp.exp(log_p)) ** gamma * log_p, axis=0))


def margin_np(Z, Y, *, np):
    other = np.max(np.where(Y > 0, -np.inf, Z), axis=0)
    return np.sum(np.relu(1 + other - np.sum(Z * Y, axis=0)))


def margin(Z, Y):
    other = jnp.max(jnp.where(Y > 0, -jnp.inf, Z), axis=0)
    return jnp.sum(jax.nn.relu(1 + other - jnp.sum(Z * Y, axis=0)))


def contrast_np(theta, b, X, Y, *, np):
    Q = theta @ X + b
    S = np.einsum("ki,kj->ij", Q, Q) / 4
    return np.mean(np.logsumexp(S) - np.diagonal(S)) + 0.5 * np.norm(theta)


def contrast(theta, b, X, Y):
    Q = theta @ X + b
    S = jnp.einsum("ki,kj->ij", Q, Q) / 4
    return jnp.mean(jax.nn.logsumexp(S, axis=0) - jnp.diagonal(S)) + 0.5 * jnp.linalg.norm(theta)


def logistic_np(Z, Y, *, np):
    return np.sum(np.softplus(Z) - Y * Z) + np.sum(np.cumsum(np.tanh(Z), axis=0) ** 2)


def logistic(Z, Y):
    return jnp.sum(jax.nn.softplus(Z) - Y * Z) + jnp.sum(jnp.cumsum(jnp.tanh(Z), axis=0) ** 2)


def labelled_np(Z, Y, *, np):
    return -np.mean(np.take_along_axis(np.log_softmax(Z), np.argmax(Y, axis=0)[None], axis=0))


def labelled(Z, Y):
    def sample(total, column):
        z, label = column
        return total - jax.nn.log_softmax(z)[label], None

    labels = jnp.argmax(Y, axis=0)
    return lax.scan(sample, jnp.zeros((), Z.dtype), (Z.T, labels))[0] / Z.shape[1]


PAIRS = {"focal": (focal_np, focal), "margin": (margin_np, margin), "contrast": (contrast_np, contrast)}
PAIRS |= {"logistic": (logistic_np, logistic), "labelled": (labelled_np, labelled)}


def posed(law, dtype="float64", shape=(3, 2, 4)):
    """A problem of that loss."""
    L, d, n = shape
    arrays = (GENERATOR.normal(size=size) * 2 for size in ((L, d), (L, 1), (d, n)))
    return Problem(*(a.astype(dtype) for a in arrays), np.eye(L)[:, GENERATOR.integers(0, L, n)].astype(dtype), law=law)


def by_jax(function, problem, of_z):
    """The loss and its gradients, as JAX computes them."""

    def whole(theta, b, X):
        return function(theta @ X + b, problem.Y) if of_z else function(theta, b, X, problem.Y)

    loss, found = compiled(jax.value_and_grad(whole, argnums=(0, 1, 2)))(problem.theta, problem.b, problem.X)
    return {"loss": loss, **dict(zip(("theta", "b", "X"), found, strict=True))}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, dtype) for name in PAIRS for dtype in ("float64", "bfloat16")),
        ("focal", "float32"),
        ("contrast", "float16"),
    ],
)
def test_the_same_truth_as_of_the_text_and_correct_code_within_the_bound(name, dtype):
    text, function = PAIRS[name]
    law = Loss.traced(function)
    problem = posed(law, np.dtype(dtype) if dtype != "bfloat16" else pytest.importorskip("ml_dtypes").bfloat16)
    traced, written = own.truth(problem), own.truth(Problem(*problem.arrays(), law=Loss(text)))
    for quantity in QUANTITIES if law.of_Z else ("loss", "theta", "b", "X"):
        one, other = traced.enclosure(quantity), written.enclosure(quantity)
        assert (abs(one.midpoint - other.midpoint) <= one.radius + other.radius).all(), quantity
        limits = traced.allowed(quantity), written.allowed(quantity)
        if dtype in ("float64", "float32"):
            assert 1 / 16 < np.max(limits[0]) / np.max(limits[1]) < 16, quantity
    for quantity, got in by_jax(function, problem, law.of_Z).items():
        truth = traced.enclosure(quantity)
        assert (abs(np.asarray(got, np.float64) - truth.midpoint) <= traced.allowed(quantity) + truth.radius).all(), (
            quantity
        )


@pytest.mark.parametrize("law", [Loss(labelled_np), Loss.traced(labelled)])
def test_labels_are_labels_in_any_arithmetic_that_is_declared(law):
    """JAX takes subnormal numbers for zero: the 1 of a label is none."""
    it = gradcheck.Implementation(
        "given", lambda *arrays: {}, law=law, arithmetic=gradcheck.Arithmetic(subnormals="flushed")
    )
    assert np.isfinite(Trial(it, posed(law, np.dtype("float32"))).truth.allowed("theta")).all()


def test_mixed_precision_is_read_off():
    """Products of bfloat16 that are added up in float32, and what is converted: u is that of each result."""
    pytest.importorskip("ml_dtypes")

    def plain(theta, b, X, Y):
        return jnp.sum((theta @ X + b - Y) ** 2)

    def mixed(theta, b, X, Y):
        Z = lax.dot(theta, X, preferred_element_type=jnp.float32) + b.astype(jnp.float32)
        return jnp.sum((Z - Y.astype(jnp.float32)) ** 2)

    problem = posed(Loss.traced(mixed), jnp.bfloat16)
    sharp, wide = own.truth(problem), own.truth(Problem(*problem.arrays(), law=Loss.traced(plain)))
    assert sharp.allowed("loss") < wide.allowed("loss") / 1000
    assert (
        abs(sharp.enclosure("loss").midpoint - wide.enclosure("loss").midpoint)
        <= 1e-12 * wide.enclosure("loss").midpoint
    )
    assert (sharp.enclosure("theta").radius <= 1e-14 * abs(sharp.enclosure("theta").midpoint)).all()
    for quantity, got in by_jax(mixed, problem, of_z=False).items():
        assert (abs(np.asarray(got, np.float64) - sharp.enclosure(quantity).midpoint) <= sharp.allowed(quantity)).all()


def test_what_is_rounded_in_the_text_is_granted_and_the_truth_is_exact():
    def narrowed(Z, Y):
        return jnp.sum(jnp.square(Z.astype(jnp.float32) * 0.1 - Y).astype(Z.dtype))

    truth = own.truth(posed(Loss.traced(narrowed)))
    assert 1e-9 < float(truth.allowed("loss") / truth.enclosure("loss").midpoint) < 1e-5
    assert truth.enclosure("loss").radius < 1e-13


def test_powers_of_two_are_powers_of_two():
    """2^x is e^(x log 2), of a logarithm that no precision has: the truth is not that of its rounding."""
    X = np.array([[100.75]])
    problem = Problem(
        np.ones((2, 1)), np.zeros((2, 1)), X, np.zeros((2, 1)), law=Loss.traced(lambda Z, Y: jnp.sum(jnp.exp2(Z)))
    )
    with flint.ctx.workprec(200):
        exact = 2 * flint.arb(2) ** flint.arb(100.75)
        found = own.truth(problem).enclosure("loss")
        assert abs(exact - float(found.midpoint)) <= 4 * U64 * exact
        assert abs(exact - float(found.midpoint)) <= float(found.radius)
        wide = rounded.Rounded(problem, rounded.EXACT).enclosed("loss")
        assert abs(exact - float(wide.midpoint)) <= float(wide.radius)


def test_a_rule_of_a_derivative_that_is_wrong_is_caught():
    @jax.custom_vjp
    def smooth(Z):
        return jnp.sum(jax.nn.softplus(Z))

    smooth.defvjp(lambda Z: (smooth(Z), Z), lambda Z, g: (g * jax.nn.sigmoid(Z) * 1.0001,))

    def loss(Z, Y):
        return smooth(Z) - jnp.sum(Z * Y)

    problem = posed(Loss.traced(loss))
    found, right = by_jax(loss, problem, of_z=True), jax.nn.sigmoid
    verdicts = gradcheck.judge_gradient(problem, theta=np.asarray(found["theta"]), b=np.asarray(found["b"]))
    assert {str(verdict.outcome) for verdict in verdicts.values()} == {"disagree"}
    with jax.enable_x64(True):
        D = np.asarray(right(jnp.asarray(problem.theta @ problem.X + problem.b)) - problem.Y)
    verdicts = gradcheck.judge_gradient(problem, theta=D @ problem.X.T, b=D.sum(axis=1, keepdims=True))
    assert {str(verdict.outcome) for verdict in verdicts.values()} == {"agree"}


def test_a_program_of_jax_that_rounds_more_than_the_tape_is_granted():
    @jax.custom_vjp
    def square(Z):
        return jnp.sum(Z * Z) / 2

    square.defvjp(lambda Z: (square(Z), Z), lambda Z, g: (g * (lax.optimization_barrier(Z + 2.0**20) - 2.0**20),))
    problem = posed(Loss.traced(lambda Z, Y: square(Z) - jnp.sum(Z * Y)))
    found = by_jax(lambda Z, Y: square(Z) - jnp.sum(Z * Y), problem, of_z=True)
    assert str(gradcheck.judge_gradient(problem, theta=np.asarray(found["theta"]))["theta"].outcome) == "agree"
    assert (abs(np.asarray(found["theta"]) - own.truth(problem).enclosure("theta").midpoint) > 1e-13).any()


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (lambda Z, Y: jnp.sum(jnp.tan(Z)), "lax.tan is not among"),
        (lambda Z, Y: jnp.sum(lax.fori_loop(0, 100, lambda k, z: z * 0.5, Z)), "lax.scan of 100 steps is longer"),
        (lambda Z, Y: jnp.sum(Z.astype(jnp.float8_e4m3fn).astype(Z.dtype)), "dtype float8_e4m3fn"),
        (lambda Z, Y: Z * Y, "returns an array of shape (3, 4); expected one number"),
        (lambda Z, Y: 1 / 0, "ZeroDivisionError"),
        (lambda Z, Y: jnp.sum(Z.at[jnp.array([0, 0])].set(Z[1:])), "puts several numbers into one place"),
        (lambda Z, Y: jnp.sum(Z.at[jnp.array([0, 0])].multiply(Z[1:])), "multiplies several numbers into one place"),
        (lambda Z, Y: jnp.sum(Z + jnp.argmax(Z * 0 > 0, axis=0)), "the first of conditions that rounding may turn"),
        (lambda Z, Y: jnp.sum(lax.round(Z, lax.RoundingMethod.AWAY_FROM_ZERO)), "lax.round away from zero"),
    ],
)
def test_what_cannot_be_read_is_one_line(function, line):
    with pytest.raises(gradcheck.Unusable) as told:
        own.truth(posed(Loss.traced(function))).allowed("theta")
    assert line in str(told.value)
    assert "\n" not in str(told.value)


def test_kinks_are_in_doubt_and_functions_that_have_none_are_not():
    zero = np.zeros((3, 2))
    problem = posed(Loss.traced(lambda Z, Y: jnp.sum(jax.nn.softplus(Z) - Y * Z)))
    smooth = own.truth(Problem(zero, problem.b * 0, problem.X, problem.Y, law=problem.law))
    assert (smooth.allowed("D") < 1e-14).all()
    law = Loss.traced(lambda Z, Y: jnp.sum(jnp.abs(Z)))
    kinked = own.truth(Problem(zero, problem.b * 0, problem.X, problem.Y, law=law))
    assert (kinked.allowed("D") + kinked.enclosure("D").radius >= 1).all()


def test_a_file_may_name_one_and_it_is_judged(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import gradcheck, jax, jax.numpy as jnp\n"
        "def squares(Z, Y, weight=2.0):\n    return weight * jnp.mean((Z - Y) ** 2)\n"
        "spec = gradcheck.Loss.traced(squares)\n"
    )
    law = losses.load(f"{tmp_path / 'mine.py'}:spec", {"weight": 3.0})
    assert law.options == {"weight": 3.0}
    assert law.word.endswith("mine.py:spec")

    problem = posed(law)
    D = 6 * (problem.theta @ problem.X + problem.b - problem.Y) / problem.Y.size
    assert str(gradcheck.judge_gradient(problem, theta=D @ problem.X.T)["theta"].outcome) == "agree"
    assert str(gradcheck.judge_gradient(problem, theta=D @ problem.X.T / 3)["theta"].outcome) == "disagree"


def test_arrays_that_a_text_has_from_elsewhere_are_of_the_precision_of_jax():
    """Without 64 bits an array of float64 is one of float32."""
    weights = np.array([[1.0], [0.3], [2.0]])
    problem = posed(Loss.traced(lambda Z, Y: -jnp.mean(weights * Y * jax.nn.log_softmax(Z, axis=0))), "float32")
    truth = own.truth(problem)
    assert (truth.allowed("theta") < 1e-4).all()
    assert truth.enclosure("loss").radius < 1e-6


SORTED = {
    "median": lambda Z, Y: jnp.mean(jnp.median((Z - Y) ** 2, axis=0)),
    "argmax": lambda Z, Y: jnp.sum(Z[jnp.argmax(Z, axis=0), jnp.arange(Z.shape[1])] ** 2),
    "top_k": lambda Z, Y: jnp.mean(lax.top_k(-jnp.sum(Y * jax.nn.log_softmax(Z, axis=0), axis=0), 1)[0]),
    "cond": lambda Z, Y: lax.cond(jnp.sum(Z) > 0, lambda z: jnp.sum(z**2), lambda z: jnp.sum(z**3), Z),
}


@pytest.mark.parametrize("name", SORTED)
def test_a_run_goes_on_where_a_problem_ties(name):
    """Logits that are 0 are drawn, too: of them nothing is known, and nothing is refused."""
    function = SORTED[name]
    it = gradcheck.from_jax(lambda theta, b, X, Y: function(theta @ X + b, Y), law=Loss.traced(function))
    run = gradcheck.conform(it, dtype="float64", max_examples=25, checks=("loss", "theta_gradient"))
    assert not run.failed
    assert run.tallies["theta_gradient"].outcome is gradcheck.Outcome.AGREE
