"""What an audit grants: operands that autocast writes down, 16-bit weights and data, pieces; and faults are seen beside it."""

import json
from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck import Arithmetic, Implementation, Outcome, Problem, Unusable, conform, judge
from gradcheck.auditing.run import audit_path
from gradcheck.checks import CHECKS
from gradcheck.precision import named

BFLOAT16 = named("bfloat16").dtype


def outcomes(found):
    return {finding.quantity: finding.verdict.outcome for finding in found.findings}


def autocast_step(folder, sizes, dtype, fault=""):
    """A torch step under autocast, captured; one feature leads in each sample where there are several."""
    torch = pytest.importorskip("torch")
    L, d, n = sizes
    g = torch.Generator().manual_seed(1)
    layer = torch.nn.Linear(d, L)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(L, d, generator=g))
        layer.bias.copy_(torch.randn(L, generator=g))
    X, y = torch.zeros(n, d), torch.randint(0, L, (n,), generator=g)
    X[torch.arange(n), torch.arange(n) % d] = 3 * torch.rand(n, generator=g)
    step = gradcheck.capture(layer, folder)
    with torch.autocast("cpu", dtype=getattr(torch, dtype)):
        loss = torch.nn.functional.cross_entropy(layer(X), y)
    loss.backward()
    if fault == "not divided by n":
        layer.weight.grad *= n
    if fault == "a row that was not written":
        layer.weight.grad[layer.weight.grad.norm(dim=1).argmax()] = 0
    return step.write(y.roll(1) if fault == "labels of the next sample" else y, loss)


@pytest.mark.parametrize("logits", [True, False], ids=["with Z", "without Z"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("sizes", [(10, 1, 64), (10, 8, 64), (50, 256, 512)], ids=str)
def test_a_step_under_autocast_agrees_and_its_faults_are_seen(sizes, dtype, logits, tmp_path):
    """θ and X are written down in 16 bits before the product; capture has seen it, so that it is known without Z, too."""
    for number, fault in enumerate(("", "not divided by n", "a row that was not written", "labels of the next sample")):
        folder = autocast_step(tmp_path / str(number), sizes, dtype, fault)
        assert json.loads((folder / "layout.json").read_text())["stored"] == dtype
        if not logits:
            for name in ("Z", "grad_Z"):
                (folder / f"{name}.npy").unlink(missing_ok=True)
        found = audit_path(folder)
        assert found.status == (1 if fault else 0), (fault, outcomes(found))


def test_16_bit_weights_and_data_count_in_the_precision_of_a_dump():
    """Gradients that are added up in float32 (main_grad) show nothing of it."""
    rng = np.random.default_rng(0)
    L, d, n = 10, 8, 64
    arrays = {"theta": rng.normal(size=(L, d)), "b": rng.normal(size=L), "X": rng.normal(size=(d, n))}
    given = {key: value.astype(BFLOAT16) for key, value in arrays.items()}
    theta, b, X = (given[key].astype(np.float32) for key in ("theta", "b", "X"))
    y = rng.integers(0, L, n)
    Z = (theta @ X + b[:, None]).astype(BFLOAT16).astype(np.float32)
    A = np.exp(Z - Z.max(axis=0))
    D = ((A / A.sum(axis=0) - np.eye(L)[:, y]) / n).astype(BFLOAT16).astype(np.float32)
    found = gradcheck.audit(
        **given, Y=y, grad_theta=D @ X.T, grad_b=D.sum(axis=1), arithmetic=Arithmetic(stored="bfloat16")
    )
    assert found.stored == "bfloat16"
    assert set(outcomes(found).values()) == {Outcome.AGREE}


def test_pieces_are_granted_their_writings_and_no_more():
    """A gradient added up in bfloat16 over K pieces: refused undeclared, and declared it agrees."""
    rng = np.random.default_rng(0)
    L, d, n, K = 4, 3, 2048, 1024
    X, y = abs(rng.normal(size=(d, n))).astype(BFLOAT16), np.zeros(n, dtype=np.int64)
    theta, b = np.zeros((L, d), BFLOAT16), np.zeros(L, BFLOAT16)
    D = (np.full((L, n), 1 / L) - np.eye(L)[:, y]) / n
    G = np.zeros((L, d), BFLOAT16)
    for part in np.split(np.arange(n), K):
        G = (G + (D[:, part] @ X[:, part].astype(float).T).astype(BFLOAT16)).astype(BFLOAT16)
    given = {"theta": theta, "b": b, "X": X, "Y": y, "grad_theta": G}
    assert outcomes(gradcheck.audit(**given))["grad_theta"] is Outcome.DISAGREE
    declared = gradcheck.audit(**given, arithmetic=Arithmetic(pieces=K))
    assert outcomes(declared)["grad_theta"] is not Outcome.DISAGREE


def test_what_is_stored_is_declared_apart_from_sums():
    """`--stored` and `--accumulate` are independent, and say what was granted in the report."""
    rng = np.random.default_rng(0)
    X, theta = rng.normal(size=(3, 40)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    Z = theta @ X
    A = np.exp(Z - Z.max(axis=0))
    D = (A / A.sum(axis=0) - np.eye(4)[:, np.zeros(40, int)]) / 40
    given = {"theta": theta, "b": np.zeros(4, np.float32), "X": X, "Y": np.zeros(40, int), "grad_theta": D @ X.T}
    found = gradcheck.audit(**given, arithmetic=Arithmetic(stored="bfloat16"))
    assert (found.stored, found.sums, found.arithmetic.stored) == ("bfloat16", "float32", "bfloat16")
    with pytest.raises(Unusable, match="no flushing"):
        gradcheck.audit(**given, arithmetic=Arithmetic(subnormals="flushed"))


def test_a_gradient_of_pieces_in_16_bits_is_told_where_all_else_is_declared_to_be_float32():
    """`inner` finer than the dump: one writing of each result, beside which rounding at each chunk stands out."""
    rng = np.random.default_rng(0)
    L, d, n = 8, 16, 16384
    arrays = {"theta": rng.normal(size=(L, d)) / 4, "b": np.zeros(L), "X": rng.normal(size=(d, n))}
    given = {key: value.astype(BFLOAT16) for key, value in arrays.items()}
    theta, X = (given[key].astype(np.float32) for key in ("theta", "X"))
    y = rng.integers(0, L, n)
    Z = theta @ X
    A = np.exp(Z - Z.max(axis=0))
    D = (A / A.sum(axis=0) - np.eye(L, dtype=np.float32)[:, y]) / n
    G = np.zeros((L, d), BFLOAT16)
    for part in np.split(np.arange(n), n // 16):
        G = (G + (D[:, part] @ X[:, part].T).astype(BFLOAT16)).astype(BFLOAT16)
    fused = Arithmetic(inner="float32")
    for gradient, outcome in (((D @ X.T).astype(BFLOAT16), Outcome.AGREE), (G, Outcome.DISAGREE)):
        found = gradcheck.audit(**given, Y=y, grad_theta=gradient, arithmetic=fused)
        assert outcomes(found)["grad_theta"] is outcome


# ---- the declared case, and labels of tiny mass ----


def test_logits_that_a_declared_precision_cannot_hold_have_no_softmax():
    """float16 inside, and logits beyond 65504: inf - inf is NaN, and nothing that depends on it is judged."""

    def softmax(Z):
        with np.errstate(all="ignore"):
            z = Z.astype(np.float16)
            A = np.exp(z - z.max(axis=0))
            return (A / A.sum(axis=0)).astype(Z.dtype)

    code = Implementation("half inside", softmax=softmax, arithmetic=Arithmetic(inner="float16"))
    p = Problem(np.zeros((2, 1)), np.array([[0.0], [2.0**20]]), np.ones((1, 1)), np.eye(2)[:, :1])
    assert not any(verdict.failed for verdict in judge(code, p).values())
    assert not conform(code, dtype="float32", max_examples=100).failed


@pytest.mark.parametrize("mass", [2.0**-830, 2.0**-900, 2.0**-1022, 2.0**-1074])
def test_the_complex_step_knows_what_underflows_with_a_tiny_label(mass):
    """(T + 1) η/h, beside what is relative to the mass."""
    p = Problem(np.array([[0.3], [-0.7]]), np.zeros((2, 1)), np.array([[1.7]]), np.array([[mass], [0.0]]))
    name = "complex_step_of_its_own_loss"
    assert not judge(gradcheck.load("reference"), p, [CHECKS[name]])[name].failed


@pytest.mark.parametrize("name", ["reference", "numpy", "scipy"])
def test_correct_code_agrees_on_labels_down_to_the_smallest_number(name):
    """The regime that would have found it."""
    assert not conform(gradcheck.load(name), regimes=("tiny-mass",), max_examples=100).failed


def test_a_layout_says_how_a_dump_rounds(tmp_path):
    """What the command line says prevails."""
    rng = np.random.default_rng(0)
    arrays = {"theta": rng.normal(size=(3, 2)), "b": np.zeros(3), "X": rng.normal(size=(2, 5)), "Y": np.zeros(5, int)}
    folder = gradcheck.capture(
        {**arrays, "loss": np.array(1.0)}, tmp_path / "dump", arithmetic=Arithmetic(merged="L", pieces=2)
    )
    assert audit_path(folder).arithmetic == Arithmetic(merged="L", pieces=2)
    assert audit_path(folder, layout={"pieces": 3}).arithmetic == Arithmetic(merged="L", pieces=3)
    (Path(folder) / "layout.json").write_text('{"samples": "columns", "reduction": "mean", "pieces": 0}')
    with pytest.raises(Unusable, match="a number of pieces"):
        audit_path(folder)
