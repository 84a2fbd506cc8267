"""A run on the terminal: a story for each cause, and one line to end with; with all that was found, tables and panels, too.

Everything that comes from a target (names, messages) is put in as plain text, never as markup.
"""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradcheck import causes
from gradcheck.causes import Cause
from gradcheck.printable import printable
from gradcheck.reports import brief, commands, cut, notes, silent, stories, words
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome
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
    return Text(text or outcome.value, style=STYLES[outcome])


def plain_table(*columns: str, right: Iterable[str] = (), fold: Iterable[str] = ()) -> Table:
    """A table without frames, which reads the same in a file; columns in `fold` may wrap."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=name not in fold, overflow="fold")
    return table


def verdicts(run: Run) -> Table:
    """A row for each check that could judge: equation, verdict, worst test ratio, problems judged, effective bits."""
    table = plain_table("check", "eq.", "verdict", "ratio", "judged", "bits", right=("ratio", "judged", "bits"))
    u = words.unit_roundoff(run)
    for name, tally in run.tallies.items():
        if tally.outcome is Outcome.SKIPPED:  # the reasons stand below
            continue
        table.add_row(
            name,
            words.equations(tally.check),
            styled(
                tally.outcome,
                words.verdict(tally) + (f", loses {notes.bits(tally.lost[1].lost)}" if tally.lost else ""),
            ),
            words.ratio(tally.ratio),
            str(tally.judged) if tally.judged else words.NONE,
            words.bits(tally.bits(u)),
        )
    return table


def panel(failure: Failure, run: Run, out: Console) -> None:
    """One failure. The command at its end is never broken, so that it can be copied."""
    title, outcome = Text(words.title(failure), style="bold"), failure.verdict.outcome
    out.print(title.append("  ").append_text(styled(outcome, outcome.value.upper())))
    for label, text in words.rows(failure, run):
        if label == "repeat":
            out.print(Text(f"  {label:<9} ", style="bold").append(text, style="not bold"), soft_wrap=True)
        elif label:
            row = Table.grid(padding=(0, 1))
            row.add_column(width=9, style="bold")
            row.add_row(label.strip(), Text(text))
            out.print(Padding(row, (0, 0, 0, 2), expand=False))
        else:
            out.print(Padding(Text(text), (0, 0, 0, 2), expand=False))


QUIET, USUAL, VERBOSE = -1, 0, 1  # how much is said of a run


def show(run: Run, out: Console, *, said: int = USUAL) -> None:
    """A run: what is wrong, cause by cause; what agrees and what was not judged, in a line each; and the summary, which comes last.

    `VERBOSE` shows every check and every failure besides, `QUIET` the summary alone.
    """
    if said > QUIET:
        out.print(Text(f"{printable(run.target)} {run.dtype}", style="bold"))
        if said >= VERBOSE:
            _everything(run, out)
        stories_of(run, out)
        for outcome, line in brief.lines(run):
            out.print(Text(line, style=STYLES[outcome]))
        if silent.line(run) and (
            said > USUAL or not run.failed
        ):  # what is wrong comes first, and is to fit on a screen
            out.print(Text(f"– {silent.line(run)}", style=STYLES[Outcome.SKIPPED]))
        for line in (*cut.lines(run), *notes.lost(run), *words.expectations(run), *filter(None, [words.printed(run)])):
            out.print(Padding(Text(f"note: {line}"), expand=False))
        show_notes([run], out)
    out.print(styled(Outcome.DISAGREE if run.failed or run.lacking else Outcome.AGREE, words.summary(run)))


def _everything(run: Run, out: Console) -> None:
    """Every check, why problems were not judged, where bits are lost, and a panel for each failure."""
    out.print(verdicts(run))
    missing = words.unjudged(run.tallies.values())
    if missing:
        out.print(Text("\nNot judged, and not counted as agreement:", style="dim"))
        for line in missing:
            out.print(Padding(Text(line, style="dim"), (0, 0, 0, 2), expand=False))
    fewer = list(words.regimes(run))
    if fewer:
        out.print(Text("\nFewer bits in one regime than elsewhere:"))
        for line in fewer:
            out.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
    show_failures(run, out)


def stories_of(run: Run, out: Console) -> None:
    """One after the other, with a line between them, and around."""
    for cause in causes.of(run):
        out.print()
        story(cause, run, out)
    if run.failures:
        out.print()


def story(cause: Cause, run: Run, out: Console) -> None:
    """One cause. The command is never broken, so that it can be copied; nor are the lines of an array."""
    title = Text(f"✗ {stories.headline(cause, run)}", style=STYLES[cause.leader.verdict.outcome])
    out.print(title.append(f"  {stories.counted(cause)}", style="not bold"))
    for label, text in stories.rows(cause, run, out.width):
        if label in ("", "repeat"):
            line = Text(f"  {label:<{stories.LABEL}} ", style="bold").append(text, style="not bold")
            out.print(line, soft_wrap=True) if label else out.print(line, overflow="fold")
        else:
            row = Table.grid(padding=(0, 1))
            row.add_column(width=stories.LABEL, style="bold")
            row.add_column(overflow="fold")
            row.add_row(label.strip(), Text(text))
            out.print(Padding(row, (0, 0, 0, 2), expand=False))


def show_notes(runs: Sequence[Run], out: Console) -> None:
    """What targets did to this process, and where they were called therefore."""
    for line in dict.fromkeys(f"{run.target}: {note}" for run in runs for note in run.notes):
        out.print(Padding(Text(printable(line), style="yellow"), (1, 0, 0, 0), expand=False))


def show_failures(run: Run, out: Console) -> None:
    """Every panel of a run; of code that only cannot take arrays in some order of memory, one."""
    shown = run.failures[:1] if commands.only_memory(run) else run.failures
    for failure in shown:
        out.print()
        panel(failure, run, out)
    if len(shown) < len(run.failures):
        others = ", ".join(failure.check.name for failure in run.failures[len(shown) :])
        out.print(Padding(Text(f"For the same reason: {others}"), (1, 0, 0, 0), expand=False))


def show_replay(run: Run, out: Console) -> None:
    """The verdicts of one case."""
    for name, tally in run.tallies.items():
        ratio = "" if tally.ratio is None else f"  test ratio {words.ratio(tally.ratio)}"
        out.print(Text(name, style="bold").append("  ").append_text(styled(tally.outcome)).append(ratio))
        if tally.reason:
            out.print(Padding(Text(printable(tally.reason)), (0, 0, 0, 2), expand=False))
    show_notes([run], out)
    for cause in causes.of(run):
        out.print()
        story(cause, run, out)


def show_comparison(runs: Sequence[Run], out: Console) -> None:
    """Checks × runs: verdict, effective bits, worst test ratio, where any has one; then what is wrong, cause by cause."""
    columns = [f"{printable(run.target)} {run.dtype}" for run in runs]
    table = plain_table("check", *columns, fold=columns)
    names = list(dict.fromkeys(name for run in runs for name in run.tallies))
    asked = [name for name in names if any(run.tallies[name].outcome is not Outcome.SKIPPED for run in runs)]
    for check in asked:
        table.add_row(check, *(_cell(run, run.tallies[check]) for run in runs))
    out.print(table)
    if len(asked) < len(names):
        out.print(Text(f"– {len(names) - len(asked)} not judged, of any", style="dim"))
    out.print(Text("\nverdict, effective bits, worst test ratio\n", style="dim"))
    show_notes(runs, out)
    for run in runs:
        for cause in causes.of(run):
            out.print(Text(f"{printable(run.target)} {run.dtype}", style="bold"))
            story(cause, run, out)
            out.print()
    for run in runs:
        out.print(styled(Outcome.DISAGREE if run.failed else Outcome.AGREE, words.summary(run)))


def _cell(run: Run, tally: Tally) -> Text:
    """One check of one run, in as few words as it takes."""
    if not tally.judged:
        return styled(tally.outcome)
    measured = (words.bits(tally.bits(words.unit_roundoff(run))), words.ratio(tally.ratio))
    return styled(tally.outcome, " ".join((words.verdict(tally), *(m for m in measured if m != words.NONE))))
