"""Rounding bounds: no correct code exceeds them, in any order of summation, and evaluating them does not make them too small."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck import Enclosure, Problem, bounds, model, precision, problems
from gradcheck.enclosure import ETA64, U64, outward
from gradcheck.precision import Precision
from gradcheck.problem import Array
from gradcheck.referees import Truth, ball

PRECISIONS = pytest.mark.parametrize("dtype", precision.NAMES)
QUANTITIES = ("Z", "A", "loss", "D", "theta", "b")
DATA = st.data()
LARGE = 512  # logits, above which balls take seconds: a choice of cost

counts = st.integers(0, 10**6)
roundoffs = st.sampled_from([precision.named(name).u for name in precision.NAMES])
sizes = st.floats(0, 1e100)


def drawn(data: st.DataObject, dtype: str, *regimes: str) -> Problem:
    """A problem for balls: large ones are cut down to their first samples."""
    regime = data.draw(st.sampled_from(regimes or ("*", "label-mass")), label="regime")
    p = data.draw(problems(dtypes=(dtype,), regimes=(regime,)), label="problem")
    n = min(p.n, max(1, LARGE // p.L))
    return Problem(p.theta, p.b, p.X[:, :n], p.Y[:, :n], p.memory)


# ---- evaluated against exact arithmetic ----


@given(m=counts, u=roundoffs)
def test_gamma_is_m_u_over_one_minus_m_u(m, u):
    """gamma_m = m u/(1 - m u) (Higham 2002, section 3.1), exactly or above; infinite where m u >= 1."""
    exact = m * Fraction(u)
    if exact >= 1:
        assert bounds.gamma(m, u) == np.inf
    else:
        assert Fraction(float(outward(bounds.gamma(m, u)))) >= exact / (1 - exact)


@given(m=counts, u=roundoffs)
def test_lam_is_minus_log_of_one_minus_u(m, u):
    """lam(u) = -log(1 - u), exactly or above."""
    with flint.ctx.workprec(256):
        exact = -(1 - flint.arb(u)).log()
        assert flint.arb(float(outward(bounds.lam(u)))) >= exact


@given(k=counts, u=roundoffs)
def test_spread_is_the_error_of_k_roundings_without_dropping_a_term(k, u):
    """spread(k, u) = (1 - u)**-k - 1, exactly or above, as far as exp(700).

    The exponent k lam(u) has a rounding error of its own, which counts k times: whoever adds k terms has k roundings more.
    """
    with flint.ctx.workprec(256):
        exact = (-k * (1 - flint.arb(u)).log()).expm1()
        found = flint.arb(float(outward(bounds.spread(k, u), k + 8)))
        assert found >= exact or bounds.spread(k, u) == np.expm1(700.0)


@given(k=st.integers(0, 60), u=roundoffs, signs=st.randoms(use_true_random=False))
def test_spread_covers_every_product_and_quotient_of_k_roundings(k, u, signs):
    """prod (1 + e_i)**(±1) lies within 1 ± spread(k, u) for |e_i| <= u."""
    product = Fraction(1)
    for _ in range(k):
        product *= (1 + signs.choice([-1, 1]) * Fraction(u)) ** signs.choice([-1, 1])
    assert abs(product - 1) <= Fraction(float(outward(bounds.spread(k, u))))


@given(bound=sizes, roundings=counts)
def test_outward_is_above_whatever_so_many_roundings_have_taken_away(bound, roundings):
    """x/(1 - u)**r + r eta, exactly or below: the exact value of what r roundings made into x."""
    with flint.ctx.workprec(256):
        exact = flint.arb(bound) / (1 - flint.arb(U64)) ** roundings + roundings * flint.arb(ETA64) / 2
        assert flint.arb(float(outward(bound, roundings))) >= exact


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=30), weights=st.lists(st.floats(0, 1e6), min_size=30))
def test_outward_covers_a_sum_of_products_in_float64(values, weights):
    """Products that underflow and a sum in NumPy's order."""
    left, right = np.array(values), np.array(weights[: len(values)])
    exact = sum(Fraction(a) * Fraction(b) for a, b in zip(values, weights, strict=False))
    assert Fraction(float(outward(left @ right, len(values) + 1))) >= exact


@given(data=DATA)
def test_the_logits_bound_is_not_less_than_its_formula(data):
    """gamma_{d+1} (|theta||X| + |b|) in exact arithmetic, although float64 works it out."""
    p = drawn(data, data.draw(st.sampled_from(precision.NAMES), label="dtype"))
    l, i = data.draw(st.integers(0, p.L - 1), label="class"), data.draw(st.integers(0, p.n - 1), label="sample")
    theta, b, X, _ = p.reals
    size = sum(abs(Fraction(t) * Fraction(x)) for t, x in zip(theta[l].tolist(), X[:, i].tolist(), strict=True))
    size += abs(Fraction(float(b[l, 0])))
    found = float(ball.truth(p).allowed("Z")[l, i])
    m = (p.d + 1) * Fraction(p.precision.u)
    assert (
        found == np.inf or Fraction(found) >= min(m / (1 - m), (1 - Fraction(p.precision.u)) ** -(p.d + 1) - 1) * size
    )


# ---- shape of the bounds ----


def allowed_in(truth: Truth, name: str) -> dict[str, Array]:
    found = truth.bounds_in(precision.named(name))
    return {quantity: getattr(found, quantity) for quantity in QUANTITIES}


@given(data=DATA)
def test_bounds_are_positive(data):
    """Correct code may always round: no bound is 0, negative or NaN."""
    p = drawn(data, data.draw(st.sampled_from(precision.NAMES), label="dtype"))
    assert all((found > 0).all() for found in allowed_in(ball.truth(p), p.precision.name).values())


@pytest.mark.parametrize(
    ("finer", "coarser"), [("float64", "float32"), ("float32", "bfloat16"), ("float64", "float16")]
)
@given(data=DATA)
def test_a_coarser_precision_is_allowed_more(finer, coarser, data):
    """Every bound grows with u."""
    truth = ball.truth(drawn(data, coarser))
    little, much = allowed_in(truth, finer), allowed_in(truth, coarser)
    assert [quantity for quantity in QUANTITIES if not (little[quantity] <= much[quantity]).all()] == []


@PRECISIONS
@given(data=DATA)
def test_a_larger_error_of_the_logits_is_passed_on(dtype, data):
    """The bounds of softmax grow with the error of Z and with what is known of A."""
    p = drawn(data, dtype)
    truth = ball.truth(p)
    Z, A = truth.enclosure("Z"), np.minimum(truth.enclosure("A").magnitude, 1.0)
    delta = np.abs(Z.midpoint) * p.precision.u
    little = bounds.softmax_error(Z, delta, A, p.precision)
    more, less_known = (
        bounds.softmax_error(Z, 2 * delta, A, p.precision),
        bounds.softmax_error(Z, delta, np.ones_like(A), p.precision),
    )
    for part in ("log_A", "A", "relative"):
        assert (getattr(little, part) <= getattr(more, part)).all()
        assert (getattr(little, part) <= getattr(less_known, part)).all()


@given(size=sizes, d=st.integers(1, 1000), name=st.sampled_from(precision.NAMES))
def test_the_logits_bound_grows_with_features_and_magnitude(size, d, name):
    """gamma_{d+1} (|theta||X| + |b|), and infinite where a partial sum may overflow."""
    p = precision.named(name)
    here = bounds.logits_error(np.array(size), d, p)
    assert here <= bounds.logits_error(np.array(size), d + 1, p)
    assert here <= bounds.logits_error(np.array(2 * size), d, p)
    assert size < p.huge or here == np.inf


@PRECISIONS
@given(data=DATA)
def test_the_softmax_bound_covers_the_worst_change_of_exact_logits(dtype, data):
    """Rounding apart, A may be that of any Z ± delta: here every sign is the worst for one class."""
    p = drawn(data, dtype)
    truth = ball.truth(p)
    Z, delta = truth.enclosure("Z").midpoint, np.minimum(truth.allowed("Z"), 2.0**10)
    l = data.draw(st.integers(0, p.L - 1), label="class")
    sign = np.where(np.arange(p.L) == l, 1.0, -1.0)[:, np.newaxis] * data.draw(st.sampled_from([1, -1]), label="sign")
    moved = ball.softmax(Z + sign * delta)
    own = abs(Z) * 2.0**-52 + delta * 2.0**-52 + 2.0**-1070  # of this sum, and of Z as float64
    A = truth.enclosure("A")
    error = bounds.softmax_error(Enclosure(Z, own), delta + own, np.minimum(A.magnitude, 1.0), p.precision)
    assert A.inflate(error.A).meets(moved)


# ---- code of other people ----

Sum = Callable[[Array], Array]  # along the last axis


def _one_by_one(terms: Array, order: Array) -> Array:
    total = np.zeros(terms.shape[:-1], terms.dtype)
    for k in order:
        total = (total + terms[..., k]).astype(terms.dtype)
    return total


def forwards(terms: Array) -> Array:
    return _one_by_one(terms, np.arange(terms.shape[-1]))


def backwards(terms: Array) -> Array:
    return _one_by_one(terms, np.arange(terms.shape[-1])[::-1])


def _by_size(terms: Array) -> Array:
    """Indices from the smallest column of terms to the largest."""
    return abs(terms.astype(np.float64)).reshape(-1, terms.shape[-1]).max(axis=0).argsort()


def smallest_first(terms: Array) -> Array:
    return _one_by_one(terms, _by_size(terms))


def largest_first(terms: Array) -> Array:
    return _one_by_one(terms, _by_size(terms)[::-1])


def positive_first(terms: Array) -> Array:
    """The worst cancellation: everything above 0, and then everything below."""
    return _one_by_one(np.sort(terms, axis=-1)[..., ::-1], np.arange(terms.shape[-1]))


def in_pairs(terms: Array) -> Array:
    while terms.shape[-1] > 1:
        odd = terms[..., -1:] if terms.shape[-1] % 2 else terms[..., :0]
        half = terms.shape[-1] // 2
        terms = np.concatenate([(terms[..., :half] + terms[..., half : 2 * half]).astype(terms.dtype), odd], axis=-1)
    return terms[..., 0]


SUMS = (forwards, backwards, smallest_first, largest_first, positive_first, in_pairs)


@dataclass(frozen=True)
class Code:
    """The model as somebody else would write it: each result has the dtype of its arguments, at every step."""

    summed: Sum
    reciprocal: bool  # multiply by 1/s and by 1/n rather than divide
    mean_last: bool  # divide the gradients by n, rather than D

    def over(self, value: Array, by: Array) -> Array:
        one = value.dtype.type(1)
        return (value * (one / by)).astype(value.dtype) if self.reciprocal else (value / by).astype(value.dtype)

    def matmul(self, left: Array, right: Array) -> Array:
        """(p, q) (q, r)"""
        return self.summed((left[:, np.newaxis, :] * right.T[np.newaxis, :, :]).astype(left.dtype))

    def logits(self, theta: Array, b: Array, X: Array) -> Array:
        """The bias is one more term of the sum."""
        wider = np.concatenate([X, np.ones((1, X.shape[1]), X.dtype)])
        return self.matmul(np.concatenate([theta, b], axis=1), wider)

    def _powers(self, Z: Array) -> tuple[Array, Array, Array]:
        top = Z.max(axis=0, keepdims=True)
        powers = np.exp(Z - top)
        return top, powers, self.summed(powers.T)[np.newaxis, :]

    def softmax(self, Z: Array) -> Array:
        _, powers, total = self._powers(Z)
        return self.over(powers, total)

    def loss(self, form: str, Z: Array, Y: Array) -> Array:
        """-(1/n) sum Y log A, with log A as (Z - max) - log s or as Z - (max + log s)."""
        top, _, total = self._powers(Z)
        log_A = (Z - top) - np.log(total) if form == "shifted" else Z - (top + np.log(total))
        nothing = Z.dtype.type(0)
        terms = np.where(Y > 0, Y * np.where(Y > 0, log_A, nothing), nothing).astype(Z.dtype)
        return self.over(-self.summed(terms.reshape(-1)), np.asarray(Y.shape[1]).astype(Z.dtype))

    def gradients(self, theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        mass = self.summed(Y.T)[np.newaxis, :]
        n = np.asarray(X.shape[1]).astype(Y.dtype)
        residual = (self.softmax(self.logits(theta, b, X)) * mass - Y).astype(Y.dtype)
        D = self.over(residual, n)
        if self.mean_last:
            return {
                "theta": self.over(self.matmul(residual, X.T), n),
                "b": self.over(self.summed(residual)[:, np.newaxis], n),
                "D": D,
            }
        return {"theta": self.matmul(D, X.T), "b": self.summed(D)[:, np.newaxis], "D": D}


def codes(data: st.DataObject) -> Code:
    flags = st.booleans()
    return Code(
        data.draw(st.sampled_from(SUMS), label="order"),
        data.draw(flags, label="reciprocal"),
        data.draw(flags, label="mean last"),
    )


def worst(truth: Truth, quantity: str, computed: Array) -> float:
    """The worst test ratio of correct code: at most 1, or the bound is wrong."""
    return float(truth.enclosure(quantity).inflate(truth.allowed(quantity)).test_ratio(computed).max())


@PRECISIONS
@given(data=DATA)
def test_nothing_summed_in_any_order_exceeds_its_bound(dtype, data):
    """gamma_{d+1} covers d products and d sums of a logit, in any order (Higham 2002, section 4.2).

    The softmax is divided by its sum, or multiplied by the reciprocal; the loss is of (z - m) - log s and of z - (m + log s)
    (Blanchard, Higham & Higham 2021); D is first divided by n, or the sums are at the end.
    """
    p, code = drawn(data, dtype), codes(data)
    truth, Z = ball.truth(p), code.logits(p.theta, p.b, p.X)
    found = [("Z", Z), ("A", code.softmax(Z)), *code.gradients(p.theta, p.b, p.X, p.Y).items()]
    found += [("loss", code.loss(form, Z, p.Y)) for form in ("shifted", "log-sum-exp")]
    assert [(quantity, ratio) for quantity, value in found if not (ratio := worst(truth, quantity, value)) <= 1] == []


@PRECISIONS
@given(data=DATA)
def test_the_jacobian_stays_within_its_bound_in_both_forms(dtype, data):
    """a (1 - a) and a - a a on the diagonal."""
    p = drawn(data, dtype)
    z = model.logits(p.theta, p.b, p.X)[:, 0]
    reals, none = z.astype(np.float64), np.zeros((p.L, 1))
    A = ball.softmax(reals[:, np.newaxis])
    error = bounds.softmax_error(Enclosure(reals[:, np.newaxis], none), none, np.minimum(A.magnitude, 1.0), p.precision)
    truth = ball.softmax_jacobian(reals)
    enclosure = truth.inflate(bounds.jacobian_error(A.take(slice(None), 0), error.A[:, 0], p.precision))
    a, one = model.softmax(z[:, np.newaxis])[:, 0], z.dtype.type(1)
    for diagonal in (a * (one - a), a - a * a):
        J = -np.multiply.outer(a, a)
        J[np.diag_indices_from(J)] = diagonal
        assert enclosure.test_ratio(J).max() <= 1


# ---- the constants of each precision ----


def _next(p: Precision, value: float) -> float:
    """The number above: half the distance is the unit roundoff."""
    return float(p.round(np.array(value * (1 + 2 * p.u)))[()])


@PRECISIONS
def test_u_is_half_the_distance_from_one_to_the_next_number(dtype):
    """fl(1 + u) = 1 (ties to even), and anything more rounds up."""
    p = precision.named(dtype)
    one = np.ones((), p.dtype)
    u, two_u = (np.asarray(factor * p.u).astype(p.dtype) for factor in (1, 2))
    assert one + u == one
    assert float(one + two_u) == 1 + 2 * p.u
    assert float(one + np.asarray(1.5 * p.u).astype(p.dtype)) == 1 + 2 * p.u
    assert p.bits == {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}[dtype]


@PRECISIONS
def test_eta_is_the_smallest_subnormal_and_tiny_the_smallest_normal_number(dtype):
    """Underflow is gradual: tiny/2 is kept, eta/2 is not; eta = 2 u tiny."""
    p = precision.named(dtype)
    half = np.asarray(0.5).astype(p.dtype)
    eta, tiny = (np.asarray(value).astype(p.dtype) for value in (p.eta, p.tiny))
    assert float(eta) == p.eta > 0
    assert float(eta * half) == 0
    assert float(tiny) == p.tiny == p.eta / (2 * p.u)
    assert float(tiny * half) == p.tiny / 2
    assert float(tiny * half + eta) == p.tiny / 2 + p.eta


@PRECISIONS
def test_huge_is_the_largest_finite_number(dtype):
    """huge (1 + 2 u) is infinite after rounding, and so is twice huge."""
    p = precision.named(dtype)
    assert float(p.round(np.array(p.huge))) == p.huge
    assert np.isfinite(p.huge)
    with np.errstate(over="ignore"):
        assert float(p.round(np.array(p.huge)) * np.asarray(2).astype(p.dtype)) == np.inf
        assert float(p.round(np.float64(p.huge) * (1 + 2 * p.u))) == np.inf


@PRECISIONS
@given(data=DATA)
def test_products_and_quotients_round_once_or_underflow_gradually(dtype, data):
    """fl(x op y) = (x op y)(1 + e) + f, |e| <= u, |f| <= eta: assumption 1 of the bounds, subnormals included."""
    p = precision.named(dtype)
    spread = st.integers(int(np.log2(p.eta)), int(np.log2(p.huge)) - 3)
    digits = st.integers(1, int(2 / p.u))
    x, y = (
        p.round(np.ldexp(float(data.draw(digits, label="digits")) * p.u, data.draw(spread, label="exponent")))
        for _ in range(2)
    )
    with np.errstate(all="ignore"):
        product, quotient = float(x * y), float(x / y) if float(y) else np.nan
    for found, exact in (
        (product, Fraction(float(x)) * Fraction(float(y))),
        (quotient, Fraction(float(x)) / Fraction(float(y)) if float(y) else Fraction(0)),
    ):
        if np.isfinite(found):
            assert abs(Fraction(found) - exact) <= Fraction(p.u) * exact + Fraction(p.eta)


@PRECISIONS
@settings(max_examples=200)
@given(data=DATA)
def test_exp_and_log_are_within_their_ulps(dtype, data):
    """Assumption 2 of the bounds, for the exp and log that this NumPy has."""
    p = precision.named(dtype)
    allowed = bounds.elementary(p)
    x = p.round(np.array(data.draw(st.floats(float(np.log(p.eta)), 0), label="x")))
    y = p.round(np.array(data.draw(st.floats(0.0, 1.0), label="y")) * 1000 + 1)
    with flint.ctx.workprec(256):
        for found, exact in ((np.exp(x), flint.arb(float(x)).exp()), (np.log(y), flint.arb(float(y)).log())):
            error = abs(flint.arb(float(found)) - exact)
            assert error <= abs(exact) * allowed + bounds.ELEMENTARY_ULPS[dtype] * p.eta
