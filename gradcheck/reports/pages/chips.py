"""The checks of a run as chips: what they said, and where on the page more is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.causes import Cause
from gradcheck.reports import words
from gradcheck.verdict import FAILURES, Outcome
from gradcheck.verify import Run

SIGNS = {
    Outcome.DISAGREE: "✗",
    Outcome.ERRORED: "✗",
    Outcome.INCONCLUSIVE: "?",
    Outcome.AGREE: "✓",
    Outcome.SKIPPED: "–",
}


@dataclass(frozen=True)
class Chip:
    """One check: `cause` counts from 1, and is 0 where it has none."""

    name: str
    claim: str
    outcome: Outcome
    sign: str
    cause: int
    equations: str
    said: str
    ratio: str
    judged: str
    bits: str


def of(run: Run, causes: Sequence[Cause]) -> list[Chip]:
    """Those that failed first, those that were not judged last; else in the order of the table."""
    caused = {failure.check.name: k for k, cause in enumerate(causes, 1) for failure in cause.failures}
    order = list(SIGNS)
    u = words.unit_roundoff(run)
    made = [
        Chip(
            name,
            tally.check.claims(run.law),
            tally.outcome,
            "✗" if tally.failed and tally.outcome not in FAILURES else SIGNS[tally.outcome],
            caused.get(name, 0),
            words.equations(tally.check),
            words.verdict(tally),
            words.ratio(tally.ratio),
            str(tally.judged),
            words.bits(tally.bits(u)),
        )
        for name, tally in run.tallies.items()
    ]
    return sorted(made, key=lambda chip: order.index(chip.outcome))
