"""What an audit certified, in shares of a typical row and in bits, and what a fuller dump would buy."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from test_unusual import of

import gradcheck
from gradcheck.auditing import report
from gradcheck.cli import main


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(4)
    theta, b, X = (rng.normal(size=shape).astype("f4") for shape in ((30, 64), 30, (64, 200)))
    return of(theta, b, X, rng.integers(0, 30, 200))


def told(audit):
    return {f["quantity"]: f for f in json.loads(report.text(audit))["findings"]}


def test_what_is_certified_is_a_share_of_a_typical_row_and_its_bits(arrays):
    """Of each quantity; and the table has both."""
    audit = gradcheck.audit(**arrays)
    for finding in audit.findings:
        said = told(audit)[finding.quantity]
        assert 0 < said["certified_share"] == said["smallest_relative_error_seen"] < 1
        assert said["certified_bits"] == -math.log2(said["certified_share"])
        assert finding.row / finding.median == said["certified_share"]
    Z = next(f for f in audit.findings if f.quantity == "Z")
    lengths = np.linalg.norm(arrays["Z"], axis=1)
    assert lengths.min() < Z.median < lengths.max()


def test_where_nothing_is_certified_that_is_said(arrays, tmp_path):
    """Null in JSON, nothing in the table: no row is as it should be, or no number bounds what is wrong."""
    wrong = {**arrays, "grad_theta": -arrays["grad_theta"]}
    audit = gradcheck.audit(**wrong)
    said = told(audit)["grad_theta"]
    assert said["certified_share"] is said["certified_bits"] is said["every_entry_within"] is None
    gradcheck.capture(wrong, tmp_path / "dump")
    shown = CliRunner().invoke(main, ["audit", str(tmp_path / "dump")], env={"COLUMNS": "200"}).output
    row = next(line for line in shown.splitlines() if "∂ℒ/∂θ" in line and "DISAGREE" in line.upper())
    assert "nothing" in row and "bits" in next(line for line in shown.splitlines() if "∂ℒ/∂X" in line)


def test_what_logits_in_the_dump_would_buy_is_about_what_they_do(arrays):
    """The limit of a row with them, and without."""
    bare = {name: array for name, array in arrays.items() if name != "Z"}
    audit, full = gradcheck.audit(**bare), gradcheck.audit(**arrays)
    assert full.with_logits is None and audit.with_logits > 1
    limits = [
        np.median(gradcheck.audit(**{**given, "grad_theta": arrays["grad_theta"] + 1}).findings[-2].entries[0].radius)
        for given in (bare, arrays)
    ]
    assert 0.5 < audit.with_logits / (limits[0] / limits[1]) < 2
    assert json.loads(report.text(audit))["times_sharper_with_logits"] == audit.with_logits


def test_what_was_declared_is_part_of_the_report(arrays, tmp_path):
    """Of the loss and of how it rounds, whether here or in the dump; and nothing is said where nothing was."""
    gradcheck.capture(arrays, tmp_path / "dump", arithmetic=gradcheck.Arithmetic(sums="blocked:256"))
    gradcheck.capture(arrays, tmp_path / "plain")
    said = CliRunner().invoke(main, ["audit", str(tmp_path / "dump"), "--ignore", "-100"]).output
    assert "Declared, here or in the dump: --ignore -100 --sums blocked:256" in said
    assert "Declared" not in CliRunner().invoke(main, ["audit", str(tmp_path / "plain")]).output
