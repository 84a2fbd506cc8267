"""What is told of a run on ranks: a line for each number of them, and of what fails the place, the cause and how to repeat it."""

from collections.abc import Iterator

from gradcheck import causes
from gradcheck.parallel.claims import NAMES, QUANTITIES
from gradcheck.parallel.run import Ranked
from gradcheck.printable import printable
from gradcheck.reports import commands, words
from gradcheck.shares import Shares
from gradcheck.verdict import Outcome
from gradcheck.verify import Failure, Run

Line = tuple[Outcome | None, str]
INDENT = f"{'':8}   "


def lines(found: Ranked) -> Iterator[Line]:
    """All of it; each line with what it says, or None where it says no more than what was run."""
    if not found.runs:
        yield None, f"{printable(found.target)}  interrupted before anything was judged"
        return
    yield None, f"{printable(found.target)}  {found.runs[0].dtype}, {_shared(found.runs[0])}"
    for run in found.runs:
        yield from _of(run, found.runs[0])
    if found.interrupted:
        yield None, "interrupted, so this is not the whole run"


def _shares(run: Run) -> Shares:
    assert run.shares is not None
    return run.shares


def _shared(run: Run) -> str:
    shares = _shares(run)
    pieces = f", {shares.pieces} pieces" if shares.pieces > 1 else ""
    return f"{shares.split} shared out{pieces}, loss {shares.loss}, gradients {shares.gradients}"


def _of(run: Run, first: Run) -> Iterator[Line]:
    """What agrees, what fails, and why something was not judged; of what fails on one rank, too, no more than that."""
    by = {o: [name for name, t in run.tallies.items() if t.outcome is o] for o in Outcome}
    problems = words.counted(run.problems, "problem")
    for outcome, sign, what in _SAID:
        if names := by[outcome]:
            symbols = ", ".join(QUANTITIES[NAMES[name]][0] for name in names)
            yield outcome, f"{_shares(run).count:<8} {sign} {symbols} {what}{_more(run, outcome, names)}, {problems}"
    if run is not first and _shares(first).ranks == 1 and first.failed and run.diagnosis is None:
        yield None, f"{INDENT}it fails on one rank, too: see there first"
        return
    for failure in _led(run):
        yield from ((failure.verdict.outcome, f"{INDENT}{line}") for line in _detail(run, failure))


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


def _led(run: Run) -> list[Failure]:
    """One for each way of failing: of what disagrees the first, and of what errored."""
    return list({f.verdict.outcome: f for f in reversed(run.failures)}.values())[::-1]


def _detail(run: Run, failure: Failure) -> Iterator[str]:
    yield words.finding(failure.verdict)
    part = next((cause.part for cause in causes.of(run) if failure in cause.failures), None)
    if part is not None:
        explained, examined = failure.explained
        yield f"{part.likely} (so in {explained} of {examined} that were looked into)"
    yield f"smallest problem: {words.sizes(failure.problem)}"
    yield from map(printable, words.arrays(failure.problem))
    yield f"repeat: {commands.repeat(failure, run)}"
