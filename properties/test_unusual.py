"""*Unusual*: beside *agree*, never a failure, for what is far beyond the size that independent roundings have."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck import Outcome
from gradcheck.auditing import report
from gradcheck.cli import main

L, D, N = 40, 24, 4096


@pytest.fixture(scope="module")
def arrays():
    """An honest step in float32."""
    rng = np.random.default_rng(0)
    theta, b = (rng.normal(size=(L, D)) / 5).astype("f4"), (rng.normal(size=L) / 8).astype("f4")
    X = rng.normal(size=(D, N)).astype("f4")
    return of(theta, b, X, rng.integers(0, L, N))


def of(theta, b, X, y, summed=np.matmul):
    Z = theta @ X + b[:, None]
    E = np.exp(Z - Z.max(axis=0))
    A = E / E.sum(axis=0)
    A[y, np.arange(len(y))] -= 1
    grad_Z = A / np.float32(len(y))
    return {
        "theta": theta, "b": b, "X": X, "Y": y, "Z": Z, "grad_theta": summed(grad_Z, X.T), "grad_X": theta.T @ grad_Z
    }  # fmt: skip


def found(arrays, quantity, **said):
    audit = gradcheck.audit(**arrays, **said)
    return audit, next(f for f in audit.findings if f.quantity == quantity)


def median(array):
    """The place of an entry of median size."""
    return tuple(int(k) for k in np.unravel_index(np.argsort(abs(array), axis=None)[array.size // 2], array.shape))


def test_nothing_is_unusual_in_an_honest_step(arrays):
    audit = gradcheck.audit(**arrays)
    assert audit.status == 0 and not any(f.unusual for f in audit.findings)


@pytest.mark.parametrize("without", [(), ("Z",)], ids=["with Z", "without Z"])
def test_an_entry_of_median_size_that_is_off_by_a_thousandth_is_told(arrays, without):
    """Which the limit of any order lets pass; its place, its size and the model are in the words."""
    G = arrays["grad_theta"].copy()
    place = median(G)
    G[place] *= np.float32(1.001)
    given = {name: array for name, array in arrays.items() if name not in without} | {"grad_theta": G}
    audit, finding = found(given, "grad_theta")
    assert audit.status == 0 and finding.verdict.outcome is Outcome.AGREE
    (remark,) = finding.unusual
    assert remark.witness.place == place and remark.times > (1 if without else 4)
    assert "unusual" in str(remark) and "where roundings are independent" in str(remark)
    assert not finding.odd  # the same entry is told once


def test_samples_are_looked_at_too(arrays):
    """By the place that their array has."""
    H = arrays["grad_X"].copy()
    place = tuple(int(k) for k in np.unravel_index(abs(H).argmax(), H.shape))
    H[place] *= np.float32(1 + 2.0**-16)
    audit, finding = found({**arrays, "grad_X": H}, "grad_X")
    assert audit.status == 0 and finding.unusual[0].witness.place == place


def test_logits_are_looked_at_too():
    """Of a thousand features."""
    rng = np.random.default_rng(2)
    theta, b, X = (rng.normal(size=shape).astype("f4") for shape in ((4, 1024), 4, (1024, 40)))
    Z = theta @ X + b[:, None]
    Z[2, 31] += np.float32(2.0**-13) * abs(Z).max()
    audit, finding = found({"theta": theta, "b": b, "X": X, "Y": np.zeros(40, int), "Z": Z}, "Z")
    assert audit.status == 0 and finding.unusual[0].witness.place == (2, 31)


def test_honest_code_is_unusual_on_runs_of_equal_samples_and_does_not_fail(tmp_path):
    """One sample after the other, in runs: each addition rounds as the one before."""
    rng = np.random.default_rng(1)
    theta, X = rng.normal(size=(3, 4)).astype("f4"), rng.uniform(0.5, 1, size=(4, 8)).astype("f4").repeat(2048, 1)

    def in_a_row(A, B):
        return np.add.accumulate(A[:, :, None] * B, axis=1)[:, -1]

    given = of(theta, np.zeros(3, "f4"), X, rng.integers(0, 3, 8).repeat(2048), in_a_row)
    audit, finding = found(given, "grad_theta")
    assert audit.status == 0 and finding.verdict.outcome is Outcome.AGREE and finding.unusual
    told = next(f for f in json.loads(report.text(audit))["findings"] if f["quantity"] == "grad_theta")["unusual"]
    assert told[0]["times"] > 1 and told[0]["place"] == list(finding.unusual[0].witness.place)
    folder = gradcheck.capture(given, tmp_path / "dump")
    shown = CliRunner().invoke(main, ["audit", str(folder)])
    assert shown.exit_code == 0 and "is unusual" in shown.output and "where samples repeat" in shown.output
