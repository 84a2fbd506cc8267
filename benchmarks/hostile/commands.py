"""One command against something hostile: how it ended, and what is wrong with that."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.kills import HERE, MARK, marked

PATIENCE = 60.0  # seconds in which a command must have ended
MEMORY = 4 << 30  # bytes of address space that each of its processes may take
SHOWN = 20_000  # characters of all that it says: what is foreign in it is clipped
OBEYED = ("\x1b", "\x07", "\x9b", "\r")  # what a terminal obeys; no command says it into a pipe
OURS = ("Traceback (most recent call last)", "a fault of its own")


@dataclass(frozen=True)
class Attack:
    """A text that is hostile, and the exit statuses that a command may rightly end with.

    Judged as wrong or not judged at all is the rule; 0 stands only where the text is right code that does something odd.
    """

    text: str
    status: tuple[int, ...] = (1, 2)
    words: tuple[str, ...] = ()  # one of these must be said
    broken: bool = False  # it takes away what we ourselves run on: one line is all that can be had
    limit: float = PATIENCE
    interrupted: float = 0.0  # seconds after which a user presses Ctrl-C, where nothing else ends it


@dataclass
class Ended:
    """How a command ended."""

    status: int
    said: str
    seconds: float
    left: list[str] = field(default_factory=list)

    def wrong(self, attack: Attack) -> str:
        """What is not as it must be; empty where all is."""
        found = []
        if self.status not in attack.status:
            found.append(f"status {self.status}, expected {' or '.join(map(str, attack.status))}")
        if self.status >= 0 and not self.said.strip():  # one that is killed is told of by the shell
            found.append("not a word")
        found += [f"it says {mark!r}" for mark in (*OBEYED, *OURS[: 1 if attack.broken else 2]) if mark in self.said]
        if any(line.lstrip().startswith("::") for line in self.said.splitlines()):
            found.append("a line begins with ::")
        if attack.words and not any(word in self.said for word in attack.words):
            found.append(f"none of {attack.words} is said")
        if len(self.said) > SHOWN:
            found.append(f"it says {len(self.said)} characters")
        if self.seconds > attack.limit:
            found.append(f"it took {self.seconds:.0f} s")
        return "; ".join([*found, *self.left])

    @property
    def last(self) -> str:
        """The last line that it said."""
        return (self.said.strip().splitlines() or [""])[-1]


def ended(
    words: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    patience: float = PATIENCE,
    interrupted: float = 0.0,
) -> Ended:
    """Run `gradcheck` with these words in a folder, in a session of its own, and see what it leaves behind."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory(prefix="gradcheck-temporary-") as temporary:
        given = {**os.environ, MARK: mark, "PYTHONPATH": str(HERE), "TMPDIR": temporary, **(environment or {})}
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *flags, "-m", "gradcheck", *words],
            cwd=folder, env=given, start_new_session=True, preexec_fn=_limited,  # noqa: PLW1509
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            if interrupted:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(interrupted)
                process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=patience + 10)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[0]
        seconds = time.monotonic() - begun
        found = Ended(process.returncode, said.decode("utf-8", "replace"), seconds)
        found.left += _left(mark)
        found.left += [f"left in the temporary folder: {name}" for name in sorted(os.listdir(temporary))]
    return found


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _left(mark: str) -> list[str]:
    """Processes that still run a moment later; they are ended."""
    until = time.monotonic() + 5
    while (found := marked(mark)) and time.monotonic() < until:
        time.sleep(0.02)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"left running: {len(found)}"] if found else []
