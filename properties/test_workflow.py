"""What a workflow is told of a run: an annotation for each cause beside the function at fault, and a summary that is plain text."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck.cli import main
from gradcheck.cli.fuzz import fuzz
from gradcheck.cli.verify import verify
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


ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("given", "command", "words"),
    [
        ({}, verify, ["verify", "--dtype", "float64", "--dtype", "float32", "--ci"]),
        ({"TARGET": "a b.py:f", "DTYPES": ""}, verify, ["verify", "a b.py:f", "--ci"]),
        (
            {"TARGET": "m.py", "DTYPES": "", "OPTIONS": "--samples rows", "MINUTES": "2"},
            fuzz,
            ["fuzz", "m.py", "--samples", "rows", "--minutes", "2", "--ci"],
        ),
        ({"TARGET": "$(touch x);*", "DTYPES": ""}, verify, ["verify", "$(touch x);*", "--ci"]),
        ({"DTYPES": "", "OPTIONS": "--check *"}, verify, ["verify", "--check", "*", "--ci"]),
    ],
)
def test_the_action_runs_a_command_that_there_is_and_nothing_that_it_is_given(given, command, words, tmp_path):
    """Its script as it stands, with a python that prints the words it is called with."""
    script = re.search(r"run: \|\n(.*)", (ROOT / "action.yml").read_text(encoding="utf-8"), re.DOTALL)[1]
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    usual = {"TARGET": "", "MINUTES": "0", "DTYPES": "float64 float32", "OPTIONS": ""}
    environment = {**usual, **given, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    found = done.stdout.splitlines()
    assert found == ["-m", "gradcheck", *words]
    command.make_context(found[2], found[3:])
    assert [path.name for path in tmp_path.iterdir()] == ["python"]


def test_the_hook_and_the_citation_say_what_there_is():
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    words = re.search(r"entry: gradcheck verify (.*)", hook)[1].split()
    verify.make_context("verify", [*words, "model.py"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
