"""Groups of attacks: each is tried, and told whether anything is wrong with how it ended."""

import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.hostile import outside
from benchmarks.hostile.commands import Attack, Ended, ended
from benchmarks.hostile.peers import ABOVE as PEER
from benchmarks.hostile.peers import BELOW, PEERS
from benchmarks.hostile.targets import ABOVE, APART, TARGETS

NAMES = ("theta_gradient", "bias_gradient", "finite", "repeatable", "inputs_unchanged", "shape_and_dtype")
CHECKS = tuple(word for name in NAMES for word in ("--check", name))

Tried = tuple[str, str, str]  # its name, what is wrong, and its last line


def in_process(only: str = "") -> Iterator[Tried]:
    """A target that is loaded and called in the process of the run."""
    for name, attack in TARGETS.items():
        if only in name:
            yield name, *_target(attack)


def isolated(only: str = "") -> Iterator[Tried]:
    """The same in a process of their own."""
    for name, attack in TARGETS.items():
        if only in name:
            allowed = replace(attack, status=APART.get(name, attack.status))
            yield name, *_target(allowed, "--isolate", "--time-limit", "2")


def _target(attack: Attack, *options: str) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "target.py").write_text(ABOVE + attack.text + "\n", encoding="utf-8")
        words = ("verify", "target.py", "--max-examples", "12", *CHECKS, *options)
        wait = 0.0 if options else attack.interrupted
        found = ended(words, Path(place), patience=attack.limit, interrupted=wait)
    return told(found, attack)


def executed(only: str = "") -> Iterator[Tried]:
    """Programs of somebody's own."""
    for name, attack in PEERS.items():
        if only in name:
            with tempfile.TemporaryDirectory() as place:
                (Path(place) / "peer.py").write_text(PEER + attack.text + BELOW, encoding="utf-8")
                program = f"{shlex.quote(sys.executable)} peer.py"
                words = ("verify", "--exec", program, "--max-examples", "6", *CHECKS, "--time-limit", "2")
                yield name, *told(ended(words, Path(place), patience=attack.limit), attack)


def around(only: str = "") -> Iterator[Tried]:
    """Environments, words, and places to write to."""
    for name, attack, found in outside.outside():
        yield name, *told(found, attack)


def alike(only: str = "") -> Iterator[Tried]:
    """The same seed."""
    for name, wrong in outside.same():
        yield name, wrong, ""


def told(found: Ended, attack: Attack) -> tuple[str, str]:
    """What is wrong, and what was said last."""
    return found.wrong(attack), f"[{found.status}, {found.seconds:.1f} s] {found.last}"


GROUPS: dict[str, Callable[..., Iterator[Tried]]] = {
    "in process": in_process,
    "isolated": isolated,
    "exec": executed,
    "outside": around,
    "same": alike,
}
