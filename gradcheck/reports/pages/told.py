"""A run as a page tells it: the words of a story, and a figure for each question."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck import causes
from gradcheck.arithmetic import said
from gradcheck.causes import Cause
from gradcheck.pictures import Picture
from gradcheck.problem import Problem
from gradcheck.reports import brief, commands, cut, notes, stories, words
from gradcheck.reports.pages import bars, chips, curve, heat, histogram
from gradcheck.tally import Tally
from gradcheck.verify import Run

WIDTH = 76  # characters of a line that is not broken
DRAWN = 2  # causes that have all figures; the others have the arrays alone


@dataclass(frozen=True)
class Story:
    """A cause: its headline, what stands below it, the smallest problem as text, and its figures."""

    headline: str
    counted: str
    facts: tuple[tuple[str, str], ...]
    smallest: tuple[str, ...]
    arrays: tuple[str, ...]
    repeat: str
    checks: tuple[str, ...]
    maps: tuple[heat.Heat, ...]
    of: str
    curve: curve.Curve | None
    bars: bars.Bars | None
    histogram: histogram.Histogram | None


@dataclass(frozen=True)
class Told:
    """All of it."""

    name: str
    dtype: str
    failed: bool
    kind: str
    headline: str
    summary: str
    brief: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    command: str
    stories: tuple[Story, ...]
    bars: bars.Bars | None
    histogram: histogram.Histogram | None
    chips: tuple[chips.Chip, ...]
    unjudged: tuple[str, ...]
    notes: tuple[str, ...]
    fewer: tuple[str, ...]


def of(run: Run) -> Told:
    """A run."""
    found = causes.of(run)
    leading = None if found else _leading(run)
    name = leading.check.name if leading else ""
    return Told(
        run.target,
        run.dtype,
        run.failed,
        *_verdict(run),
        words.summary(run),
        tuple(line for _, line in brief.lines(run)),
        (("problems", str(run.problems)), ("seed", str(run.seed)), *_declared(run)),
        commands.whole(run),
        tuple(_story(cause, run, whole=k < DRAWN) for k, cause in enumerate(found)),
        bars.drawn(name, run.dtype, words.unit_roundoff(run), leading.spread.regimes) if leading else None,
        None
        if found
        else histogram.drawn("all checks", sum((t.spread.ratios for t in run.tallies.values()), Counter())),
        tuple(chips.of(run, found)),
        tuple(words.unjudged(run.tallies.values())),
        tuple((*run.notes, *cut.lines(run), *notes.lost(run), *words.expectations(run), *_printed(run))),
        tuple(words.regimes(run)),
    )


def _verdict(run: Run) -> tuple[str, str]:
    """The kind of the banner of a run without causes, and its headline."""
    if run.failed:
        return "wrong", "✗ Not as expected: see the notes"
    return ("good", "✓ Nothing disagrees") if run.judged else ("nothing", "– Nothing could be judged")


def _declared(run: Run) -> Iterator[tuple[str, str]]:
    law = {"loss": repr(run.law)} if run.law.own else run.law.said
    shares = {name: value for name, value in run.shares.said.items() if value} if run.shares else {}
    for name, value in {**said(run.layout), **law, **run.arithmetic.said, **shares}.items():
        yield name, str(value)


def _printed(run: Run) -> Iterator[str]:
    if run.printed:
        yield words.printed(run)


def _leading(run: Run) -> Tally | None:
    """Of a run in which nothing failed, the check of a value that kept the fewest bits."""
    u = words.unit_roundoff(run)
    known = [
        (causes.distance(name)[0], bits, name)
        for name, tally in run.tallies.items()
        if (bits := tally.bits(u)) is not None
    ]
    return run.tallies[min(known)[2]] if known else None


def _story(cause: Cause, run: Run, *, whole: bool) -> Story:
    rows = list(stories.rows(cause, run, WIDTH))
    begin = next((k for k, (label, _) in enumerate(rows) if label == "smallest"), len(rows))
    shown = [(label.strip(), text) for label, text in rows if label not in ("", "repeat", "in")]
    count = sum(label not in ("", "repeat", "in") for label, _ in rows[:begin])
    leader = cause.leader
    drawn = _shown(cause)
    tally = run.tallies[leader.check.name]
    return Story(
        stories.headline(cause, run),
        stories.counted(cause),
        tuple(shown[:count]),
        tuple(text for _, text in shown[count:]),
        tuple(text for label, text in rows if label == ""),
        next((text for label, text in rows if label == "repeat"), ""),
        tuple(failure.check.name for failure in cause.failures),
        tuple(heat.maps(drawn[0])) if drawn else (),
        drawn[2] if drawn else "",
        _curve(cause) if whole else None,
        bars.drawn(tally.check.name, run.dtype, words.unit_roundoff(run), tally.spread.regimes) if whole else None,
        histogram.drawn(tally.check.name, tally.spread.ratios) if whole else None,
    )


def _shown(cause: Cause) -> tuple[Picture, Problem, str] | None:
    """The array that is drawn: of the leading check on a problem on which a pattern shows, else on the smallest."""
    leader = cause.leader
    if leader.larger is not None and leader.larger.wrong:
        problem = leader.larger.problem
        return leader.larger.wrong[0], problem, f"A larger problem that fails, too: {words.sizes(problem)}."
    if not cause.wrong:
        return None
    return cause.wrong[0], leader.problem, f"The smallest problem: {words.sizes(leader.problem)}."


def _curve(cause: Cause) -> curve.Curve | None:
    """At the worst entry of what is drawn; where that is no derivative, at that of another check which failed."""
    shown = _shown(cause)
    places = [(shown[1], shown[0].worst)] if shown else []
    places += [(failure.problem, failure.verdict.witness) for failure in cause.failures if failure.verdict.witness]
    return next(filter(None, (curve.drawn(problem, witness) for problem, witness in places)), None)
