"""Streams that nobody reads, that are closed, or that are full: a line where it can be told, and the status all the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck.cli import main

FULL = Path("/dev/full")
SHORT = ("verify", "numpy", "--max-examples", "1", "--check", "loss")
LINE = "gradcheck: cannot read or write: No space left on device\n"


def ran(*words: str, redirected: str) -> tuple[int, str, str]:
    """By a shell."""
    command = f'exec "$0" -m gradcheck "$@" {redirected}'
    found = subprocess.run(["sh", "-c", command, sys.executable, *words], capture_output=True, text=True, check=False)
    return found.returncode, found.stdout, found.stderr


@pytest.mark.skipif(not FULL.exists(), reason="has no /dev/full")
@pytest.mark.parametrize("words", [("--help",), SHORT])
def test_a_full_disk_behind_standard_output_is_one_line(words):
    assert ran(*words, redirected="> /dev/full") == (2, "", LINE)


@pytest.mark.skipif(not FULL.exists(), reason="has no /dev/full")
def test_a_full_disk_behind_standard_error_leaves_the_status():
    assert ran("verify", "nowhere.py", redirected="2> /dev/full") == (2, "", "")


@pytest.mark.parametrize(("words", "stream", "status"), [(SHORT, 1, 0), (("verify", "nowhere.py"), 2, 2)])
def test_a_stream_that_is_closed_is_one_that_nobody_reads(words, stream, status):
    code, out, err = ran(*words, redirected=f"{stream}>&-")
    assert code == status
    assert (err, out)[stream - 1] == ""


@pytest.mark.skipif(not FULL.exists(), reason="has no /dev/null")
def test_what_keeps_no_report_takes_two():
    found = CliRunner().invoke(main, [*SHORT, "--json", "/dev/null", "--html", "/dev/null"])
    assert found.exit_code == 0, found.output


def test_a_file_holds_one_report(tmp_path, monkeypatch):
    """Also where it has two names."""
    monkeypatch.chdir(tmp_path)
    for other in ("a.json", f"../{tmp_path.name}/a.json"):
        found = CliRunner().invoke(main, [*SHORT, "--json", "a.json", "--html", other])
        assert found.exit_code == 2
        assert found.stderr == "gradcheck: two reports are to be written to a.json; expected a file for each\n"
        assert not Path("a.json").exists()
