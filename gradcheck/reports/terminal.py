"""A run on the terminal: a table of checks, why problems were not judged, a panel for each failure, one line to end with.

Everything that comes from a target (names, messages) is put in as plain text, never as markup.
"""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradcheck.reports import words
from gradcheck.verdict import Outcome, Verdict
from gradcheck.verify import Failure, Run

STYLES = {
    Outcome.AGREE: "green",
    Outcome.DISAGREE: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "dim",
    Outcome.ERRORED: "bold magenta",
}


def styled(outcome: Outcome, text: str = "") -> Text:
    """An outcome in its colour; it is always a word, too."""
    return Text(text or words.WORDS[outcome], style=STYLES[outcome])


def plain_table(*columns: str, right: Iterable[str] = (), fold: Iterable[str] = ()) -> Table:
    """A table without frames, which reads the same in a file; columns in `fold` may wrap."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=name not in fold, overflow="fold")
    return table


def verdicts(run: Run) -> Table:
    """A row for each check: equation, verdict, worst test ratio, problems judged, effective bits."""
    table = plain_table("check", "eq.", "verdict", "ratio", "judged", "bits", right=("ratio", "judged", "bits"))
    u = words.unit_roundoff(run)
    for name, tally in run.tallies.items():
        table.add_row(
            name,
            words.equations(tally.check),
            styled(tally.outcome),
            words.ratio(tally.ratio),
            str(tally.judged) if tally.judged else words.NONE,
            words.bits(tally.bits(u)),
        )
    return table


def not_judged(run: Run) -> Iterable[Text]:
    """Each reason once, with how many problems of which checks were left out for it."""
    for reason, checks in words.unjudged(run.tallies.values()).items():
        yield Text(f"  {words.printable(reason)}: ", style="dim").append(", ".join(checks), style="dim")


def panel(failure: Failure, run: Run) -> Iterable[Text]:
    """Value, place, allowance, cause, smallest problem, how to repeat: in that order."""
    verdict = failure.verdict
    title = Text(failure.check.name, style="bold").append(f" [{words.heading(failure.check)}]  ", style="not bold")
    yield title.append_text(styled(verdict.outcome, verdict.outcome.value.upper()))
    yield from findings(verdict, run)
    yield line("claim", failure.check.claim)
    yield line("failed", f"on {failure.failed} of the {failure.judged} problems judged")
    yield line("smallest", words.sizes(failure.problem))
    for array in words.arrays(failure.problem):
        yield line("", array)
    yield line("repeat", words.repeat(failure, run))


def findings(verdict: Verdict, run: Run) -> Iterable[Text]:
    """What was found, and whether precision can be blamed."""
    yield Text(f"  {words.printable(run.target)}   ").append(words.finding(verdict))
    yield Text("  " + words.blame(verdict, run.dtype))


def line(label: str, text: str) -> Text:
    """One labelled line of a panel."""
    return Text(f"  {label:<9} ", style="bold").append(text, style="not bold")


def show(run: Run, console: Console) -> None:
    """The whole run."""
    console.print(verdicts(run))
    reasons = list(not_judged(run))
    if reasons:
        console.print()
        console.print(Text("Not judged, and not counted as agreement:", style="dim"))
        for reason in reasons:
            console.print(Padding(reason, 0))
    for failure in run.failures:
        console.print()
        for text in panel(failure, run):
            console.print(text, soft_wrap=True)  # a command that is copied must not be broken in two
    console.print()
    worst = next((o for o in STYLES if o in run.outcomes and o in (Outcome.DISAGREE, Outcome.ERRORED)), Outcome.AGREE)
    console.print(styled(worst, words.summary(run)))


def show_replay(found: Mapping[str, Verdict], run: Run, console: Console) -> None:
    """The verdicts of one case."""
    for name, verdict in found.items():
        ratio = "" if verdict.ratio is None else f"  test ratio {words.ratio(verdict.ratio)}"
        console.print(Text(name, style="bold").append("  ").append_text(styled(verdict.outcome)).append(ratio))
        if verdict.failed:
            for text in findings(verdict, run):
                console.print(text, soft_wrap=True)
        elif verdict.reason:
            console.print(Text("  " + words.printable(verdict.reason)))
