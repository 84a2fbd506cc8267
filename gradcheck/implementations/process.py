"""An implementation in a process of its own: one that speaks our protocol, in any language, or a Python target set apart.

A call that takes too long, or a process that ends, becomes `TargetFailed`, and the next call starts a new process. After
`DEATHS` of them a function is not called again: what remains is skipped, with that reason.
"""

import atexit
import json
import os
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any

from gradcheck.errors import Unusable
from gradcheck.implementations import protocol
from gradcheck.implementations.layout import NotPosed
from gradcheck.implementations.record import FUNCTIONS, Implementation, Layout, TargetFailed
from gradcheck.problem import Array

DEATHS = 5
START_LIMIT = 60.0  # seconds until a new process has described itself: frameworks take long to import
PARAMETERS = {
    "gradients": ("theta", "b", "X", "Y"),
    "loss": ("theta", "b", "X", "Y"),
    "logits": ("theta", "b", "X"),
    "softmax": ("Z",),
    "softmax_jacobian": ("z",),
}


@dataclass(frozen=True)
class Limits:
    """Seconds for one call, and MiB of memory that the process may take (0: no limit)."""

    seconds: float = 10.0
    memory: int = 0


DEFAULT = Limits()


class Peer:
    """One process after another, each started when the one before it has ended."""

    def __init__(self, command: Sequence[str], limits: Limits) -> None:
        self.command = tuple(command)
        self.limits = limits
        self.description: dict[str, Any] = {}
        self.deaths: Counter[str] = Counter()
        self.results: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._buffer = bytearray()
        atexit.register(self.stop)

    # ---- the process ----

    def start(self) -> None:
        """Start the process and ask it to describe itself."""
        self._buffer.clear()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        except OSError as problem:
            raise Unusable(f"cannot start {shlex.join(self.command)}: {problem.strerror}") from None
        assert self._process.stdin is not None and self._process.stdout is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        os.set_blocking(self._process.stdout.fileno(), False)
        if self.limits.memory:
            _limit_memory(self._process.pid, self.limits.memory)
        question = protocol.message({"gradcheck_protocol": protocol.VERSION, "call": "describe"}, {})
        try:
            self.description = self._exchange(question, START_LIMIT, "float64")[0]
        except TargetFailed as failure:
            raise Unusable(f"{shlex.join(self.command)} {failure}") from None

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def _ended(self) -> str:
        """How it ended, in words, with the last that it wrote to standard error."""
        assert self._process is not None and self._said is not None
        status = self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return how + (f"; its last words: {last}" if last else "")

    # ---- one call ----

    def call(self, name: str, memory: str, dtype: str, arrays: dict[str, Array]) -> dict[str, Array]:
        """What the function returns, by name. The process is started where none runs."""
        if self.deaths[name] >= DEATHS:
            raise NotPosed(f"{name} is not called again: its process has had to be ended {DEATHS} times")
        if self._process is None:
            self.start()
        head = {"gradcheck_protocol": protocol.VERSION, "call": name, "memory": memory}
        question = protocol.message(head, arrays, self.description.get("encoding", "raw"))
        try:
            found, results = self._exchange(question, self.limits.seconds, dtype)
        except TargetFailed:
            self.deaths[name] += 1
            raise
        if "not_posed" in found:
            raise NotPosed(str(found["not_posed"]))
        if "error" in found:
            raise TargetFailed(str(found["error"]))
        return results

    def _exchange(self, question: bytes, seconds: float, dtype: str) -> tuple[dict[str, Any], dict[str, Array]]:
        deadline = time.monotonic() + seconds
        try:
            line = self._read_line(memoryview(question), deadline)
            found = protocol.header(line)
            return found, protocol.read_arrays(found, partial(self._read, deadline=deadline), dtype)
        except protocol.Garbled as garbled:
            self.stop()
            raise TargetFailed(f"answered with {garbled}") from None
        except TimeoutError:
            self.stop()
            raise TargetFailed(f"took longer than {seconds:g} s, and its process was ended", fatal=True) from None
        except (EOFError, BrokenPipeError):
            how = self._ended()
            self.stop()
            raise TargetFailed(f"did not return: its process {how}", fatal=True) from None
        except BaseException:  # Ctrl-C: an answer that is still to come would be taken for the next one
            self.stop()
            raise

    def _read_line(self, rest: memoryview, deadline: float) -> bytes:
        """Write the question, and read until the first line of the answer is there."""
        while b"\n" not in self._buffer or rest:
            rest = self._progress(rest, deadline)
        line, _, after = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(after)
        return line

    def _read(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._progress(memoryview(b""), deadline)
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _progress(self, rest: memoryview, deadline: float) -> memoryview:
        """Write and read what can be written and read now; returns what is still to be written."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if rest:
                selector.register(self._process.stdin, selectors.EVENT_WRITE)
            ready = selector.select(max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        for key, event in ready:
            if event & selectors.EVENT_WRITE:
                rest = rest[os.write(key.fd, rest[: 1 << 16]) :]
            else:
                data = os.read(key.fd, 1 << 20)
                if not data:
                    raise EOFError
                self._buffer += data
        return rest


def _limit_memory(pid: int, mebibytes: int) -> None:
    """Where the operating system can: an allocation beyond the limit fails in the process, and nowhere else."""
    if sys.platform == "linux":
        import resource

        resource.prlimit(pid, resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))


# ---- as an implementation ----


def memory_of(array: Array) -> str:
    """The name in `MEMORY` under which the other side can lay the array out again."""
    if not array.flags.writeable:
        return "read-only"
    if any(stride < 0 for stride in array.strides):
        return "reversed"
    if array.flags.c_contiguous:
        return "C"
    return "F" if array.flags.f_contiguous else "strided"


def _function(peer: Peer, name: str) -> Callable[..., Any]:
    def call(*given: Array) -> Any:
        names = PARAMETERS[name] if len(given) == len(PARAMETERS[name]) else [p for p in PARAMETERS[name] if p != "b"]
        arrays = dict(zip(names, given, strict=True))
        dtype = next(a.dtype.name for a in given if a.dtype.kind not in "iu")
        found = peer.call(name, memory_of(given[0]), dtype, arrays)
        _mirror(found, "input:", arrays)
        _mirror(found, "previous:", peer.results.get(name, {}))
        peer.results[name] = found
        if name == "gradients":
            return found
        if len(found) != 1:
            raise TargetFailed(f"returned the arrays {', '.join(found) or 'none'}; expected one")
        (value,) = found.values()
        return value

    return call


def _mirror(found: dict[str, Array], prefix: str, here: dict[str, Array]) -> None:
    """What the other side did to its copy of an array is done to ours, so that the checks of conduct see it."""
    for key in [key for key in found if key.startswith(prefix)]:
        changed = found.pop(key)
        target = here.get(key.removeprefix(prefix))
        if target is not None and target.flags.writeable and target.shape == changed.shape:
            target[...] = changed.astype(target.dtype)


def from_command(command: str | Sequence[str], limits: Limits = DEFAULT, name: str = "") -> Implementation:
    """The implementation that a command serves by the protocol of docs/protocol.md.

    Raises `Unusable` where it cannot be started, or does not describe itself as one.
    """
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        raise Unusable("the command to run is empty; expected a program and its arguments")
    peer = Peer(words, limits)
    peer.start()
    told, shown = peer.description, shlex.join(words)
    if told.get("gradcheck_protocol") != protocol.VERSION:
        peer.stop()
        raise Unusable(f"{shown} speaks protocol {told.get('gradcheck_protocol')!r}; expected {protocol.VERSION}")
    functions = [f for f in told.get("functions", []) if f in FUNCTIONS]
    offered: dict[str, Any] = {f: _function(peer, f) for f in functions}
    try:
        layout = Layout(**told.get("layout", {}))
        return Implementation(
            name or str(told.get("name", shown)), **offered, layout=layout, dtypes=_dtypes(shown, told)
        )
    except (TypeError, Unusable) as problem:
        peer.stop()
        raise Unusable(f"{shown} describes itself wrongly: {problem}") from None


def _dtypes(shown: str, told: dict[str, Any]) -> tuple[str, ...]:
    dtypes = told.get("dtypes", ["float64"])
    if not isinstance(dtypes, list) or not dtypes or not all(d in protocol.DTYPES or d == "bfloat16" for d in dtypes):
        raise Unusable(f"dtypes {dtypes!r}; expected a list of float64, float32, float16, bfloat16")
    if told.get("encoding", "raw") not in protocol.ENCODINGS:
        raise Unusable(f"encoding {told['encoding']!r}; expected raw or json")
    return tuple(dtypes)


def isolated(implementation: Implementation, target: str, limits: Limits) -> Implementation:
    """The same target, loaded and called in a process of its own; its layout is dealt with there, too."""
    layout = json.dumps(vars(implementation.layout))
    words = [sys.executable, "-m", "gradcheck.implementations.serve", target, layout]
    return replace(
        from_command(words, limits, implementation.name),
        dtypes=implementation.dtypes,
        declared=implementation.layout,
        expected_failures=implementation.expected_failures,
    )
