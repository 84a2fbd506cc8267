"""What a workflow is told of a run: an annotation for each cause beside the function at fault, and a summary that is plain text."""

import pytest
from click.testing import CliRunner

from gradcheck.cli import main
from gradcheck.reports import workflow

SUMMED = """import numpy as np


def loss(theta, b, X, Y):
    raise ValueError("::error::[x](http://y)")


def gradients(theta, b, X, Y):
    A = np.exp(theta @ X + b - (theta @ X + b).max(axis=0))
    D = A / A.sum(axis=0) - Y
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}
"""


FEW = ("--max-examples", "12", "--ci")


def test_each_cause_is_one_annotation_beside_the_function_at_fault(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(workflow.SUMMARY, "summary.md")
    (tmp_path / "model.py").write_text(SUMMED, encoding="utf-8")
    done = CliRunner().invoke(main, ["verify", "model.py", "--check", "theta_gradient", "--check", "loss", *FEW])
    told = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert done.exit_code == 1
    assert [line.split(",title")[0] for line in told] == [
        "::error file=model.py,line=4",
        "::error file=model.py,line=8",
    ]
    assert "not divided by n" in told[1] and "::error::" not in told[0].removeprefix("::error")
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.count("\n| ") == 3 and "not divided by n" in summary
    assert "http://" not in summary and "[x]" not in summary


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("m.py:mine", "\n\nclass mine: ...", ("m.py", 3)),
        ("m.py", "\ndef gradients(): ...", ("m.py", 2)),
        ("m.py", "x = 1", ("m.py", 1)),
        ("m.py", "def (", None),
        ("m.py", "\0", None),
        ("gone.py", "", None),
        ("package.module", "", None),
    ],
)
def test_a_function_is_looked_for_in_the_text_of_the_file_and_nothing_in_it_runs(
    word, text, found, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(text, encoding="utf-8")
    assert workflow.located([word, "--samples", "rows"], "theta_gradient") == found
    assert workflow.located([], "theta_gradient") is None


def test_a_command_is_one_line_whatever_stands_in_it():
    line = workflow.command("error", "a:b,c\n", "x%\n::error::y", ("f:1,\n.py", 3))
    assert line == "::error file=f%3A1%2C%0A.py,line=3,title=a%3Ab%2Cc%0A::x%25%0A::error::y"
