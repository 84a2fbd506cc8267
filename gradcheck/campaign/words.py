"""How a campaign is worded: for the terminal, for a log, and for GitHub."""

from collections.abc import Iterable, Iterator

from gradcheck import causes
from gradcheck.campaign.findings import ANY, Finding
from gradcheck.campaign.outcome import Outcome
from gradcheck.checks import CHECKS
from gradcheck.printable import clipped, pasted, printable
from gradcheck.reports.words import ratio

SAID = {"disagree": "disagrees", "errored": "errored"}


def count(number: int, noun: str) -> str:
    """`1 problem`, `2 problems`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """`1 h 02 min`, `3 min 20 s`, `12 s`."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def regime(finding: Finding) -> str:
    """Where it shows."""
    return "in any regime" if finding.regime == ANY else f"in regime {finding.regime}"


def headline(finding: Finding) -> str:
    """What is found, in one line."""
    return line(f"{finding.check} {SAID[finding.outcome]} {regime(finding)}")


def line(text: str) -> str:
    """A text of a target's or of a corpus, as it stands on one line."""
    return printable(clipped(text))


def rows(finding: Finding, target: str) -> Iterator[tuple[str, str]]:
    """What stands below the headline; `target` are the words that name it to a shell."""
    yield "", line(finding.said)
    yield "likely", line(finding.diagnosis)
    if finding.fix:
        yield "fix", line(finding.fix)
    yield "rate", f"{finding.failed} of {finding.judged} problems judged; first after {duration(finding.first)}"
    if finding.file:
        yield "repeat", f"{pasted(('gradcheck', 'replay', finding.file))} {target}"


def grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """By cause: a diagnosis, an exception of one line, or a function; what is nearest to the code first, and known ones apart."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.known, _cause(finding)), []).append(finding)
    return [sorted(found, key=lambda finding: causes.distance(finding.check)) for found in groups.values()]


def _cause(finding: Finding) -> object:
    if finding.diagnosed:
        return finding.diagnosis
    if finding.outcome == "errored":
        return causes.raised(finding.said)
    check = CHECKS.get(finding.check)
    return finding.diagnosis, check.needs if check else finding.check


def others(findings: Iterable[Finding]) -> str:
    """`loss (any), logits (large)`: where else a cause shows."""
    return ", ".join(dict.fromkeys(line(f"{finding.check} ({finding.regime})") for finding in findings))


def summary(outcome: Outcome) -> str:
    """The last line."""
    known = len(outcome.findings) - len(outcome.new)
    said = [
        f"{count(outcome.problems, 'problem')} in {count(len(outcome.records), 'shard')}",
        f"{count(outcome.judged, 'verdict')}",
        f"{outcome.rate:.0f} problems a second for {duration(outcome.seconds)}",
        count(len(outcome.new), "new finding") + (f", {known} known before" if known else ""),
    ]
    if outcome.resumed:
        said.append(f"{count(outcome.resumed, 'shard')} from a run that was cut short")
    early = "interrupted: " if outcome.interrupted else "cut short: " if outcome.ended else ""
    return early + "; ".join(said)


def nearest(outcome: Outcome, most: int = 5) -> list[tuple[str, str]]:
    """The checks whose test ratios are the largest."""
    return [(line(name), ratio(value)) for name, value in list(outcome.ratios().items())[:most]]
