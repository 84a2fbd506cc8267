"""`explained` and `assert_explained`: right kernels are accepted, faults are refused, and what is said of them."""

from dataclasses import replace

import numpy as np
import pytest

import gradcheck
from benchmarks.kernel_tests.__main__ import declared, honest, posed
from benchmarks.kernel_tests.faults import FAULTS, faults
from benchmarks.kernel_tests.kernels import KERNELS, PAIRWISE, chain
from benchmarks.kernel_tests.rules import Rule, fixed, normal
from gradcheck import bounds, ops, precision
from gradcheck.asserted import causes, verbs
from gradcheck.enclosure import Enclosure
from gradcheck.ops import linear, logits, products, programs
from gradcheck.verdict import Outcome

DTYPES = ("float64", "float32", "float16", "bfloat16")


def drawn(seed: int = 0, n: int = 16, L: int = 300, dtype: str = "float32"):
    draw = np.random.default_rng(seed)
    return draw.standard_normal((n, L)).astype(precision.named(dtype).dtype), draw.integers(0, L, n)


def gradient(Z, y):
    e = np.exp(Z.astype(np.float64) - Z.astype(np.float64).max(axis=1, keepdims=True))
    A = e / e.sum(axis=1, keepdims=True)
    A[np.arange(len(y)), y] -= 1
    return A / len(y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mean", (True, False))
def test_faults_are_refused_and_right_kernels_are_not(dtype, mean):
    rule = Rule("small", dtype, normal, ((100, 400),), mean, fixed(0), 0)
    Z, y, scale, op = posed(rule, 100, 400, 8, np.random.default_rng(3))
    for kernel in KERNELS if dtype != "float64" else ():
        D = kernel.run(Z.astype("f4"), y, scale.astype("f4")).astype(Z.dtype)
        gradcheck.assert_explained(D, op, "Z", **declared(dtype, **kernel.declares(400)))
    seen = set()
    for name, d in faults(Z.astype("f8"), y, scale, 100):
        found = gradcheck.explained(d.astype(Z.dtype), op, "Z", **declared(dtype, **chain(PAIRWISE)))
        assert found.outcome is Outcome.DISAGREE, name
        assert len(str(found).splitlines()) <= 15
        seen.add(name)
    assert seen == set(FAULTS)


def test_right_kernels_of_every_kind_are_never_refused():
    counts = honest(100, seed=7)
    assert counts[Outcome.DISAGREE] == counts[Outcome.ERRORED] == 0
    assert counts[Outcome.AGREE] > 80


def test_the_assertion_is_one_of_python_and_says_what_is_wrong():
    Z, y = drawn()
    with pytest.raises(AssertionError) as failure:
        gradcheck.assert_explained((2 * gradient(Z, y)).astype("f4"), ops.cross_entropy(Z, y), "Z")
    said = str(failure.value)
    assert said.startswith("∂cross_entropy/∂Z is not explained by rounding: 4800 of 4800")
    assert "multiplied by 2" in said and "float32" in said and len(said.splitlines()) <= 15
    assert isinstance(failure.value, gradcheck.Unexplained) and failure.value.found.ratio > 100
    assert "__tracebackhide__" in verbs.assert_explained.__wrapped__.__code__.co_varnames


@pytest.mark.parametrize(
    ("spoilt", "first"),
    (
        (lambda D: D.astype("f2"), "its dtype is float16; expected float32"),
        (lambda D: D.astype("i4"), "its dtype is int32; expected float32"),
        (lambda D: D[:-1], "its shape is (15, 300); expected (16, 300)"),
        (lambda D: np.where(np.arange(300) == 7, np.float32(np.nan), D), "nan at [0, 7], where the exact value is"),
    ),
)
def test_dtype_shape_and_nan_are_told_first(spoilt, first):
    Z, y = drawn()
    found = gradcheck.explained(spoilt(gradient(Z, y).astype("f4")), ops.cross_entropy(Z, y), "Z")
    assert found.failed and first in str(found).splitlines()[0]


def test_what_shows_nothing_raises_unless_it_may_pass():
    noise = np.random.default_rng(0).standard_normal(100_000).astype("f4")
    op, zero = ops.sum(noise - noise.mean()), np.float32(0)  # far below what sums of it in any order may be off by
    found = gradcheck.explained(zero, op)
    assert found.outcome is Outcome.INCONCLUSIVE and not found.agrees and not found.failed
    assert "shows nothing" in str(found).splitlines()[0] and "chain:64" in str(found)
    with pytest.raises(gradcheck.Unexplained, match="shows nothing"):
        gradcheck.assert_explained(zero, op)
    gradcheck.assert_explained(zero, op, inconclusive="pass")
    with pytest.raises(gradcheck.Unusable, match="expected fail or pass"):
        gradcheck.assert_explained(zero, op, inconclusive="ok")


def test_most_of_it_has_to_be_judged():
    Z = np.zeros((5, 4), "f4")
    A = np.full_like(Z, 0.25)
    Z[2:] = np.nan
    found = gradcheck.explained(A, ops.softmax(Z))
    assert found.outcome is Outcome.INCONCLUSIVE and "most of it could not be judged" in str(found)
    Z[2] = 0
    assert gradcheck.explained(A, ops.softmax(Z)).agrees


def test_what_overflows_where_it_is_written_down_is_not_judged():
    Z = np.array([[0, 65000, -60000], [3, 2, 1], [1, 1, 1]], "f2")
    exact = Z.astype("f8") - np.log(np.exp(Z.astype("f8") - Z.max(1, keepdims=True)).sum(1, keepdims=True))
    with np.errstate(over="ignore"):
        right = (exact - Z.max(1, keepdims=True)).astype("f2")  # -inf at [0, 2]
    assert np.isneginf(right).sum() == 1
    for declares in ({}, {"inner": "float32"}):
        found = gradcheck.explained(right, ops.log_softmax(Z), **declares)
        assert found.agrees and found.unknown == 1


def test_of_a_gradient_that_nan_or_infinity_flows_back_to_nothing_is_known():
    Z, y = drawn()
    for c in (np.nan, np.inf):
        with np.errstate(invalid="ignore"):
            found = gradcheck.explained((gradient(Z, y) * c).astype("f4"), ops.cross_entropy(Z, y, upstream=c), "Z")
        assert found.outcome is Outcome.INCONCLUSIVE and found.unknown == Z.size


def test_a_number_that_was_handed_over_in_a_finer_precision_is_named():
    Z, y = drawn()
    D = gradient(Z, y).astype("f4").tolist()
    found = gradcheck.explained(D, ops.cross_entropy(Z, y), "Z")
    assert found.failed and "hand it over in float32, not as float64" in found.cause


def test_an_error_of_the_size_of_rounding_is_no_factor():
    known = Enclosure(np.array([[1.0, 0.5]]), np.array([[1e-3, 1e-3]]))
    assert causes.factor(np.array([[1.002, 0.5]]), known) == ""
    assert causes.factor(np.array([[1.01, 0.505]]), known) == "all of it is multiplied by 1.01"


def test_what_is_declared_is_granted_and_no_more():
    Z, y = drawn(L=500)
    op, D = ops.cross_entropy(Z, y), gradient(Z, y)
    coarse = (Z + np.float32(1e-4) * np.sign(np.sin(np.arange(500)))).astype("f4")  # as of a hardware exp
    rough = gradient(coarse, y).astype("f4")
    assert gradcheck.explained(rough, op, "Z", sums="chain:64").failed
    assert gradcheck.explained(rough, op, "Z", sums="chain:64", elementary=256).agrees
    tf32 = (D * (1 + 2.0**-12)).astype("f4")
    assert gradcheck.explained(tf32, op, "Z", sums="chain:64").failed
    assert not gradcheck.explained(tf32, op, "Z", inner="tf32").failed
    filtered = np.where(abs(D) * len(y) < 2.0**-12, 0, D).astype("f4")
    assert gradcheck.explained(filtered, op, "Z").failed
    assert gradcheck.explained(filtered, op, "Z", filtered=2.0**-12).agrees
    filtered[3, 5] = 2 * D[3, 5]  # zeros alone are left out
    assert gradcheck.explained(filtered, op, "Z", filtered=2.0**-12).failed
    assert gradcheck.explained(tf32, op, "Z", sums="chain:64", deterministic=False).failed
    with pytest.raises(gradcheck.Unusable, match="sums= is given beside it"):
        gradcheck.explained(tf32, op, "Z", sums="chain:64", arithmetic=gradcheck.Arithmetic())


def test_a_filter_may_leave_entries_out_of_every_gradient_of_a_layer():
    draw = np.random.default_rng(2)
    X, theta = draw.standard_normal((12, 5)).astype("f4"), draw.standard_normal((60, 5)).astype("f4")
    y = draw.integers(0, 60, 12)
    op, D = ops.linear_cross_entropy(X, theta, y), gradient(X.astype("f8") @ theta.T, y)
    left = np.where(abs(D) * 12 < 2.0**-9, 0, D)
    for wrt, flow in (("X", left @ theta), ("theta", left.T @ X), ("Z", left)):
        assert gradcheck.explained(flow.astype("f4"), op, wrt).failed
        assert not gradcheck.explained(flow.astype("f4"), op, wrt, filtered=2.0**-9).failed
        assert gradcheck.explained((1.1 * flow).astype("f4"), op, wrt, filtered=2.0**-9).failed


def test_the_cause_is_named():
    Z, y = drawn()
    D, op, at = gradient(Z, y), ops.cross_entropy(Z, y), (np.arange(16), y)

    def cause(wrong, op=op):
        return gradcheck.explained(wrong.astype("f4"), op, "Z").cause

    doubled = 2 * D
    doubled[at] = D[at]
    late = D.copy()
    late[:, 250:] = 0
    smoothed = D - 0.1 / 300 / 16
    smoothed[at] += 0.1 / 16
    assert cause(0 * D) == "it is all zeros"
    assert cause(-D) == "the sign is turned"
    assert "a sum over the samples" in cause(16 * D)
    assert "multiplied by 1.0" in cause(1.01 * D)
    assert "entries at labels are right" in cause(doubled)
    assert "250" in cause(late)
    assert "smoothed by 0.1" in cause(smoothed)
    assert "without the smoothing" in cause(D, ops.cross_entropy(Z, y, smoothing=0.2))


def test_parts_say_what_the_whole_does(monkeypatch):
    Z, y = drawn(n=24)
    y[5] = -100
    op = ops.cross_entropy(Z, y)
    used = y >= 0
    D = np.zeros((24, 300))
    D[used] = gradient(Z[used], y[used])
    A = gradcheck.ops.softmax(Z)
    whole = gradcheck.explained(D.astype("f4"), op, "Z")
    value = -np.log(np.exp(Z.astype("f8")) / np.exp(Z.astype("f8")).sum(axis=1, keepdims=True))[used, y[used]].mean()
    loss = gradcheck.explained(np.float32(value), op)
    monkeypatch.setattr(logits, "BLOCK", 1000)
    monkeypatch.setattr(programs, "BLOCK", 1000)
    op = ops.cross_entropy(Z, y)
    parts = gradcheck.explained(D.astype("f4"), op, "Z")
    assert whole.agrees and parts.agrees and parts.entries == whole.entries
    assert parts.ratio == pytest.approx(whole.ratio, rel=1e-3)
    again = gradcheck.explained(np.float32(value), op)
    assert loss.agrees and again.agrees and again.exact == pytest.approx(loss.exact)
    assert loss.allowance <= again.allowance < 4 * loss.allowance
    wrong = D.astype("f4")
    wrong[20, 7] *= 2
    assert gradcheck.explained(wrong, op, "Z").place == (20, 7)
    e = np.exp(Z.astype("f8"))
    assert gradcheck.explained((e / e.sum(axis=1, keepdims=True)).astype("f4"), A).agrees


def test_a_large_layer_is_audited(monkeypatch):
    draw = np.random.default_rng(0)
    X, theta = draw.standard_normal((40, 6)).astype("f4"), draw.standard_normal((50, 6)).astype("f4")
    y = draw.integers(0, 50, 40)
    D = gradient(X.astype("f8") @ theta.T, y)
    G = (D.T @ X).astype("f4")
    small = gradcheck.explained(G, ops.linear_cross_entropy(X, theta, y), "theta")
    monkeypatch.setattr(linear, "LARGE", 100)
    op = ops.linear_cross_entropy(X, theta, y)
    found = gradcheck.explained(G, op, "theta", sums="chain:40")
    assert small.agrees and found.agrees and "probes" in str(found)
    G[3, 4] *= 1.01
    found = gradcheck.explained(G, op, "theta")
    assert found.failed and found.place == (3, 4)
    H = (D @ theta).astype("f4").reshape(4, 10, 6)
    op = ops.linear_cross_entropy(X.reshape(4, 10, 6), theta, y.reshape(4, 10))
    assert gradcheck.explained(H, op, "X").agrees
    H[1, 2, 3] *= 1.01
    assert gradcheck.explained(H, op, "X").place == (1, 2, 3)


def _probed(monkeypatch, dtype="float32"):
    """Operators of a product with its gradients, and a bias, with what is right."""
    monkeypatch.setattr(products, "MULTIPLIED", 100)
    draw, one = np.random.default_rng(1), precision.named(dtype).dtype
    a, b, c, g = (draw.standard_normal(s).astype(one) for s in ((60, 40), (40, 50), (50,), (60, 50)))
    A, B, C, G = (x.astype("f4") for x in (a, b, c, g))
    op = ops.matmul(a, b, upstream=g)
    right = ((op, None, A @ B), (op, "a", G @ B.T), (op, "b", A.T @ G), (ops.addmm(c, a, b), None, C + A @ B))
    return [(op, wrt, array.astype(one)) for op, wrt, array in right]


@pytest.mark.parametrize("dtype", ("float32", "float16", "bfloat16"))
def test_a_large_product_is_probed_and_one_wrong_entry_is_found(monkeypatch, dtype):
    for op, wrt, right in _probed(monkeypatch, dtype):
        found = gradcheck.explained(right, op, wrt)
        assert found.agrees and "16 probes: all within" in str(found)
        wrong = right.copy()
        wrong[7, 3] += 2
        found = gradcheck.explained(wrong, op, wrt)
        assert found.failed and found.place == (7, 3)
        assert found.cause.startswith("column 3 of") and "1 or more columns" in str(found)
        assert len(str(found).splitlines()) <= 15


def test_a_large_product_of_zeros_or_nan_is_refused_and_nothing_is_known_of_nan_in_its_inputs(monkeypatch):
    op, _, right = _probed(monkeypatch)[0]
    assert gradcheck.explained(0 * right, op).failed and gradcheck.explained(right.T.reshape(60, 50), op).failed
    assert gradcheck.explained(np.float32(1.01) * right, op).failed
    wrong = right.copy()
    wrong[4, 5] = np.nan
    assert str(gradcheck.explained(wrong, op)).startswith("matmul: nan at [4, 5], where the exact value is")
    a = op.inputs["a"].copy()
    a[0, 0] = np.inf
    found = gradcheck.explained(right, ops.matmul(a, op.inputs["b"]))
    assert found.outcome is Outcome.INCONCLUSIVE and found.unknown == right.size


@pytest.mark.parametrize("declares", [{"sums": "chain:3"}, {"arithmetic": gradcheck.Arithmetic(sums="chain:3")}])
def test_a_depth_of_sums_that_is_false_is_told_as_such(declares):
    x = np.random.default_rng(0).uniform(0.5, 1, 20_000).astype("f4")
    in_a_row = np.cumsum(x, dtype="f4")[-1]
    found = gradcheck.explained(in_a_row, ops.sum(x), **declares)
    assert found.failed and found.cause.startswith("would be explained if sums were in any order")
    assert "chain:3" in found.cause and gradcheck.explained(in_a_row, ops.sum(x)).agrees
    assert "any order" not in gradcheck.explained(0 * in_a_row, ops.sum(x), **declares).cause


def test_a_square_array_that_is_transposed_is_named():
    x = np.random.default_rng(0).standard_normal((9, 9)).astype("f4")
    found = gradcheck.explained((x @ x).T, ops.matmul(x, x))
    assert found.failed and found.cause == "it is transposed"


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
def test_what_is_written_down_once_is_off_by_half_a_distance(dtype):
    p, draw = precision.named(dtype), np.random.default_rng(5)
    exact = np.ldexp(draw.uniform(1, 2, 4000), draw.integers(-160, 16, 4000))
    written = p.round(exact).astype("f8")
    half = bounds.nearest(np.zeros(4000), exact, p)
    assert (abs(written - exact) <= half).all()
    assert (half <= bounds.returned(np.zeros(4000), exact, replace(p, returned=p.u))).all()
    worst = 1 + p.u  # halfway between two numbers
    assert abs(float(p.round(np.float64(worst))) - worst) > 0.99 * bounds.nearest(np.zeros(()), np.float64(worst), p)


def test_no_term_goes_through_more_roundings_than_the_chain_says():
    p = precision.named("float32")
    assert bounds.roundings(replace(p, chain=20), 3, 10_000) == bounds.roundings(p, 3, 20)
    assert bounds.roundings(replace(p, chain=20), 3, 5) == bounds.roundings(p, 3, 5)
    assert gradcheck.Arithmetic(sums="chain:20").chain == 20 and gradcheck.Arithmetic(sums="chain:20").block == 0
