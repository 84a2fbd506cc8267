"""What agrees and what was not judged, in a line each."""

from collections.abc import Iterator

from gradcheck.printable import printable
from gradcheck.reports import words
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome
from gradcheck.verify import Run


def lines(run: Run) -> Iterator[tuple[Outcome, str]]:
    """A line for what agrees, for what was inconclusive, and for what was not judged, with the reason that is most frequent."""
    tallies = {o: [t for t in run.tallies.values() if t.outcome is o] for o in Outcome}
    agreeing = [tally for tally in tallies[Outcome.AGREE] if not tally.stale]
    if agreeing:
        yield Outcome.AGREE, f"✓ {len(agreeing)} agree{_worst(agreeing, run)}"
    for outcome, sign, what in ((Outcome.INCONCLUSIVE, "?", "inconclusive"), (Outcome.SKIPPED, "–", "not judged")):
        if tallies[outcome]:
            yield outcome, f"{sign} {len(tallies[outcome])} {what}: {_reasons(tallies[outcome])}"


def _worst(tallies: list[Tally], run: Run) -> str:
    """The largest test ratio, and the fewest bits."""
    measured = [(tally.ratio, tally) for tally in tallies if tally.ratio is not None]
    if not measured:
        return ""
    largest, where = max(measured, key=lambda found: found[0])
    kept = [found for tally in tallies if (found := tally.bits(words.unit_roundoff(run))) is not None]
    least = f", {words.bits(min(kept)).rstrip('+')}+ bits" if kept else ""
    return f": worst ratio {words.ratio(largest)} ({where.check.name}){least}"


def _reasons(tallies: list[Tally]) -> str:
    """The most frequent reason, and how many others there are."""
    reasons: dict[str, list[str]] = {}
    for tally in tallies:
        reasons.setdefault(tally.reason, []).append(tally.check.name)
    (first, checks), *others = sorted(reasons.items(), key=lambda found: -len(found[1]))
    more = f"; {words.counted(len(others), 'other reason')}" if others else ""
    return f"{words.named(checks)}: {printable(first)}{more}"
