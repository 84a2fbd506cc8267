"""A run as Python shows it: plain text, and a block of HTML for a notebook. Other reports are files, or for a terminal."""

from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from io import StringIO

from gradcheck.printable import markup, printable, unheeded
from gradcheck.reports import terminal, words
from gradcheck.reports.voice import Voice
from gradcheck.verdict import FAILURES, Outcome, Verdict
from gradcheck.verify import Run

# As dark on white as they are light on black: a notebook may have either.
COLOURS = {Outcome.AGREE: "#2e8b57", Outcome.DISAGREE: "#d1433f", Outcome.ERRORED: "#b04fb0"}
GREY = "#888888"


WIDTH = 100  # characters


def text(run: Run) -> str:
    """What `gradcheck verify` shows: what is wrong, cause by cause; what agrees and what was not judged; and a line to end with."""
    return page(partial(terminal.show, run))


def page(show: Callable[[Voice], None]) -> str:
    """What is shown on a console, as plain text."""
    written = StringIO()
    show(Voice(written, width=WIDTH, color_system=None))
    return "\n".join(line.rstrip() for line in written.getvalue().strip("\n").split("\n"))


def failure(run: Run) -> str:
    """The same without the target's name above it: the first line of what is raised says what is wrong."""
    return text(run).partition("\n")[2].lstrip("\n")


def line(run: Run) -> str:
    """How many checks said what."""
    return unheeded(printable(words.summary(run)))


def verdict(found: Verdict, dtype: str = "") -> Iterator[str]:
    """What was found, and of a failure whether float precision can be blamed; of any precision where none is named."""
    said = words.finding(found) if found.failed or found.reason else ""
    ratio = f", test ratio {words.ratio(found.ratio)}" if found.ratio is not None and not found.failed else ""
    yield found.outcome.value + ratio + (f": {said}" if said else "")
    if found.failed:
        yield " ".join(words.blame(found, dtype).split())


def html(run: Run) -> str:
    """The same text, in the colour of its outcome."""
    return block(text(run), Outcome.DISAGREE if run.failed else Outcome.AGREE if run.judged else Outcome.SKIPPED)


def block(lines: str, outcome: Outcome) -> str:
    """Lines of text with a bar in the colour of an outcome beside them; every character stands for itself."""
    colour = COLOURS.get(outcome, GREY)
    mark = "✗" if outcome in FAILURES else "✓" if outcome is Outcome.AGREE else "–"
    style = f"border-left: 4px solid {colour}; padding-left: 0.8em; overflow-x: auto; line-height: 1.3"
    return f'<pre style="{style}"><b style="color: {colour}">{mark}</b> {markup(escape(lines))}</pre>'
