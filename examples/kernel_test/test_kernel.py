import gradcheck
import numpy as np
from gradcheck import ops
from kernel import grad_logits

draw = np.random.default_rng(0)
logits = (0.5 * draw.standard_normal((32, 32100))).astype(np.float32)
labels = draw.integers(0, 32100, 32)


def test_within_a_tolerance():
    z = logits.astype(np.float64)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p[np.arange(32), labels] -= 1
    np.testing.assert_allclose(grad_logits(logits, labels), p / 32, rtol=1e-4, atol=1e-5)


def test_explained():
    gradcheck.assert_explained(grad_logits(logits, labels), ops.cross_entropy(logits, labels), wrt="Z")
