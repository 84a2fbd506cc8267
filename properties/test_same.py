"""The same seed, the same bytes: in JSON and in a corpus, whatever else is different about two runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_campaign import LOOP, OF_A_RUN

from benchmarks.hostile.outside import hide

MODEL = """
import numpy as np

def gradients(theta, b, X, Y):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    D = A / A.sum(axis=0) - Y
    return {"b": D.sum(axis=1, keepdims=True), "theta": D @ X.T / X.shape[1]}

def softmax(Z):
    A = np.exp(Z)
    return A / A.sum(axis=0)
"""
WORDS = ("--check", "bias_gradient", "--check", "theta_gradient", "--check", "softmax", "--check", "finite")
PATIENCE = 300  # seconds until a test gives up on a run


def ran(folder: Path, *words: str, flags: tuple[str, ...] = (), **environment: str) -> None:
    """A command of its own process, in a folder that has the model and nothing else; something disagrees."""
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    command = (sys.executable, *flags, "-c", LOOP, *words)
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    said = [line for line in done.stderr.splitlines() if not line.endswith("the run goes on")]  # of one that takes long
    assert done.returncode == 1 and not said, done.stderr


def held(folder: Path) -> dict[str, bytes]:
    """Every file of a corpus."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def campaign(folder: Path, *words: str, **given) -> dict[str, bytes]:
    ran(folder, "fuzz", "model.py", "--max-examples", str(3 * OF_A_RUN), *WORDS, *words, **given)
    return held(folder / "corpus")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, bytes]:
    """The corpus of one worker."""
    found = campaign(tmp_path_factory.mktemp("same") / "alone", "--workers", "1", PYTHONHASHSEED="0")
    assert len([name for name in found if name.startswith("findings/")]) > 2
    return found


def test_a_corpus_is_the_same_byte_for_byte(alone, tmp_path):
    """Cases and findings with all their counts, whoever was quicker; of another hash seed, and without docstrings."""
    assert campaign(tmp_path / "deep" / "er", "--workers", "2", flags=("-OO",), PYTHONHASHSEED="12345") == alone


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> bytes:
    """The JSON of a run."""
    folder = tmp_path_factory.mktemp("same") / "run"
    return verified(folder, PYTHONHASHSEED="0")


def verified(folder: Path, **given) -> bytes:
    ran(folder, "verify", "model.py", "--max-examples", "15", "--json", "out.json", **given)
    return (folder / "out.json").read_bytes()


def test_a_report_is_the_same_byte_for_byte(report, tmp_path):
    """Of another hash seed, in another folder. What a check claims and a mistake is called is in it, which `-OO` takes out."""
    assert verified(tmp_path / "deep" / "er", flags=("-OO",), PYTHONHASHSEED="12345") == report
    assert b"Summed over the batch" in report


def test_a_report_is_the_same_with_and_without_frameworks(report, tmp_path):
    """Python runs `sitecustomize` when it starts: here one that hides every optional package."""
    hide(tmp_path)
    places = os.pathsep.join([str(tmp_path / "hidden"), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert verified(tmp_path / "run", PYTHONPATH=places) == report


def test_what_is_correct_agrees_without_docstrings(tmp_path):
    done = subprocess.run(
        (sys.executable, "-OO", "-m", "gradcheck", "verify", "numpy", "--max-examples", "5"),
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
