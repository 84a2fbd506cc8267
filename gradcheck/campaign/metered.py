"""Connections to a Redis server that may be slow, or send without end: a deadline and a limit for each operation as a whole.

The timeouts of redis are of single reads, and a byte every second keeps to each of them for ever.
"""

import socket
import time
from typing import Any

MOST = 64 << 20  # bytes that a server may send for one operation


class Meter:
    """What is left to the operation in hand: seconds and bytes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begin()

    def begin(self) -> None:
        """The next operation."""
        self.until, self.room = time.monotonic() + self.seconds, MOST

    def wait(self) -> float:
        """The seconds that a read or a write may still take."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it has not answered within {self.seconds:.0f} s")
        return left

    def took(self, count: int) -> None:
        """So many bytes have come."""
        self.room -= count
        if self.room < 0:
            raise OSError(f"it sent more than {MOST >> 20} MiB")


class Metered:
    """A socket that is read and written as the meter allows."""

    def __init__(self, inner: socket.socket, meter: Meter) -> None:
        self.inner, self.meter = inner, meter

    def recv(self, size: int, *flags: int) -> bytes:
        found: bytes = self._within("recv", size, *flags)
        self.meter.took(len(found))
        return found

    def recv_into(self, *given: Any) -> int:
        count: int = self._within("recv_into", *given)
        self.meter.took(count)
        return count

    def sendall(self, *given: Any) -> None:
        self._within("sendall", *given)

    def _within(self, name: str, *given: Any) -> Any:
        before = self.inner.gettimeout()
        left = self.meter.wait()
        self.inner.settimeout(left if before is None else min(before, left))
        try:
            return getattr(self.inner, name)(*given)
        finally:
            self.inner.settimeout(before)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def connection(kind: type[Any], meter: Meter) -> type[Any]:
    """A connection of redis of this kind, whose socket is metered."""

    class Connection(kind):  # type: ignore[misc]  # whether redis is installed is not known here
        def _connect(self) -> Metered:
            return Metered(super()._connect(), meter)

    return Connection
