"""Audit of ∂ℒ/∂X: honest gradients agree, planted faults are caught and located, in every format and on every kind of machine."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_audit import DTYPES, D, L, N, step

import gradcheck
from gradcheck import Outcome
from gradcheck.auditing import audit_path, report


def of_data(found):
    return next(f for f in found.findings if f.quantity == "grad_X")


def residual(arrays):
    """D (L, n) in float64, of the logits in the dump."""
    A = np.exp(arrays["Z"].astype(float))
    A /= A.sum(0)
    return (A - np.eye(len(A))[:, arrays["Y"]]) / A.shape[1]


def square(seed=0):
    """A step with as many classes as features, so that theta may stand in the place of its transpose."""
    made, draw = step("float64"), np.random.default_rng(seed)
    made["theta"] = 0.3 * draw.standard_normal((L, L))
    made["X"] = draw.standard_normal((L, N))
    made["Z"] = made["theta"] @ made["X"] + made["b"][:, np.newaxis]
    made["grad_X"] = made["theta"].T @ residual(made)
    return {name: made[name] for name in ("theta", "b", "X", "Y", "Z", "grad_X")}


@given(st.sampled_from(DTYPES), st.integers(0, 1000), st.sampled_from([1e-3, 0.3, 3.0]), st.booleans())
def test_honest_data_gradients_never_disagree(dtype, seed, scale, logits):
    made = step(dtype, seed, scale)
    if not logits:
        del made["Z"]
    assert of_data(gradcheck.audit(**made)).verdict.outcome is not Outcome.DISAGREE


def twice(made):
    return made["grad_X"] / N


def summed(made):
    return made["grad_X"] * N


def left_out(made):
    """A chunk of classes."""
    return made["theta"][:16].T @ residual(made)[:16]


def untransposed(made):
    return made["theta"] @ residual(made)


def unsubtracted(made):
    return made["theta"].T @ (residual(made) + np.eye(L)[:, made["Y"]] / N)


def one_entry(made):
    H = made["grad_X"].copy()
    H[3, 17] *= 1 + 1e-9
    return H


def unwritten(made):
    H = made["grad_X"].copy()
    H[:, 140:] = 0
    return H


def lost(made):
    H = made["grad_X"].copy()
    H[3, 17] = np.nan
    return H


EVERY = tuple(range(N))
FAULTS = {
    twice: (EVERY, "every entry is 1/n times what it must be"),
    summed: (EVERY, "every entry is n times what it must be"),
    left_out: (EVERY, "24 of 24 entries are at fault"),
    untransposed: (EVERY, "as if theta had not been transposed"),
    unsubtracted: (EVERY, "as if labels were not subtracted"),
    one_entry: ((17,), "sample 17: at fault in column 3"),
    unwritten: (tuple(range(140, N)), "samples 140 to 149 are at fault: 10 of 150, without a gap"),
    lost: ((17,), "1 of 24 entries are not finite"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_located_and_named(fault):
    made, (samples, words) = square(), FAULTS[fault]
    assert of_data(gradcheck.audit(**made)).verdict.outcome is Outcome.AGREE
    found = of_data(gradcheck.audit(**made | {"grad_X": fault(made)}))
    assert found.verdict.outcome is Outcome.DISAGREE
    assert found.rows == samples
    assert any(words in told for told in found.faults), found.faults
    assert found.verdict.witness.place[1] in samples
    assert fault not in (one_entry, lost) or found.verdict.witness.place == (3, 17)


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-3])
def test_no_entry_is_further_off_than_is_certified(size):
    made = square()
    exact = made["grad_X"]
    made["grad_X"] = exact + size * np.random.default_rng(1).standard_normal(exact.shape)
    found = of_data(gradcheck.audit(**made))
    error = np.delete(abs(made["grad_X"] - exact), found.rows, axis=1)
    assert error.max(initial=0) <= found.entry
    assert np.sqrt((error**2).sum(axis=0)).max(initial=0) <= found.row


def test_samples_are_judged_alike_in_parts_in_rows_and_in_blocks(tmp_path, monkeypatch):
    """∂ℒ/∂X is one of the arrays that have a sample in each row, or column, and may lie in parts."""
    made = step("float32")
    folder, rows = tmp_path / "parts", tmp_path / "rows.npz"
    gradcheck.capture(made, folder)
    whole = np.load(folder / "grad_X.npy")
    (folder / "grad_X.npy").unlink()
    np.save(folder / "grad_X.0.npy", whole[:, :70])
    np.save(folder / "grad_X.1.npy", whole[:, 70:])
    turned = {name: a.T if name in ("X", "Z", "A", "grad_Z", "grad_X") else a for name, a in made.items()}
    np.savez(rows, **turned)
    expected = of_data(gradcheck.audit(**made))
    assert expected.verdict.outcome is Outcome.AGREE
    for found in (audit_path(folder), audit_path(rows, layout={"samples": "rows"})):
        assert of_data(found).verdict == expected.verdict
    told = json.loads(report.text(audit_path(folder)))
    assert told["missing"] == [] and told["findings"][-1]["quantity"] == "grad_X"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_data_gradient_of_a_torch_layer_is_captured(tmp_path, dtype):
    """That of this layer alone, of data that come from a layer before and that others use, too."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    before, layer = (torch.nn.Linear(*size).to(getattr(torch, dtype)) for size in ((5, D), (D, L)))
    labels = torch.randint(0, L, (N,))
    captured = gradcheck.capture(layer, tmp_path / "dump")
    X = before(torch.randn(N, 5).to(layer.weight.dtype))
    loss = torch.nn.functional.cross_entropy(layer(X), labels)
    (loss + X.square().sum()).backward()
    found = audit_path(captured.write(labels, loss))
    assert found.missing == ("A",)
    assert of_data(found).verdict.outcome is not Outcome.DISAGREE
    assert dtype != "float32" or of_data(found).verdict.outcome is Outcome.AGREE
    H = np.load(tmp_path / "dump" / "grad_X.npy")
    assert H.shape == (N, D)
