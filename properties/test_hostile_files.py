"""Files that others hand us are data: whatever stands in one, it is read or refused in one line, and nothing else happens."""

import json
import os
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from benchmarks.hostile.kinds import KINDS, NAME, step
from benchmarks.hostile.trying import attempts, outcome, whole
from gradcheck import cases, settings
from gradcheck.auditing import files
from gradcheck.auditing.run import audit_path
from gradcheck.cli import main
from gradcheck.errors import Unusable

EXAMPLES = 1000


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_read_or_refused_in_one_line(kind):
    found = attempts(kind, -(-EXAMPLES // len(KINDS)), seed=0)
    assert not found.failed, "\n".join(found.failed[:3])
    assert found.refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_read(kind):
    if kind.startswith("zarr"):
        pytest.importorskip("zarr", minversion=kind.removeprefix("zarr "))
    with whole(kind) as place:
        assert outcome(kind, place) == ""


COMMANDS = {
    "corpus": lambda path: ["corpus", "replay", str(path), "numpy"],
    "case": lambda path: ["replay", str(path), "numpy"],
    "folder": lambda path: ["audit", str(path), "--probes", "8"],
    "npz": lambda path: ["audit", str(path), "--probes", "8"],
    "safetensors": lambda path: ["audit", str(path), "--probes", "8", "--json", "-"],
    "zarr 2": lambda path: ["audit", str(path), "--probes", "8"],
    "zarr 3": lambda path: ["audit", str(path), "--probes", "8"],
    "vectors": lambda path: ["vectors", "certify", str(path)],
    "answers": lambda path: ["vectors", "judge", str(path.parent / NAME), str(path)],
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_says_one_line_of_a_broken_file_and_exits_with_2(kind):
    """No traceback, whatever the file holds; a file that says something else, and is whole, is judged."""

    def command(path):
        found = CliRunner().invoke(main, COMMANDS[kind](path))
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        assert found.exit_code in (0, 1, 2, 3) and "Traceback" not in found.output
        if found.exit_code == 2:
            assert found.stderr.count("\n") == 1 or found.stderr.startswith("Usage"), found.stderr

    found = attempts(kind, 40, seed=1, read=command)
    assert not found.failed, "\n".join(found.failed[:3])


# ---- what is no regular file ----


def fifo(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def sparse(path):
    """No bytes on the disk, and 200 GB to whoever reads it."""
    with path.open("wb") as file:
        file.truncate(200 * 10**9)


def a_folder(path):
    path.mkdir()


@pytest.mark.skipif(sys.platform != "linux", reason="FIFOs and devices by these names")
@pytest.mark.parametrize("make", [fifo, device, sparse, a_folder])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused_at_once(kind, make):
    """A FIFO is not waited for, a device is not read to its end, a sparse file is not loaded."""
    with whole(kind) as place:
        names = [name for name, _ in KINDS[kind].files(place)]
    for name in names:
        with whole(kind) as place:
            (place / name).unlink()
            make(place / name)
            # a campaign goes on without what is no finding or record
            expected = "" if kind == "corpus" and "cases" not in name else "refused"
            assert outcome(kind, place) == expected, name


# ---- names ----


@pytest.mark.parametrize("check", ["../escaped", "/tmp/escaped", "a\x00b", ".hidden", "a\nb", "\x1b[31m", "x" * 10**5])
def test_a_case_of_a_check_that_there_is_not_is_refused(tmp_path, check):
    """The check of a case becomes the name of a file."""
    with whole("case") as place:
        told = json.loads((place / f"{NAME}.json").read_text())
        (place / f"{NAME}.json").write_text(json.dumps({**told, "check": check}))
        with pytest.raises(Unusable, match="of the check") as refusal:
            cases.load(place / f"{NAME}.json")
        assert len(str(refusal.value)) < 500
        found = CliRunner().invoke(main, ["corpus", "add", str(tmp_path / "corpus"), str(place / f"{NAME}.json")])
    assert found.exit_code in (1, 2) and not list(tmp_path.rglob("*.json"))


# ---- a file that changes ----


@pytest.mark.parametrize("kind", ["folder", "safetensors", "zarr 2"])
def test_a_dump_that_changes_while_it_is_read_is_told(kind, monkeypatch):
    """As if training went on: that is no wrong gradient."""
    if kind.startswith("zarr"):
        pytest.importorskip("zarr")
    with whole(kind) as place:
        path = place / KINDS[kind].entry
        judged = gradcheck.auditing.run.judge

        def meanwhile(*given):
            changed = (
                max((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
                if path.is_dir()
                else path
            )
            changed.write_bytes(changed.read_bytes())
            os.utime(changed, ns=(1, 1))
            return judged(*given)

        monkeypatch.setattr(gradcheck.auditing.run, "judge", meanwhile)
        with pytest.raises(Unusable, match="changed while it was read"):
            audit_path(path)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of open files")
def test_many_parts_need_few_open_files(tmp_path):
    import resource

    given, soft = step(), resource.getrlimit(resource.RLIMIT_NOFILE)
    (tmp_path / NAME).mkdir()
    X, Y = np.tile(given["X"], 50), np.tile(given["Y"], 50)
    for name, array in {**given, "Y": Y}.items():
        if name not in ("X", "Z", "loss", "grad_theta"):
            np.save(tmp_path / NAME / f"{name}.npy", array)
    np.save(tmp_path / NAME / "grad_theta.npy", given["grad_theta"])
    for i in range(300):
        np.save(tmp_path / NAME / f"X.{i}.npy", X[:, [i]])
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, soft[1]))
        found = files.load(tmp_path / NAME)
        assert np.array_equal(np.asarray(found.samples("X", slice(0, 300))), X)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft)


# ---- settings ----


SETTINGS = {
    "nested": "a = " + "[" * 5000,
    "digits": "a = " + "9" * 10_000,
    "table": f"[{'a.' * 100_000}a]",
    "key": "a." * 100_000 + "a = 1",
    "dotted in a table": "[tool.gradcheck.targets.x]\ntarget = 'y.py'\nexpected-failures = { "
    + "a." * 20_000
    + "a = 1 }",
    "long": f'[tool.gradcheck.targets.x]\ntarget = "{"y" * 10**5}"',
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_would_take_long_are_refused(tmp_path, name):
    (tmp_path / "pyproject.toml").write_text(SETTINGS[name])
    with pytest.raises(Unusable) as refusal:
        settings.configured(tmp_path)
    assert len(str(refusal.value)) < 1000
