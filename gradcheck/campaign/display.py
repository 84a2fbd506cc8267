"""A campaign on the terminal: live on standard error while it runs, and its findings on standard output at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradcheck import supervisor
from gradcheck.campaign import words
from gradcheck.campaign.findings import Finding
from gradcheck.campaign.outcome import Budget, Outcome
from gradcheck.campaign.rescue import unsaved
from gradcheck.printable import printable, refusal
from gradcheck.reports.terminal import plain_table
from gradcheck.reports.voice import beside


@contextmanager
def live(title: str, budget: Budget) -> Iterator[Callable[[Outcome], None]]:
    """Where standard error is a terminal. What is yielded takes the outcome as it stands; notes are printed in any case, once."""
    terminal = beside()
    told: set[str] = set()

    def notes(outcome: Outcome) -> None:
        supervisor.tell(f"{title}, {outcome.problems} problems posed, {len(outcome.findings)} findings")
        for note in outcome.notes.keys() - told:
            terminal.print(f"gradcheck: {refusal(note)}", soft_wrap=True)
            told.add(note)

    if not terminal.live:
        yield notes
        return
    shown = Live(console=terminal, transient=True, auto_refresh=False)

    def watch(outcome: Outcome) -> None:
        notes(outcome)
        shown.update(status(title, budget, outcome), refresh=True)

    with suppress(OSError):
        shown.start()
    try:
        yield watch
    finally:
        with suppress(OSError):  # a terminal that has gone needs nothing tidied
            shown.stop()


def status(title: str, budget: Budget, outcome: Outcome) -> Table:
    """Rate, problems, the checks of the largest ratios, findings, and what is left."""
    table = plain_table("", "", fold=[""])
    table.add_row(Text(words.line(title), style="bold"), left(budget, outcome))
    counted = f"{outcome.problems:,}, {outcome.rate:.0f} a second; {outcome.judged:,} verdicts"
    table.add_row("problems", counted if outcome.records else "counted when the first shard is done")
    nearest = ", ".join(f"{name} {ratio}" for name, ratio in words.nearest(outcome))
    table.add_row("worst ratios", nearest or "–")
    known = len(outcome.findings) - len(outcome.new)
    found = Text(f"{len(outcome.new)} new, {known} known", style="bold red" if outcome.new else "green")
    table.add_row("findings", found)
    return table


def left(budget: Budget, outcome: Outcome) -> str:
    """`3 min 20 s left`."""
    said = []
    if budget.seconds is not None:
        rest = budget.seconds - outcome.seconds
        said.append(f"{words.duration(rest)} left" if rest > 0 else "the time is spent: ending what is in hand")
    if budget.problems is not None:
        said.append(f"{max(budget.problems * budget.dtypes - outcome.problems, 0):,} problems left")
    return ", ".join(said) or f"{words.duration(outcome.seconds)}, until Ctrl-C"


def show(outcome: Outcome, target: str, out: Console) -> None:
    """The findings, the new ones in full, and one line to end with."""
    for found in words.grouped(outcome.new):
        lost = unsaved(found[1:])  # of which there is nothing but what is shown here
        for finding in (found[0], *lost):
            _show(finding, target, out)
        others = [finding for finding in found[1:] if finding not in lost]
        if others:
            more = f"the same cause in {words.count(len(others), 'other finding')}: {words.others(others)}"
            out.print(Padding(Text(more), (0, 0, 1, 2), expand=False))
    for found in words.grouped(finding for finding in outcome.findings if finding.known):
        said = f"known before: {words.count(len(found), 'finding')} of “{words.line(found[0].diagnosis)}”"
        out.print(Text(said, style="dim"))
    for path in outcome.unshrunk:
        out.print(Text(printable(f"found, and not shrunk yet: {path}")), soft_wrap=True)
    out.print(_ratios(outcome))
    out.print(Text(words.summary(outcome), style="bold red" if outcome.findings else "green"), soft_wrap=True)


def _show(finding: Finding, target: str, out: Console) -> None:
    out.print(Text(words.headline(finding), style="bold"))
    for label, text in words.rows(finding, target):
        out.print(Text(f"  {label:<9} ", style="bold").append(text, style="not bold"), soft_wrap=label == "repeat")
    if unsaved([finding]):
        out.print(
            "  its smallest problem is in no file; save what follows, and give that to `gradcheck replay`",
            soft_wrap=True,
        )
        out.print(Text(finding.case), soft_wrap=True)
    out.print()


def _ratios(outcome: Outcome) -> Table:
    table = plain_table("check", "worst ratio", right=("worst ratio",))
    for name, ratio in words.nearest(outcome):
        table.add_row(name, ratio)
    return table
