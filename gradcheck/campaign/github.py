"""A campaign in a GitHub workflow: an annotation for each new finding, and a summary of the step where there is a place for it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from gradcheck.campaign import words
from gradcheck.campaign.run import Outcome

SUMMARY = "GITHUB_STEP_SUMMARY"


def annotations(outcome: Outcome, target: str) -> Iterator[str]:
    """Workflow commands, one a line, for standard output."""
    for finding in outcome.new:
        title = _property(f"gradcheck: {words.headline(finding)}")
        text = "\n".join(f"{label}: {text}" if label else text for label, text in words.rows(finding, target))
        yield f"::error title={title}::{_data(text)}"
    for note in outcome.notes:
        yield f"::warning title=gradcheck::{_data(note)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(outcome: Outcome, target: str) -> str:
    """The campaign in Markdown."""
    lines = [f"### gradcheck fuzz {_cell(target)}", "", f"{words.summary(outcome)}.", ""]
    if outcome.findings:
        lines += ["| check | regime | likely | rate | case |", "|---|---|---|---|---|"]
    for finding in outcome.findings:
        cells = (finding.check, finding.regime, finding.diagnosis, f"{finding.rate:.2g}", finding.file)
        lines.append("| " + " | ".join(map(_cell, cells)) + (" (known)" if finding.known else "") + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def write_summary(outcome: Outcome, target: str) -> None:
    """Append to the summary of the step, where the workflow names a file for it."""
    place = os.environ.get(SUMMARY)
    if place:
        with contextlib.suppress(OSError), Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(outcome, target))
