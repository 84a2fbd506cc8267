"""A campaign in a GitHub workflow: an annotation for each new finding, and a summary of the step."""

from collections.abc import Iterator, Sequence

from gradcheck.campaign import words
from gradcheck.campaign.outcome import Outcome
from gradcheck.printable import refusal
from gradcheck.reports import workflow
from gradcheck.reports.workflow import cell, located


def annotations(outcome: Outcome, target: str, named: Sequence[str] = ()) -> Iterator[str]:
    """Workflow commands, one a line, for standard output: one for each cause, beside the file that the words name, if they do."""
    for finding, *others in words.grouped(outcome.new):
        title = f"gradcheck: {words.headline(finding)}"
        rows = [*words.rows(finding, target), *([("also in", words.others(others))] if others else [])]
        text = "\n".join(f"{label}: {text}" if label else text for label, text in rows)
        yield workflow.command("error", title, text, located(named, finding.check))
    for note in outcome.notes:
        yield workflow.command("warning", "gradcheck", refusal(note))


def summary(outcome: Outcome, target: str) -> str:
    """The campaign in Markdown."""
    lines = [f"### gradcheck fuzz {cell(target)}", "", f"{words.summary(outcome)}.", ""]
    if outcome.findings:
        lines += ["| check | regime | likely | rate | case |", "|---|---|---|---|---|"]
    for finding, *others in words.grouped(outcome.findings):
        check = f"{finding.check} and {words.count(len(others), 'other finding')}" if others else finding.check
        cells = (check, finding.regime, finding.diagnosis, f"{finding.rate:.2g}", finding.file)
        lines.append("| " + " | ".join(map(cell, cells)) + (" (known)" if finding.known else "") + " |")
    return "\n".join(lines) + "\n"
