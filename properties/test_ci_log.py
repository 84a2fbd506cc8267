"""What a CI server finds in our logs: the annotations that are meant, whatever files, targets and corpora are called or say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck.cli import main
from properties.hostile import commands, obeyed

pytest_plugins = ("pytester",)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="files are called what Windows lets none be called")

NAME = "x\n::error::\x1b[38;5;199mPWN\x07"
SAID = "\x1b[2J\n::error::owned\n##[error]owned\u202e"
# It also writes where no one in Python catches it.
TARGET = f"""
import os
os.write(1, b"\\n::error::loaded\\n##[error]loaded\\n")
def gradients(theta, b, X, Y):
    os.write(1, b"\\n::error::called\\n::stop-commands::x\\n::add-mask::e\\n")
    raise ValueError({SAID!r})
"""
QUIET = f"def gradients(theta, b, X, Y):\n    raise ValueError({SAID!r})\n"
CASE = {
    "gradcheck_case": 1,
    "check": "finite",
    "target": SAID,
    "dtype": "float64",
    "memory": "C",
    "theta": [["0x1.0000000000000p+0"], ["0x0.0p+0"]],
    "b": [["0x0.0p+0"], ["0x0.0p+0"]],
    "X": [["0x1.0000000000000p+0"]],
    "Y": [["0x1.0000000000000p+0"], ["0x0.0p+0"]],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = tmp_path / "corpus" / "cases"
    cases.mkdir(parents=True)
    for name in (NAME, "::error::one", "##[error]two", " ::error::three"):
        (cases / f"{name}.json").write_text(json.dumps(CASE), encoding="utf-8")
    (cases / "\n::error::four.json").write_text("{}", encoding="utf-8")
    Path("target.py").write_text(TARGET, encoding="utf-8")
    Path("quiet.py").write_text(QUIET, encoding="utf-8")
    table = json.dumps(f"::error::{NAME}")
    Path("pyproject.toml").write_text(f'[tool.gradcheck.targets.{table}]\ntarget = "quiet.py"\n', encoding="utf-8")
    return tmp_path


def test_the_log_of_a_campaign_has_its_own_annotations_alone(folder, monkeypatch):
    """Also where a target writes commands by itself, and where the case that still fails is called like one."""
    summary = folder / "summary.md"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    words = ("fuzz", "target.py", "--ci", "--workers", "1", "--max-examples", "2", "--check", "finite")
    found = subprocess.run(
        [sys.executable, "-m", "gradcheck", *words], capture_output=True, text=True, env=environment, check=False
    )
    assert found.returncode == 1 and "Traceback" not in found.stderr, (found.stdout, found.stderr)
    # a finding, and the file that is no case
    assert commands(found.stdout) == ["error", "warning"] and commands(found.stderr) == []
    assert "::error file=target.py,line=4,title=gradcheck%3A finite errored in any regime::" in found.stdout
    assert "called" in found.stdout and "saved cases still fail, such as" in found.stdout
    assert not obeyed(summary.read_text(encoding="utf-8"))


def test_commands_are_obeyed_again_after_a_refusal(folder):
    result = CliRunner().invoke(main, ["fuzz", f"{NAME}.py", "--ci"])
    assert result.exit_code == 2 and commands(result.output) == []


@pytest.mark.parametrize(
    "words",
    [
        ("corpus", "list", "corpus/cases"),
        ("corpus", "add", "kept", "corpus/cases/::error::one.json", f"corpus/cases/{NAME}.json"),
        ("corpus", "replay", "corpus", "quiet.py"),
        ("corpus", "minimise", "corpus", "--dry-run"),
        ("verify", "::error::x.py"),
        ("verify", "##[error]x"),
        ("verify", "--max-examples", "2"),
        ("verify", "--max-examples", "2", "--json", "-"),
        ("verify", "--max-examples", "2", "--junit", "-"),
        ("verify", "--max-examples", "2", "--html", "-"),
        ("compare", "--max-examples", "2"),
        ("replay", "corpus/cases/##[error]two.json", "quiet.py"),
        ("fuzz", "quiet.py", "--workers", "1", "--max-examples", "2", "--check", "finite"),
        (
            "fuzz",
            "quiet.py",
            "--workers",
            "1",
            "--max-examples",
            "2",
            "--check",
            "finite",
            "--database",
            f"nope://{SAID}",
        ),
        ("audit", "::error::dump"),
    ],
)
def test_no_line_of_a_command_is_obeyed(folder, words):
    (folder / "corpus" / "cases" / "\n::error::four.json").unlink()
    result = CliRunner().invoke(main, words)
    assert result.exit_code in (0, 1, 2) and not isinstance(result.exception, Exception), result.exception
    assert result.output and not obeyed(result.output) and not commands(result.output), result.output


def test_no_line_of_pytest_is_obeyed(folder, pytester):
    """Names of tests, failures, reasons of skips and of expected failures."""
    for file in ("quiet.py", "pyproject.toml"):
        (pytester.path / file).write_bytes((folder / file).read_bytes())
    table = (pytester.path / "pyproject.toml").read_text(encoding="utf-8")
    known = f"expected-failures = {{ theta_gradient = {json.dumps(SAID)} }}\n"
    (pytester.path / "pyproject.toml").write_text(table + known, encoding="utf-8")
    pytester.chdir()
    few = ("-k", "theta_gradient or softmax or loss")  # one that is known, one that is not, and one that is skipped
    for words in (("-v", "-rA", *few), ("-q", "-rA", *few), ("--collect-only",), ("--gradcheck", f"::error::{SAID}")):
        result = pytester.runpytest_subprocess(
            *("-p", "no:cacheprovider", "--gradcheck-max-examples", "2", "--gradcheck", f"::error::{NAME}", *words)
        )
        lines = result.outlines + result.errlines
        assert len(lines) > 3 or result.ret == pytest.ExitCode.USAGE_ERROR
        assert not obeyed("\n".join(lines)) and not commands("\n".join(lines)), lines


def test_the_runner_that_these_tests_ask_finds_commands():
    assert commands("a\n  ::error::x\n##[warning]y\nz ##[debug]\n::error title=a::b") == [
        "error",
        "warning",
        "debug",
        "error",
    ]
    assert commands("::stop-commands::w\n::error::x\n::w::\n::notice::y") == ["notice"]
