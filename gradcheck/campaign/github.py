"""A campaign in a GitHub workflow: an annotation for each new finding, and a summary of the step where there is a place for it.

Whatever else is written while it runs, by a target too, is no workflow command: these are stopped until it has ended.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import click

from gradcheck.campaign import words
from gradcheck.campaign.outcome import Outcome
from gradcheck.printable import refusal

SUMMARY = "GITHUB_STEP_SUMMARY"


@contextlib.contextmanager
def unheeded() -> Iterator[None]:
    """Workflow commands are not obeyed, up to a word that nobody knows."""
    word = secrets.token_hex(16)
    click.echo(f"::stop-commands::{word}")
    try:
        yield
    finally:
        click.echo(f"\n::{word}::")  # a target may have left its line open


def annotations(outcome: Outcome, target: str) -> Iterator[str]:
    """Workflow commands, one a line, for standard output: one for each cause."""
    for finding, *others in words.grouped(outcome.new):
        title = _property(f"gradcheck: {words.headline(finding)}")
        rows = [*words.rows(finding, target), *([("also in", words.others(others))] if others else [])]
        text = "\n".join(f"{label}: {text}" if label else text for label, text in rows)
        yield f"::error title={title}::{_data(text)}"
    for note in outcome.notes:
        yield f"::warning title=gradcheck::{_data(refusal(note))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(outcome: Outcome, target: str) -> str:
    """The campaign in Markdown."""
    lines = [f"### gradcheck fuzz {_cell(target)}", "", f"{words.summary(outcome)}.", ""]
    if outcome.findings:
        lines += ["| check | regime | likely | rate | case |", "|---|---|---|---|---|"]
    for finding, *others in words.grouped(outcome.findings):
        check = f"{finding.check} and {words.count(len(others), 'other finding')}" if others else finding.check
        cells = (check, finding.regime, finding.diagnosis, f"{finding.rate:.2g}", finding.file)
        lines.append("| " + " | ".join(map(_cell, cells)) + (" (known)" if finding.known else "") + " |")
    return "\n".join(lines) + "\n"


# What makes Markdown, HTML or a link of a text. A reference to a character makes none of these, and stays in its cell of a table.
_SYNTAX = re.compile(r"[^\w\s.,;/=+%?'-]|\b_|_\b|(?<=www)\.|^[-+=]", re.ASCII | re.IGNORECASE)


def _cell(text: str) -> str:
    """Plain text, whatever stands in it."""
    return _SYNTAX.sub(_reference, words.line(text))


def _reference(found: re.Match[str]) -> str:
    character = found[0]
    if not character.isascii():
        return character
    # what follows, and makes an address or a person of it, is put apart
    apart = "<!-- -->" if character == "@" or found.string.startswith(":/", found.start()) else ""
    return f"&#{ord(character)};{apart}"


def write_summary(outcome: Outcome, target: str) -> None:
    """Append to the summary of the step, where the workflow names a file for it."""
    place = os.environ.get(SUMMARY)
    if place:
        with contextlib.suppress(OSError), Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(outcome, target))
