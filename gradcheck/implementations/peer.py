"""A process that speaks the protocol: started, asked, waited for no longer than a limit, ended and started again.

A call that takes too long, or a process that ends, becomes `TargetFailed`, and the next call starts a new process. After
`DEATHS` of them a function is not called again: what remains is skipped, with that reason.
"""

import os
import selectors
import time
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from gradcheck.errors import Unusable, text
from gradcheck.implementations import protocol
from gradcheck.implementations.guarded import CHUNK, Begin, Guarded, started
from gradcheck.implementations.record import PARAMETERS, NotPosed, TargetFailed
from gradcheck.law.options import PLAIN, CrossEntropy
from gradcheck.problem import Array

DEATHS = 5
START_LIMIT = 60.0  # seconds until a new process has described itself: frameworks take long to import
END_LIMIT = 2.0  # seconds in which a process that has closed its pipes must have ended by itself


@dataclass(frozen=True)
class Limits:
    """Seconds for one call, and MiB of memory that the process may take (0: no limit)."""

    seconds: float = 10.0
    memory: int = 0


DEFAULT = Limits()


class Peer:
    """One process after another, each started when the one before it has ended; the last ends with the Peer.

    `shown` is what the user knows the command as; in its place may stand what begins a process otherwise.
    """

    def __init__(self, command: Sequence[str] | Begin, limits: Limits, shown: str) -> None:
        self.begin = command if callable(command) else started(*command)
        self.limits = limits
        self.shown = shown
        self.description: dict[str, Any] = {}
        self.deaths: Counter[str] = Counter()
        self.results: dict[str, Any] = {}
        self._live: list[Guarded] = []
        self._buffer = bytearray()
        weakref.finalize(self, _end, self._live)

    # ---- the process ----

    def start(self) -> None:
        """Start the process and ask it to describe itself."""
        self._buffer.clear()
        try:
            self._live.append(Guarded(self.begin, self.limits.memory))
        except (OSError, ValueError) as problem:
            raise Unusable(f"cannot start {self.shown}: {getattr(problem, 'strerror', None) or problem}") from None
        question = protocol.message({"gradcheck_protocol": protocol.VERSION, "call": "describe"}, {})
        try:
            self.description = self._exchange(question, START_LIMIT, "float64")[0]
        except TargetFailed as failure:
            raise Unusable(f"{self.shown}, asked to describe itself, {failure}") from None

    def stop(self) -> None:
        """End the process, if there is one, and what it has started."""
        _end(self._live)

    def let_go(self) -> None:
        """Have the process end; a call that waits for it in another thread fails, and the process is still to be stopped."""
        for live in tuple(self._live):
            live.let_go()

    def _ended(self) -> str:
        """How it ended, in words; one that never began is refused."""
        how = self._live[0].ended(END_LIMIT)
        if number := self._live[0].errno:
            raise Unusable(f"cannot start {self.shown}: {os.strerror(number)}")
        return how

    # ---- one call ----

    def call(
        self,
        name: str,
        dtype: str,
        arrays: dict[str, Array],
        law: CrossEntropy = PLAIN,
        entries: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """What the function returns, by name. The process is started where none runs; it is told of a law if it knows of any."""
        if self.deaths[name] >= DEATHS:
            raise NotPosed(f"{name} is not called again: its process has had to be ended {DEATHS} times")
        if not self._live:
            self._restart()
        head: dict[str, Any] = {"gradcheck_protocol": protocol.VERSION, "call": name}
        if self.description.get("numpy") is True:
            head["memory"] = [memory_of(array) for array in arrays.values()]
        else:
            arrays = {key: _real(array, dtype) for key, array in arrays.items()}
        said = law.said if self.description.get("gradcheck_protocol") == protocol.OF_A_LAW else {}
        question = protocol.message({**head, **entries}, arrays, self.description.get("encoding", "raw"), said)
        try:
            found, results = self._exchange(question, self.limits.seconds, dtype)
        except TargetFailed:
            self.deaths[name] += 1
            raise
        if "not_posed" in found:
            raise NotPosed(text(found["not_posed"], str))
        if "error" in found:
            raise TargetFailed(text(found["error"], str))
        return {**results, "refused": found["refused"]} if "refused" in found else results

    def _restart(self) -> None:
        """Start it once more. Where it does not start any longer, that is no function's own fault."""
        try:
            self.start()
        except Unusable as failure:
            self.deaths.update(list(PARAMETERS))
            raise TargetFailed(f"could not be called: {failure}", fatal=True) from None

    def _exchange(self, question: bytes, seconds: float, dtype: str) -> tuple[dict[str, Any], dict[str, Array]]:
        deadline = time.monotonic() + seconds
        try:
            if self._buffer:
                raise protocol.Garbled(f"{bytes(self._buffer[:60])!r} after the end of its answer")
            line = self._read_line(memoryview(question), deadline)
            found = protocol.header(line)
            _in_time(deadline)
            results = protocol.read_arrays(found, partial(self._read, deadline=deadline), dtype)
            _in_time(deadline)
            return found, results
        except protocol.Garbled as garbled:
            self.stop()
            raise TargetFailed(f"answered with {garbled}", fatal=True) from None
        except TimeoutError:
            self.stop()
            raise TargetFailed(f"took longer than {seconds:g} s, and its process was ended", fatal=True) from None
        except (EOFError, BrokenPipeError):
            try:
                how = self._ended()
            finally:
                self.stop()
            raise TargetFailed(f"did not return: its process {how}", fatal=True) from None
        except BaseException:  # Ctrl-C: an answer that is still to come would be taken for the next one
            self.stop()
            raise

    def _read_line(self, rest: memoryview, deadline: float) -> bytes:
        """Write the question, and read until the first line of the answer is there. No byte is looked at twice."""
        end, seen = -1, 0
        while end < 0 or rest:
            if end < 0 and len(self._buffer) > protocol.LINE:
                raise protocol.Garbled(f"{bytes(self._buffer[:60])!r} and so on, without end")
            rest = self._progress(rest, deadline)
            end = self._buffer.find(b"\n", seen) if end < 0 else end
            seen = len(self._buffer)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _read(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._progress(memoryview(b""), deadline)
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _progress(self, rest: memoryview, deadline: float) -> memoryview:
        """Write and read what can be written and read now; returns what is still to be written."""
        peer = self._live[0]
        with selectors.DefaultSelector() as selector:
            selector.register(peer.stdout, selectors.EVENT_READ)
            if peer.speaks:
                selector.register(peer.stderr, selectors.EVENT_READ)
            if rest:
                selector.register(peer.stdin, selectors.EVENT_WRITE)
            ready = selector.select(max(0.0, deadline - time.monotonic()))
        _in_time(deadline)  # who writes without a pause is always ready
        for key, event in ready:
            if event & selectors.EVENT_WRITE:
                rest = rest[os.write(key.fd, rest[:CHUNK]) :]
            elif key.fd == peer.stderr:
                peer.hear()
            else:
                data = os.read(key.fd, 1 << 20)
                if not data:
                    raise EOFError
                self._buffer += data
        return rest


def _in_time(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise TimeoutError


def _end(live: list[Guarded]) -> None:
    """End these programs, and what they have started."""
    while live:
        live.pop().stop()


# ---- arrays on their way ----


def memory_of(array: Array) -> str:
    """The name in `MEMORY` under which the other side can lay the array out again."""
    if array.ndim == 1 and array.size > 1 and not array.strides[0]:
        return "expanded"
    if not array.flags.writeable:
        return "read-only"
    if any(stride < 0 for stride in array.strides):
        return "reversed"
    if array.flags.c_contiguous:
        return "C"
    return "F" if array.flags.f_contiguous else "strided"


def _real(array: Array, dtype: str) -> Array:
    """A matrix of whole numbers as one of the precision under test, which it fits; index labels stay as they are."""
    return array.astype(protocol.dtype_named(dtype)) if array.dtype.kind in "iu" and array.ndim == 2 else array
