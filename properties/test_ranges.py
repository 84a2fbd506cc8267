"""Where arrays, or what an operand is read in, have less range than the arithmetic: what is lost there is granted.

All of it was found by an attack in which correct code was taken for wrong.
"""

import numpy as np
import pytest

import gradcheck
from gradcheck import Arithmetic, Implementation, Problem, judge, model, precision
from gradcheck.verdict import Outcome

BFLOAT16 = precision.named("bfloat16").dtype


def written(kind):
    """A function that writes an array down in this precision, and reads it again."""

    def write(array):
        with np.errstate(over="ignore"):
            return np.asarray(array).astype(precision.named(kind).dtype).astype(array.dtype)

    return write


def code(kind, dtype, arithmetic):
    """Operands and results in `kind`, sums in the precision of the arrays."""
    write = written(kind)

    def logits(theta, b, X):
        return write((write(theta) @ write(X) + write(b)).astype(theta.dtype))

    def softmax(Z):
        Z = write(Z)
        with np.errstate(invalid="ignore"):
            E = np.exp(Z - Z.max(axis=0))
            return write((E / E.sum(axis=0)).astype(Z.dtype))

    def softmax_jacobian(z):
        a = softmax(z[:, np.newaxis])[:, 0]
        return write((np.diag(a) - np.outer(a, a)).astype(z.dtype))

    return Implementation(
        kind, logits=logits, softmax=softmax, softmax_jacobian=softmax_jacobian, dtypes=(dtype,), arithmetic=arithmetic
    )


def problem(dtype, theta, b, X, Y=None):
    kind = precision.named(dtype).dtype
    theta, X = np.array(theta, float), np.array(X, float)
    labels = np.eye(len(theta), X.shape[1]) if Y is None else np.array(Y, float)
    return Problem(
        theta.astype(kind), np.array(b, float).reshape(-1, 1).astype(kind), X.astype(kind), labels.astype(kind)
    )


LOST = ([[2.0**-26], [0]], [0, 0], [[2.0**15]])  # theta is 0 in float16, and its product is not
BEYOND = ([[2.0**-6], [0]], [0, 0], [[2.0**17]])  # X is infinite in float16
LARGE = ([[0], [0]], [0, 2.0**20], [[1]])  # Z is infinite in float16
SMALL = ([[0], [0]], [0, -20], [[1]])  # A is subnormal in float16
LABEL = ([[0], [0]], [0, -14.934], [[1]], [[0], [1]])  # A at the label is subnormal in float16

GRANTED = [
    (dtype, arithmetic, "float16", given)
    for given in (LOST, BEYOND, LARGE, SMALL, LABEL)
    for dtype, arithmetic in (
        ("float32", Arithmetic(stored="float16")),
        ("float32", Arithmetic(inner="float16")),
        ("bfloat16", Arithmetic(stored="float16")),
        ("bfloat16", Arithmetic(inner="float16")),
        ("float32", Arithmetic(inner="float16", accumulate="float32")),
        ("float32", Arithmetic(inner="bfloat16", stored="float16")),
    )
]


@pytest.mark.parametrize(("dtype", "arithmetic", "kind", "given"), GRANTED, ids=str)
def test_what_is_lost_in_a_smaller_range_is_granted(dtype, arithmetic, kind, given):
    found = judge(code(kind, dtype, arithmetic), problem(dtype, *given))
    assert not {name: str(verdict) for name, verdict in found.items() if verdict.failed}


@pytest.mark.parametrize("given", [LOST, BEYOND, SMALL], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_audit_grants_it_too(dtype, given):
    """Also where the dump itself mixes precisions, and where the logits are not in it."""
    p = problem(dtype, *given)
    made = code("float16", dtype, Arithmetic())
    theta, b, X = (np.asarray(a, np.float32) for a in (p.theta, p.b, p.X))
    Z = made.logits(theta, b, X)
    arrays = {"theta": p.theta, "b": p.b[:, 0], "X": p.X, "Y": np.zeros(1, int)}
    for shown in ({"Z": Z}, {"Z": Z.astype(np.float16)}, {"A": made.softmax(Z).astype(np.float16)}):
        found = gradcheck.audit(**arrays, **shown, arithmetic=Arithmetic(stored="float16"))
        assert not [f for f in found.findings if f.verdict.failed], shown


def test_products_that_are_written_down_before_they_are_summed_are_granted_to_a_16_bit_dump():
    theta, b = np.array([[1.75, 1.5390625], [0, 0]], BFLOAT16), np.array([-0.015625, 0], BFLOAT16)
    X = np.array([[1.15625] * 4, [1.3046875] * 4], BFLOAT16)
    products = (theta[:, :, np.newaxis] * X[np.newaxis]).astype(BFLOAT16)
    Z = products.astype(np.float32).sum(axis=1).astype(BFLOAT16) + b[:, np.newaxis]
    found = gradcheck.audit(theta=theta, b=b, X=X, Y=np.zeros(4, int), Z=Z)
    assert [finding.verdict.outcome for finding in found.findings] == [Outcome.AGREE]


@pytest.mark.parametrize("more", [{}, {"accumulate": "float32"}], ids=str)
def test_tensor_cores_read_tf32_and_sum_in_float32(more):
    """Both are granted in an audit, whichever way it is declared."""
    rng = np.random.default_rng(0)
    theta, X = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 16), (16, 40)))

    def read(array):
        return (array.view(np.int32) + 2**12 & ~np.int32(2**13 - 1)).view(np.float32)  # 10 bits of the significand

    Z = read(theta) @ read(X)
    found = gradcheck.audit(
        theta=theta,
        b=np.zeros(4, np.float32),
        X=X,
        Y=np.zeros(40, int),
        Z=Z,
        arithmetic=Arithmetic(inner="tf32", **more),
    )
    assert [finding.verdict.outcome for finding in found.findings] == [Outcome.AGREE]


def test_log_a_and_z_minus_m_may_both_be_stored():
    """Two arrays on the way to A, as section 12 counts them."""
    write = written("bfloat16")
    Z = np.tile(np.array([[0], [-4.078126]], np.float32), 3)
    T = write(Z - Z.max(axis=0))
    A = write(np.exp(write(T - np.log(np.exp(T).sum(axis=0)))))
    arrays = {"theta": Z[:, :1], "b": np.zeros(2, np.float32), "X": np.ones((1, 3), np.float32), "Y": np.zeros(3, int)}
    found = gradcheck.audit(**arrays, Z=Z, A=A, arithmetic=Arithmetic(stored="bfloat16"))
    assert not [finding for finding in found.findings if finding.verdict.failed]


@pytest.mark.parametrize("accumulate", ["", "float32", "float64"])
def test_a_result_is_written_down_whatever_else_is_declared(accumulate):
    """A fused kernel in 16-bit arrays, the sums of which are finer than its operations, or as fine."""

    def softmax(Z):
        E = np.exp(Z.astype(np.float32) - Z.max(axis=0).astype(np.float32))
        return (E / E.sum(axis=0, dtype=accumulate or None)).astype(Z.dtype)

    declared = Arithmetic(inner="float32", accumulate=accumulate)
    found = judge(
        Implementation("fused", softmax=softmax, dtypes=("bfloat16",), arithmetic=declared), problem("bfloat16", *SMALL)
    )
    assert not [name for name, verdict in found.items() if verdict.failed]


def test_a_sum_of_one_term_in_a_coarser_precision_rounds_it():
    """∂ℒ/∂θ of one sample, on float16 accumulators."""

    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        E = np.exp(Z - Z.max(axis=0))
        D = E / E.sum(axis=0) - Y
        return {"theta": (D @ X.T).astype(np.float16).astype(np.float32), "Z": D}

    p = problem("float32", [[0], [0], [0]], [0, 0, -30.0], [[1.0004]], [[0.25], [0.25], [0.5]])
    target = Implementation("one", gradients, dtypes=("float32",), arithmetic=Arithmetic(accumulate="float16"))
    assert not judge(target, p)["theta_gradient"].failed


def test_a_masked_class_shares_what_the_others_may_overflow_to():
    """Where a logit may be infinite its column is NaN, in the rows of masked classes, too."""

    def half(function):
        def called(*arrays):
            with np.errstate(all="ignore"):
                found = function(*(array.astype(np.float16) for array in arrays))
            return {k: v.astype(np.float32) for k, v in found.items()} if isinstance(found, dict) else np.float32(found)

        return called

    functions = map(half, (model.gradients, model.loss, model.logits, model.softmax, model.softmax_jacobian))
    target = Implementation("half", *functions, dtypes=("float32",), arithmetic=Arithmetic(inner="float16"))
    p = problem("float32", [[-1.0], [1], [-1]], [2.0**20, 2.0**20, -np.inf], [[-1.0, 1]], [[1.0, 0], [0, 1], [0, 0]])
    found = judge(target, p)
    assert np.isnan(target.gradients(*p.arrays())["theta"]).any()
    assert not [name for name, verdict in found.items() if verdict.failed]
