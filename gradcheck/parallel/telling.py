"""What is told of a run on ranks: a line for each number of them and what it says, and below it a story for each cause."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from gradcheck.parallel.claims import NAMES, QUANTITIES
from gradcheck.parallel.run import Ranked
from gradcheck.printable import printable
from gradcheck.reports import terminal, words
from gradcheck.shares import Shares
from gradcheck.verdict import Outcome
from gradcheck.verify import Run


def show(found: Ranked, out: Console) -> None:
    """All of it; of what fails on one rank, too, no more than that."""
    if not found.runs:
        out.print(f"{printable(found.target)}  interrupted before anything was judged")
        return
    first = found.runs[0]
    out.print(Text(f"{printable(found.target)}  {first.dtype}, {_shared(first)}"), soft_wrap=True)
    for run in found.runs:
        for outcome, line in _verdicts(run):
            out.print(terminal.styled(outcome, line), soft_wrap=True)
        if run is not first and _shares(first).ranks == 1 and _alike(run, first):
            out.print(f"{'':8} it fails on one rank, too: see there first")
        else:
            terminal.stories_of(run, out)
    if found.interrupted:
        out.print("interrupted, so this is not the whole run")


def _shares(run: Run) -> Shares:
    assert run.shares is not None
    return run.shares


def _shared(run: Run) -> str:
    shares = _shares(run)
    pieces = f", {shares.pieces} pieces" if shares.pieces > 1 else ""
    return f"{shares.split} shared out{pieces}, loss {shares.loss}, gradients {shares.gradients}"


def _alike(run: Run, first: Run) -> bool:
    """Whether what fails here fails there in as many ways, and nothing says why."""
    ways, there = ({f.verdict.outcome for f in each.failures} for each in (run, first))
    return bool(ways) and ways <= there and run.diagnosis is None


def _verdicts(run: Run) -> Iterator[tuple[Outcome, str]]:
    """What agrees, what fails, and why something was not judged."""
    by = {o: [name for name, t in run.tallies.items() if t.outcome is o] for o in Outcome}
    problems = words.counted(run.problems, "problem")
    for outcome, sign, what in _SAID:
        if names := by[outcome]:
            symbols = ", ".join(QUANTITIES[NAMES[name]][0] for name in names)
            yield outcome, f"{_shares(run).count:<8} {sign} {symbols} {what}{_more(run, outcome, names)}, {problems}"


_SAID = (
    (Outcome.DISAGREE, "✗", "disagree"),
    (Outcome.ERRORED, "✗", "errored"),
    (Outcome.AGREE, "✓", "agree"),
    (Outcome.INCONCLUSIVE, "?", "inconclusive"),
    (Outcome.SKIPPED, "–", "not judged"),
)


def _more(run: Run, outcome: Outcome, names: list[str]) -> str:
    tallies = [run.tallies[name] for name in names]
    if outcome is Outcome.AGREE:
        ratios = [t.ratio for t in tallies if t.ratio is not None]
        return f" (worst ratio {words.ratio(max(ratios))})" if ratios else ""
    if outcome is Outcome.DISAGREE and (errored := max(t.counts[Outcome.ERRORED] for t in tallies)):
        return f", and errored on {words.counted(errored, 'problem')}"
    reason = next((t.reason for t in tallies if t.reason), "")
    return f": {printable(reason)}" if outcome in (Outcome.SKIPPED, Outcome.INCONCLUSIVE) and reason else ""
