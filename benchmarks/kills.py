"""Runs that are ended at random moments: `python -m benchmarks.kills [--seed 0] [--count 20]`.

verify, fuzz and audit, with targets here and isolated, which start processes in sessions of their own; KILL, TERM, HUP and INT; to
the run, or to any process below it. Of each: the exit status, whether anything is still running, and whether any file is
half-written. Exit status 1 where one is.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from gradcheck import cases, processes
from gradcheck.errors import Unusable

HERE = Path(__file__).resolve().parent.parent
TARGET = """
import os, subprocess, time
import numpy as np
calls = 0
def gradients(theta, b, X, Y):
    global calls
    calls += 1
    if calls % 20 == 1:
        subprocess.Popen(["sleep", "300"], start_new_session=True)
    time.sleep(300 if calls % 400 == 399 else 0.002)
    Z = theta @ X + b
    A = np.exp(Z - Z.max(0))
    D = (A / A.sum(0) - Y) / X.shape[1]
    return {"theta": 2 * D @ X.T, "b": D.sum(1, keepdims=True)}
"""
COMMANDS = {
    "verify": ("verify", "target.py", "--max-examples", "5000"),
    "verify --isolate": ("verify", "target.py", "--max-examples", "5000", "--isolate", "--time-limit", "100"),
    "fuzz": ("fuzz", "target.py", "--minutes", "5", "--workers", "2"),
    "fuzz --isolate": ("fuzz", "target.py", "--minutes", "5", "--workers", "1", "--isolate", "--time-limit", "100"),
    "audit": ("audit", "dump"),
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
LATEST = {"audit": 2.0}  # seconds after which a run is ended; the others go on for longer than 8
MARK = "GRADCHECK_KILLS"  # in the environment of every process of a run, by which it is found wherever it hangs


def dumped(folder: Path) -> None:
    """A dump that takes a few seconds to audit."""
    rng, (L, d, n) = np.random.default_rng(0), (20, 200, 200_000)
    theta, b, X = rng.normal(size=(L, d)), rng.normal(size=(L, 1)), rng.normal(size=(d, n))
    labels = rng.integers(0, L, n)
    D = np.exp(theta @ X + b)
    D /= D.sum(0)
    D[labels, np.arange(n)] -= 1
    for name, array in {"theta": theta, "b": b, "X": X, "Y": labels, "grad_theta": D @ X.T / n}.items():
        np.save(folder / f"{name}.npy", array)


def marked(mark: str) -> list[int]:
    """Processes that carry the mark and still run."""
    found, word = [], f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if word in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
        except OSError:  # it has ended, or is not ours
            continue
    return [pid for pid in found if pid != os.getpid()]


def torn(folder: Path) -> Iterator[Path]:
    """Files that are not whole."""
    for path in folder.rglob("*.json"):
        try:
            if {"cases", "pending"} & set(path.parts):
                cases.load(path)
            else:
                json.loads(path.read_text(encoding="utf-8"))
        except (Unusable, ValueError):
            yield path
    for path in folder.rglob("*.jsonl"):
        yield from (path for line in path.read_text(encoding="utf-8").splitlines() if not _whole(line))


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def ended(rng: random.Random, name: str, number: signal.Signals, folder: Path) -> tuple[str, bool]:
    """One run, ended at some moment: what came of it in words, and whether that is as it must be."""
    mark = f"{os.getpid()}-{rng.random()}"
    environment = {**os.environ, MARK: mark, "PYTHONPATH": str(HERE), "TMPDIR": str(folder / "temporary")}
    process = subprocess.Popen(
        [sys.executable, "-m", "gradcheck", *COMMANDS[name]],
        env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    after, whom = rng.uniform(0.05, LATEST.get(name, 8.0)), rng.choice(("run", "run", "below"))
    time.sleep(after)
    below = processes.descendants(process.pid)
    victim = rng.choice(below) if whom == "below" and below and number is signal.SIGKILL else process.pid
    if process.poll() is None:
        os.kill(victim, number)
    try:
        _, said = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:  # a worker is replaced, a target started again: the run goes on
        process.kill()
        _, said = process.communicate()
    until = time.monotonic() + 10
    while (left := marked(mark)) and time.monotonic() < until:
        time.sleep(0.02)
    broken = [*map(str, torn(folder))]
    temporary = os.listdir(folder / "temporary")
    at = "the run" if victim == process.pid else f"{below.index(victim) + 1} of the {len(below)} processes below"
    words = f"{name:17} {number.name:8} to {at} after {after:.1f} s: status {process.returncode}"
    for what, found in (("left running", left), ("half-written", broken), ("in the temporary folder", temporary)):
        words += f"; {what}: {found}" if found else ""
    traced = b"Traceback" in said
    return words + "; a traceback" * traced, not (left or broken or temporary or traced)


@click.command()
@click.option("--seed", default=0, show_default=True)
@click.option("--count", default=20, show_default=True)
def main(seed: int, count: int) -> None:
    """One line a kill, and how many left something behind."""
    rng, wrong = random.Random(seed), 0
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as dump:
        dumped(Path(dump))
        for turn in range(count):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                (folder / "target.py").write_text(TARGET, encoding="utf-8")
                (folder / "dump").symlink_to(dump)
                (folder / "temporary").mkdir()
                words, right = ended(rng, list(COMMANDS)[turn % len(COMMANDS)], SIGNALS[turn // 5 % 4], folder)
                wrong += not right
                click.echo(f"{'    ' if right else 'BAD '}{words}")
    click.echo(f"{count} kills, {wrong} left something behind")
    sys.exit(int(wrong > 0))


if __name__ == "__main__":
    main()
