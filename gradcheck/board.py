"""What a run tells the processes that watch it, in memory that they share: how far it is, and at last how it ended.

A page of memory, and no pipe: nobody can close it with all other files, and what a target starts does not hold it open.
"""

import mmap

SIZE = 4096
_FINISHED, _STATUS, _HEARD, _SEEN, _OVERDUE, _LENGTH, _TEXT = 0, 1, 2, 3, 4, 12, 16  # where each stands
_ENDED = slice(8, 12)


class Board:
    """Empty. It is shared with every process that is forked from this one."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, SIZE)

    def tell(self, text: str) -> None:
        """How far the run is, on one line."""
        data = "".join(c if c.isprintable() else "?" for c in text).encode("utf-8", "replace")[: SIZE - _TEXT]
        self._page[_LENGTH:_TEXT] = b"\0" * 4  # whoever is ended in the middle of this has told nothing
        self._page[_TEXT : _TEXT + len(data)] = data
        self._page[_LENGTH:_TEXT] = len(data).to_bytes(4, "big")

    @property
    def told(self) -> str:
        """What it told last."""
        length = int.from_bytes(self._page[_LENGTH:_TEXT], "big")
        return bytes(self._page[_TEXT : _TEXT + length]).decode("utf-8", "replace")

    def finish(self, status: int) -> None:
        """The token: the command itself has ended with this status, and its reports are written."""
        self._page[_STATUS] = status & 0xFF
        self._page[_FINISHED] = 1

    @property
    def status(self) -> int | None:
        """The status that it has ended with; None where it did not come to that."""
        return self._page[_STATUS] if self._page[_FINISHED] else None

    def hear(self) -> None:
        """An interrupt has been taken in, and not only sent."""
        self._page[_HEARD] = 1

    @property
    def heard(self) -> bool:
        """Whether any has."""
        return bool(self._page[_HEARD])

    def overdue(self) -> None:
        """The run has been ended, since it did not heed an interrupt."""
        self._page[_OVERDUE] = 1

    @property
    def late(self) -> bool:
        """Whether it had to be."""
        return bool(self._page[_OVERDUE])

    def see(self, code: int) -> None:
        """The process of the run has ended: with an exit status, or below 0 by a signal."""
        self._page[_ENDED] = code.to_bytes(4, "big", signed=True)
        self._page[_SEEN] = 1

    @property
    def seen(self) -> int | None:
        """How it has ended; None where nobody was left to see it."""
        return int.from_bytes(self._page[_ENDED], "big", signed=True) if self._page[_SEEN] else None
