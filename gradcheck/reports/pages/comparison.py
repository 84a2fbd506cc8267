"""Several targets as a page: checks × runs, in colours and bits, and each run below."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.checks import CHECKS
from gradcheck.reports import data, words
from gradcheck.reports.pages import told
from gradcheck.reports.pages.chips import SIGNS
from gradcheck.reports.pages.writing import written
from gradcheck.verdict import Outcome
from gradcheck.verify import Run

COLOURS = {Outcome.AGREE: "right", Outcome.DISAGREE: "most", Outcome.ERRORED: "none", Outcome.INCONCLUSIVE: "some"}


@dataclass(frozen=True)
class Square:
    """What one check said of one run; without a colour where it said nothing."""

    outcome: str
    colour: str = ""
    sign: str = words.NONE
    bits: str = ""
    ratio: str = ""


@dataclass(frozen=True)
class Line:
    """A check."""

    name: str
    claim: str
    squares: tuple[Square, ...]


def text(runs: Sequence[Run]) -> str:
    """The page of `gradcheck compare`."""
    names = dict.fromkeys(name for run in runs for name in run.tallies)
    lines = [Line(name, CHECKS[name].claims(runs[0].law), tuple(_square(run, name) for run in runs)) for name in names]
    return written(
        "comparison.html",
        runs=[told.of(run) for run in runs],
        lines=[line for line in lines if any(square.colour for square in line.squares)],
        others=[line.name for line in lines if not any(square.colour for square in line.squares)],
        data=data.text(runs),
    )


def _square(run: Run, name: str) -> Square:
    tally = run.tallies.get(name)
    if tally is None or tally.outcome not in COLOURS:
        return Square(Outcome.SKIPPED.value)
    bits = words.bits(tally.bits(words.unit_roundoff(run))).removeprefix(words.NONE)
    return Square(tally.outcome.value, COLOURS[tally.outcome], SIGNS[tally.outcome], bits, words.ratio(tally.ratio))
