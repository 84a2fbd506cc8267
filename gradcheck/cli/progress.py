"""Progress on standard error, where that is a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gradcheck import supervisor
from gradcheck.printable import clipped, printable

if TYPE_CHECKING:
    from gradcheck.reports.voice import Voice
    from gradcheck.verify import Failure

NAMED = 60  # characters of a name beside a bar
FOUND = 300  # characters of what was found


def named(title: str) -> str:
    """What a bar is of, which may be a name of somebody else's."""
    return printable(clipped(title, NAMED))


LONG = 5.0  # seconds after which a failure is told before the end of its run, for whoever may not wait for that


class Bar:
    """Takes what is being done, and how many problems have been judged; and the first failure, when it is found.

    That is kept beside the progress from then on. A run that takes long has it on a line of its own, on standard error: whoever
    ends it, by any means, has read what was found.
    """

    def __init__(self, title: str, total: int, show: "Shown", now: Callable[[], float] = time.monotonic) -> None:
        self.title, self.total, self.show, self.now = title, total, show, now
        self.began, self.found, self.said = now(), "", False
        self.told = f"{named(title)} judging"

    def __call__(self, doing: str, done: int) -> None:
        self.told = f"{named(self.title)} {doing}, {done} of {self.total} problems judged"
        self.show.update(description=f"{named(self.title)} {doing}", completed=done)
        self._tell()

    def heard(self, failure: "Failure") -> None:
        """The first failure, as it was found."""
        from gradcheck.reports import words

        self.found = words.heard(failure)
        self._tell()

    def _tell(self) -> None:
        supervisor.tell(f"{self.told}; {clipped(self.found, FOUND)}" if self.found else self.told)
        if self.found and not self.said and self.now() - self.began >= LONG:
            self.said = True
            self.show.line(f"{named(self.title)}: {clipped(self.found, FOUND)}; the run goes on")


@contextmanager
def progress(title: str, total: int) -> Iterator[Bar]:
    """How far a run of problems is."""
    from rich.progress import TimeElapsedColumn

    with _bar(title, total, TimeElapsedColumn()) as shown:
        yield Bar(title, total, shown)


@contextmanager
def samples(title: str) -> Iterator[Callable[[int, int], None]]:
    """With their rate, and the time that is left. What is yielded takes how many are done, of how many."""
    from rich.progress import TextColumn, TimeRemainingColumn

    with _bar(title, None, TextColumn("{task.fields[rate]}"), TimeRemainingColumn()) as shown:

        def told(done: int, total: int) -> None:
            supervisor.tell(f"{named(title)}, {done} of {total} samples read")
            speed = shown.update(total=total, completed=done)
            shown.update(rate=f"{speed:.0f} samples/s" if speed else "")

        yield told


class Shown:
    """What stands on standard error: lines alone, where that is no terminal on which anything can be replaced."""

    def __init__(self, terminal: "Voice") -> None:
        self.terminal = terminal

    def update(self, **given: Any) -> float | None:
        """Change what is shown; the speed so far, where it is known."""
        return None

    def line(self, text: str) -> None:
        """A line that stays."""
        from rich.text import Text

        self.terminal.print(Text(f"gradcheck: {text}"), soft_wrap=True)


class _Live(Shown):
    """With a bar below the lines."""

    def __init__(self, terminal: "Voice", bar: Any, task: Any) -> None:
        super().__init__(terminal)
        self.bar, self.task = bar, task

    def update(self, **given: Any) -> float | None:
        self.bar.update(self.task, **given)
        speed: float | None = self.bar.tasks[0].speed
        return speed


@contextmanager
def _bar(title: str, total: int | None, *more: Any) -> Iterator[Shown]:
    """A bar by rich with more columns."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from gradcheck.reports import voice

    title, terminal = named(title), voice.beside()
    if not terminal.live:  # a bar that is disabled still ends in an empty line, in some versions of rich
        yield Shown(terminal)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), *more)
    with Progress(*columns, console=terminal, transient=True) as bar:
        yield _Live(terminal, bar, bar.add_task(title, total=total, rate=""))
