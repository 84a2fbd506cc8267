"""What a GitHub workflow is told: annotations beside the code of a target, and a summary of the step where there is a place for it.

Whatever else is written while a command runs, by a target too, is no workflow command: these are stopped until it has ended.
"""

import ast
import contextlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from gradcheck import causes
from gradcheck.checks import CHECKS
from gradcheck.implementations.record import FUNCTIONS
from gradcheck.printable import clipped, printable
from gradcheck.reports import stories, words
from gradcheck.verify import Run

SUMMARY = "GITHUB_STEP_SUMMARY"
LONGEST = 2**20  # of a file in which a function is looked for


@contextlib.contextmanager
def unheeded() -> Iterator[None]:
    """Workflow commands are not obeyed, up to a word that nobody knows."""
    word = secrets.token_hex(16)
    click.echo(f"::stop-commands::{word}")
    try:
        yield
    finally:
        click.echo(f"\n::{word}::")  # a target may have left its line open


def command(kind: str, title: str, text: str, place: tuple[str, int] | None = None) -> str:
    """A workflow command, on one line: an `error`, a `warning`."""
    at = f"file={_property(place[0])},line={place[1]}," if place else ""
    return f"::{kind} {at}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# What makes Markdown, HTML or a link of a text. A reference to a character makes none of these, and stays in its cell of a table.
_SYNTAX = re.compile(r"[^\w\s.,;/=+%?'-]|\b_|_\b|(?<=www)\.|^[-+=]", re.ASCII | re.IGNORECASE)


def cell(text: str) -> str:
    """Plain text, whatever stands in it."""
    return _SYNTAX.sub(_reference, printable(clipped(text)))


def _reference(found: re.Match[str]) -> str:
    character = found[0]
    if not character.isascii():
        return character
    # what follows, and makes an address or a person of it, is put apart
    apart = "<!-- -->" if character == "@" or found.string.startswith(":/", found.start()) else ""
    return f"&#{ord(character)};{apart}"


def write_summary(text: str) -> None:
    """Append Markdown to the summary of the step, where the workflow names a file for it."""
    place = os.environ.get(SUMMARY)
    if place:
        with contextlib.suppress(OSError), Path(place).open("a", encoding="utf-8") as file:
            file.write(text)


# ---- of runs ----


def annotations(runs: Iterable[Run]) -> Iterator[str]:
    """Workflow commands, one a line: one for each cause of each run, beside the function that is at fault where it can be found."""
    for run in runs:
        for cause in causes.of(run):
            title = f"gradcheck: {stories.headline(cause, run)}"
            rows = [f"{label}: {text}" if label.strip() else text for label, text in stories.rows(cause, run)]
            yield command(
                "error",
                title,
                "\n".join([f"{run.target} {run.dtype}", *rows]),
                located(run.command, cause.leader.check.name),
            )


def summary(runs: Iterable[Run]) -> str:
    """The runs in Markdown: a line for each, and a row for each cause."""
    lines = ["### gradcheck verify", ""]
    for run in runs:
        found = causes.of(run)
        lines += [f"{cell(words.summary(run))}", ""]
        if found:
            lines += ["| what is wrong | where it shows | repeat |", "|---|---|---|"]
        for cause in found:
            cells = (
                stories.headline(cause, run),
                words.finding(cause.leader.verdict),
                dict(stories.rows(cause, run))["repeat"],
            )
            lines.append("| " + " | ".join(map(cell, cells)) + " |")
        lines += [""] if found else []
    return "\n".join(lines)


def located(words: Sequence[str], check: str) -> tuple[str, int] | None:
    """The file in which a target lies, and the line of the function that is named, or that the check needs."""
    path, _, name = (words[0] if words else "").partition(":")
    if not path.endswith(".py"):
        return None
    try:
        tree = ast.parse(Path(path).read_bytes()[:LONGEST])
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    needs = CHECKS[check].needs if check in CHECKS else ()
    lines = {node.name: node.lineno for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return path, next((lines[known] for known in (name, *needs, *FUNCTIONS) if known in lines), 1)
