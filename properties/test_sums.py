"""Code whose sums are finer than its arrays: what each operation comes to may be written down, and what a sum comes to once."""

from collections.abc import Callable

import numpy as np
import pytest

from gradcheck import Arithmetic, Implementation, Problem, conform, judge, precision
from gradcheck.checks import CHECKS
from gradcheck.verdict import Outcome

SUMS = Arithmetic(accumulate="float32")
# the same, but of arrays between two steps: what each operation comes to is not granted
ARRAYS = Arithmetic(accumulate="float32", stored="bfloat16")
KINDS = ("bfloat16", "float16")


def total(array, axis=0):
    """A sum in float32, written down."""
    return array.astype(np.float32).sum(axis=axis, keepdims=True).astype(array.dtype)


def product(x, y):
    """A matrix product the sums of which are in float32, written down."""
    return (x.astype(np.float32) @ y.astype(np.float32)).astype(x.dtype)


def direct(Z):
    """exp(z - m) / s."""
    E = np.exp(Z - Z.max(axis=0))
    return E / total(E)


def shifted_log(Z):
    """exp((z - m) - log s)."""
    T = Z - Z.max(axis=0)
    return np.exp(T - np.log(total(np.exp(T))))


def from_lse(Z):
    """exp(z - (m + log s))."""
    m = Z.max(axis=0)
    return np.exp(Z - (m + np.log(total(np.exp(Z - m)))))


def prescaled(Z):
    """exp2 of logits that are multiplied by log2 e first."""
    S = Z * np.asarray(np.log2(np.e), Z.dtype)
    E = np.exp2(S - S.max(axis=0))
    return E / total(E)


SOFTMAXES: dict[str, Callable] = {f.__name__: f for f in (direct, shifted_log, from_lse, prescaled)}


def code(softmax):
    """Everything of that softmax, an operation at a time."""

    def logits(theta, b, X):
        return product(theta, X) + b

    def gradients(theta, b, X, Y):
        D = (softmax(logits(theta, b, X)) * total(Y) - Y) * (1 / np.asarray(X.shape[1], theta.dtype))
        D = D.astype(theta.dtype)
        return {"theta": product(D, X.T), "b": total(D, axis=1), "Z": D}

    def loss(theta, b, X, Y):
        T = logits(theta, b, X)
        T = T - T.max(axis=0)
        terms = np.where(Y > 0, Y * (T - np.log(total(np.exp(T)))), Y)
        return -total(terms.reshape(-1, 1))[0, 0] / np.asarray(X.shape[1], theta.dtype)

    def softmax_jacobian(z):
        a = softmax(z[:, np.newaxis])[:, 0]
        return np.diag(a) - np.outer(a, a).astype(z.dtype)

    return Implementation(
        softmax.__name__, gradients, loss, logits, softmax, softmax_jacobian, dtypes=KINDS, arithmetic=SUMS
    )


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", SOFTMAXES)
def test_code_that_sums_in_float32_agrees(name, dtype, shared_truths):
    """In every regime, offsets and saturated logits among them."""
    run = conform(code(SOFTMAXES[name]), dtype=dtype, max_examples=80, seed=7)
    assert not run.failures, [f"{f.check.name} {f.verdict} {f.problem}" for f in run.failures]
    assert run.tallies["logits_gradient"].counts[Outcome.AGREE] and run.tallies["softmax"].counts[Outcome.AGREE]


# Found by search: logits at which the roundings of single operations add up.
FOUND = {
    "direct": [-2.03125] + 3723 * [-10.125],
    "shifted_log": [-6.21875] + 3557 * [-14.3125],
    "from_lse": [98.5, 100.0],
    "prescaled": [100, 100.5, 99, 100.5, 101, 99, 100.5, 100],
}


def softmax_of(name, arithmetic):
    bfloat16 = precision.named("bfloat16").dtype
    Z = np.array(FOUND[name])[:, np.newaxis].astype(bfloat16)
    zero, one = np.zeros_like(Z), np.ones((1, 1), bfloat16)
    p = Problem(Z, zero, one, np.eye(len(Z), 1).astype(bfloat16))
    target = Implementation(name, softmax=SOFTMAXES[name], dtypes=KINDS, arithmetic=arithmetic)
    return judge(target, p, [CHECKS["softmax"]])["softmax"]


@pytest.mark.parametrize("name", FOUND)
def test_what_an_operation_comes_to_may_be_written_down(name):
    """Arrays between two steps alone would not explain it: neither m + log s, nor what thousands of terms share of a rounding."""
    assert not softmax_of(name, SUMS).failed
    assert softmax_of(name, ARRAYS).failed


@pytest.mark.parametrize("dtype", KINDS)
def test_a_product_is_written_down_before_b_is_added(dtype):
    """Two writings of a logit of one feature, where a fused kernel has one."""
    found = []
    rng = np.random.default_rng(0)
    kind = precision.named(dtype).dtype
    for _ in range(300):
        theta, b, X = (rng.normal(size=shape).astype(kind) for shape in ((2, 1), (2, 1), (1, 1)))
        p = Problem(theta, b, X, np.eye(2, 1).astype(kind))
        logits = code(direct).logits
        for arithmetic in (SUMS, Arithmetic(inner="float32")):
            target = Implementation("apart", logits=logits, dtypes=KINDS, arithmetic=arithmetic)
            found.append(judge(target, p, [CHECKS["logits"]])["logits"].failed)
    assert not any(found[::2]) and any(found[1::2])
