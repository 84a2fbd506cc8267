"""What agrees and what was not judged, in a line each."""

import re
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
    """The most frequent reason, and how many others there are; functions that are not there are one."""
    reasons: dict[str | None, list[Tally]] = {}
    for tally in tallies:
        reasons.setdefault(None if _ABSENT.search(tally.reason) else tally.reason, []).append(tally)
    (first, found), *others = sorted(reasons.items(), key=lambda item: -len(item[1]))
    more = f"; {words.counted(len(others), 'other reason')}" if others else ""
    if first is None:
        return f"{_absent(found)}{more}"
    why = printable(first) or "no problem was judged"  # of a run that was interrupted
    return f"{words.named([tally.check.name for tally in found])}: {why}{more}"


_ABSENT = re.compile(r"^(.*) has no function '([\w ]+)'(?:; it has '(.*)': rename it to \w+)?$", re.DOTALL)


def _absent(tallies: list[Tally]) -> str:
    """`model.py has no loss (it has cost: rename it), softmax`."""
    matches = [match for tally in tallies if (match := _ABSENT.search(tally.reason))]
    functions = {
        match[2]: f"{match[2]} (it has {printable(match[3])}: rename it)" if match[3] else match[2] for match in matches
    }
    return f"{printable(matches[0][1])} has no {', '.join(functions.values())}"
