"""The one console through which reports reach a terminal: whatever they are given, it shows nothing that would be obeyed.

What is foreign is made printable where it is put into words, so that columns are as wide as they look; what was overlooked there
is made so here, and a line that a CI server would take for a command is told apart from one.
"""

import os
import sys
from collections.abc import Iterable
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gradcheck.printable import printable, unheeded


class Voice(Console):
    """A console that writes no control characters but its own styles. `plain` ones, of NO_COLOR or a dumb terminal, write none."""

    def __init__(self, stream: TextIO, **settings: Any) -> None:
        plain: dict[str, Any] = {"color_system": None} if os.environ.get("NO_COLOR") else {}
        as_it_is: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
        as_it_is["force_jupyter"] = False  # in a notebook a console would show what it is to write into its stream
        super().__init__(file=cast(IO[str], _Unheeded(stream)), **{**as_it_is, **settings, **plain})

    @property
    def live(self) -> bool:
        """Whether what it shows can be replaced, as by a bar of progress."""
        return self.is_terminal and not self.is_dumb_terminal and self.color_system is not None

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control or segment.text.isprintable() else _clean(segment)


def _clean(segment: Segment) -> Segment:
    """Line ends are of our own layout."""
    return Segment("\n".join(map(printable, segment.text.split("\n"))), segment.style)


class _Unheeded:
    """A stream in which no line is a command to a CI server."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(unheeded(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def console(*, quiet: bool = False) -> Voice:
    """Standard output; as wide as it takes where that is no terminal. `quiet` leaves it to a report."""
    found = Voice(sys.stdout, quiet=quiet)
    return found if found.is_terminal else Voice(sys.stdout, quiet=quiet, width=120)


def beside() -> Voice:
    """Standard error as it is now: what a target prints is caught by putting another in its place."""
    return Voice(sys.stderr)
