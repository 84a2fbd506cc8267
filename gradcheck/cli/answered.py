"""Judged answers on the terminal: a table of quantities, why some were not judged, what failed and where, one line to end with."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradcheck import precision
from gradcheck.printable import printable
from gradcheck.reports import words
from gradcheck.reports.terminal import plain_table, styled
from gradcheck.vectors import Finding, Judged
from gradcheck.verdict import Outcome

SHOWN = 3  # failures of one quantity in one dtype that a reader takes in; more are counted
COUNTED = (Outcome.AGREE, Outcome.DISAGREE, Outcome.INCONCLUSIVE, Outcome.ERRORED, Outcome.SKIPPED)


def table(judged: Judged) -> Table:
    """A row for each dtype and quantity answered: verdict, worst test ratio, effective bits, and how many vectors said what."""
    counts = [outcome.value for outcome in COUNTED]
    found = plain_table("dtype", "quantity", "verdict", "ratio", "bits", *counts, right=("ratio", "bits", *counts))
    for (dtype, name), tally in judged.tallies.items():
        if tally.outcome is Outcome.SKIPPED:  # the reasons stand below
            continue
        found.add_row(
            dtype,
            name,
            styled(tally.outcome),
            words.ratio(tally.ratio),
            words.bits(tally.bits(precision.named(dtype).u)),
            *(str(tally.counts[outcome]) for outcome in COUNTED),
        )
    return found


def unjudged(judged: Judged) -> Iterator[str]:
    """Each reason why something was not judged, and how often."""
    if judged.unanswered:
        yield f"{judged.unanswered} of {len(judged.index.entries)} vectors: there is no answer to any of their quantities"
    found: dict[str, Counter[str]] = {}
    for (_, name), tally in judged.tallies.items():
        for reason, count in tally.reasons.items():
            found.setdefault(reason, Counter())[name] += count
    for reason, counts in found.items():
        yield f"{counts.total()}× in {', '.join(counts)}: {reason}"


def failures(judged: Judged) -> Iterator[Text]:
    """A line for each finding, with its vector, place and allowance, and one on whether rounding explains it."""
    seen: Counter[tuple[str, str]] = Counter()
    for finding in judged.findings:
        row = finding.dtype, finding.quantity
        seen[row] += 1
        if seen[row] <= SHOWN:
            yield _line(finding)
            yield Text(f"  {words.blame(finding.verdict, finding.dtype)}", style="dim")
    for (dtype, name), count in seen.items():
        if count > SHOWN:
            yield Text(f"{count - SHOWN} more failures of {name} {dtype}; --json FILE holds them all", style="dim")


def _line(finding: Finding) -> Text:
    outcome = finding.verdict.outcome
    text = Text(f"{finding.vector} {finding.quantity}", style="bold").append("  ")
    return text.append_text(styled(outcome, outcome.value.upper())).append(
        f"  {words.finding(finding.verdict)}", style="not bold"
    )


def summary(judged: Judged) -> str:
    """How many answers said what, to how many vectors."""
    total = sum((tally.counts for tally in judged.tallies.values()), Counter[Outcome]())
    counted = ", ".join(f"{total[outcome]} {outcome}" for outcome in COUNTED if total[outcome])
    name = printable(judged.implementation) or "answers"
    return f"{name}: {counted or 'nothing judged'} on {judged.answered} of {len(judged.index.entries)} vectors"


def show(judged: Judged, out: Console) -> None:
    """All of it."""
    out.print(table(judged))
    missing = list(unjudged(judged))
    if missing:
        out.print(Text("\nNot judged, and not counted as agreement:", style="dim"))
        for line in missing:
            out.print(Padding(Text(line, style="dim"), (0, 0, 0, 2), expand=False))
    if judged.findings:
        out.print()
    for text in failures(judged):
        out.print(text, soft_wrap=True)
    out.print()
    out.print(styled({0: Outcome.AGREE, 1: Outcome.DISAGREE}.get(judged.status, Outcome.SKIPPED), summary(judged)))
