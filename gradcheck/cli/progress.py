"""Progress on standard error, where that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradcheck import supervisor
from gradcheck.printable import clipped, printable

NAMED = 60  # characters of a name beside a bar


def named(title: str) -> str:
    """What a bar is of, which may be a name of somebody else's."""
    return printable(clipped(title, NAMED))


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str, int], None]]:
    """What is yielded takes what is being done and how many problems have been judged."""
    from rich.progress import TimeElapsedColumn

    with _bar(title, total, TimeElapsedColumn()) as update:

        def told(doing: str, done: int) -> None:
            supervisor.tell(f"{named(title)} {doing}, {done} of {total} problems judged")
            update(description=f"{named(title)} {doing}", completed=done)

        yield told


@contextmanager
def samples(title: str) -> Iterator[Callable[[int, int], None]]:
    """With their rate, and the time that is left. What is yielded takes how many are done, of how many."""
    from rich.progress import TextColumn, TimeRemainingColumn

    with _bar(title, None, TextColumn("{task.fields[rate]}"), TimeRemainingColumn()) as update:

        def told(done: int, total: int) -> None:
            supervisor.tell(f"{named(title)}, {done} of {total} samples read")
            speed = update(total=total, completed=done)
            update(rate=f"{speed:.0f} samples/s" if speed else "")

        yield told


@contextmanager
def _bar(title: str, total: int | None, *more: Any) -> Iterator[Callable[..., float | None]]:
    """A bar by rich with more columns. What is yielded changes it, and gives the speed so far."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from gradcheck.reports import voice

    title, terminal = named(title), voice.beside()
    if not terminal.live:  # a bar that is disabled still ends in an empty line, in some versions of rich
        yield lambda **given: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), *more)
    with Progress(*columns, console=terminal, transient=True) as shown:
        task = shown.add_task(title, total=total, rate="")

        def update(**given: Any) -> float | None:
            shown.update(task, **given)
            return shown.tasks[0].speed

        yield update
