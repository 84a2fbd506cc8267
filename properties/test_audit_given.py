"""Arrays as somebody has them after a step: of any framework, with gradients recorded, or with no numbers in them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import sparse

import gradcheck
from gradcheck import CrossEntropy, Unusable
from gradcheck.cli import main

L, D, N = 30, 8, 50


def step(dtype=np.float32, seed=0):
    """A step without logits, samples in rows."""
    rng = np.random.default_rng(seed)
    theta, b, X = rng.normal(size=(L, D)), np.zeros(L), rng.normal(size=(N, D))
    y, Z = rng.integers(L, size=N), X @ theta.T
    A = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    given = (A - np.eye(L)[y]) / N
    found = {"theta": theta, "b": b, "X": X, "grad_theta": given.T @ X, "grad_b": given.sum(0), "grad_X": given @ theta}
    return {**{name: value.astype(dtype) for name, value in found.items()}, "Y": y, "samples": "rows"}


def verdicts(arrays):
    return {finding.quantity: str(finding.verdict.outcome) for finding in gradcheck.audit(**arrays).findings}


ALL = dict.fromkeys(("grad_theta", "grad_b", "grad_X"), "agree")


@pytest.mark.parametrize("double", [False, True])
def test_arrays_of_jax_are_audited_on_the_host_without_logits(double):
    """theta, too, which ∂ℒ/∂X multiplies."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(double):
        given = {
            k: v if k == "samples" else jax.numpy.asarray(v) for k, v in step(np.float64 if double else "f4").items()
        }
        assert verdicts(given) == ALL
        given["grad_X"] = given["grad_X"].at[3, 2].multiply(-1)
        assert verdicts(given) == {**ALL, "grad_X": "disagree"}


def test_a_head_without_a_bias_is_one_with_none():
    assert verdicts({**step(), "b": None}) == ALL


def test_tracers_of_jax_are_refused_in_a_line():
    jax = pytest.importorskip("jax")
    with pytest.raises(Unusable, match=r"theta is a .*outside of jit"):
        jax.jit(lambda theta: gradcheck.audit(**{**step(), "theta": theta}).status)(step()["theta"])


def test_arrays_without_numbers_are_refused_in_a_line():
    """A gradient that did not come, tensors of the meta device, sparse ones, and those of 8 bits."""
    torch = pytest.importorskip("torch")
    theta = torch.zeros(L, D)
    for value, words in (
        (None, "is None"),
        (theta.to("meta"), "meta device"),
        (theta.to_sparse(), "to_dense"),
        (theta.to(torch.float8_e4m3fn), "float8_e4m3fn"),
    ):
        with pytest.raises(Unusable, match=f"^grad_theta.*{words}"):
            gradcheck.audit(**{**step(), "grad_theta": value})


@pytest.fixture
def dump(tmp_path):
    given = step()
    return gradcheck.capture({k: v for k, v in given.items() if k != "samples"}, tmp_path / "dump", samples="rows")


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("name", ["theta.npy", "layout.json"])
def test_a_report_is_never_written_over_what_is_audited(dump, option, name):
    before = (dump / name).read_bytes()
    found = CliRunner().invoke(main, ["audit", str(dump), option, str(dump / ".." / "dump" / name)])
    assert found.exit_code == 2 and "is of the dump" in found.output and (dump / name).read_bytes() == before


def test_a_report_in_the_folder_of_a_dump_is_written_again(dump):
    for _ in range(2):
        assert CliRunner().invoke(main, ["audit", str(dump), "--json", str(dump / "report.json")]).exit_code == 0


def test_what_layout_json_says_and_nobody_knows_is_refused(dump):
    """A misspelt declaration would be none."""
    said = json.loads((dump / "layout.json").read_text())
    (dump / "layout.json").write_text(json.dumps({**said, "sum": "blocked:64"}))
    found = CliRunner().invoke(main, ["audit", str(dump)])
    assert found.exit_code == 2 and "says 'sum', which is not known" in found.output


def smoothed():
    """A step of torch with smoothing, and with labels that do not count."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    X, W = (torch.randn(size, 8, generator=generator, dtype=torch.float64) for size in (30, 50))
    y = torch.where(torch.arange(30) % 3 == 0, -100, torch.randint(50, (30,), generator=generator))
    W.requires_grad_()
    loss = torch.nn.functional.cross_entropy(X @ W.T, y, label_smoothing=0.1)
    loss.backward()
    return {"theta": W, "b": None, "X": X, "Y": y, "loss": loss.detach(), "grad_theta": W.grad}


def test_options_of_the_loss_one_by_one(tmp_path):
    """As capture takes them; of a dump each in place of what that says."""
    arrays = smoothed()
    found = gradcheck.audit(samples="rows", smoothing=0.1, ignore=-100, **arrays)
    assert (found.status, found.law.mean_of) == (0, "labelled")
    assert gradcheck.audit(samples="rows", smoothing=0.2, ignore=-100, **arrays).status == 1
    folder = gradcheck.capture(arrays, tmp_path / "dump", samples="rows", smoothing=0.2, ignore=-100)
    assert (gradcheck.audit(folder).status, gradcheck.audit(folder, smoothing=0.1).status) == (1, 0)


@pytest.mark.parametrize(
    ("line", "given"),
    {
        r"^label_smoothing: not known; did you mean smoothing\?": {"label_smoothing": 0.1},
        r"^gradtheta: not known; did you mean grad_theta\?": {"gradtheta": 0.1},
        r"^bias: not known; did you mean b\?": {"bias": 0.1},
        r"^weight: not known; did you mean theta \(or class_weight\)\?": {"weight": 0.1},
        r"^labels: not known; did you mean Y\?": {"labels": 0.1},
        r"^logits: not known; did you mean Z\?": {"logits": 0.1},
        "^sharpness: not known; expected any of theta, b, X, .*, smoothing,": {"sharpness": 0.1},
        "^smoothing: said beside law; expected law": {"smoothing": 0.1, "law": gradcheck.CrossEntropy()},
        "^loss smoothing='x' is not known; expected a number from 0 to 1": {"smoothing": "x"},
    }.items(),
)
def test_what_is_no_option_is_refused_with_what_was_meant(line, given):
    with pytest.raises(Unusable, match=line):
        gradcheck.audit(samples="rows", **given, **smoothed())


def test_a_reduction_beside_a_law_is_refused_and_never_left_out():
    with pytest.raises(Unusable, match="reduction: said beside law"):
        gradcheck.audit(theta=np.ones((2, 1)), law=CrossEntropy(), reduction="sum")


def test_a_matrix_of_numpy_is_an_array_and_a_loss_one_number():
    rng = np.random.default_rng(0)
    theta, X, y = rng.normal(size=(5, 3)), rng.normal(size=(3, 8)), rng.integers(5, size=8)
    A = np.exp(theta @ X) / np.exp(theta @ X).sum(axis=0)
    given = {"b": np.zeros(5), "X": np.asmatrix(X), "Y": y, "Z": np.asmatrix(theta @ X)}
    found = gradcheck.audit(theta=np.asmatrix(theta), grad_theta=(A - np.eye(5)[:, y]) @ X.T / 8, **given)
    assert found.status == 0 and len(found.findings) == 2
    with pytest.raises(Unusable, match="loss has shape"):
        gradcheck.audit(theta=theta, loss=np.zeros(0), **given)


def test_masked_arrays_and_lists_are_read_where_they_hold_numbers():
    """What is masked is no number, and a list that is no matrix no array."""
    made = step(np.float64)
    arrays = {name: np.ma.array(value) if name != "samples" else value for name, value in made.items()}
    assert gradcheck.audit(**arrays).status == gradcheck.audit(**made).status == 0
    assert gradcheck.audit(**{**made, "X": np.asarray(made["X"]).tolist()}).status == 0
    arrays["X"][0, 0] = np.ma.masked
    with pytest.raises(Unusable, match=r"^X is a masked array, of which numbers are masked; expected"):
        gradcheck.audit(**arrays)
    with pytest.raises(Unusable, match=r"^X is a csr_array; expected an array of numbers: .toarray\(\)"):
        gradcheck.audit(**{**made, "X": sparse.csr_array(np.asarray(made["X"]))})
    with pytest.raises(Unusable, match=r"^X: \[\[1, 2\], \[1\]\]; expected real numbers"):
        gradcheck.audit(**{**made, "X": [[1, 2], [1]]})
