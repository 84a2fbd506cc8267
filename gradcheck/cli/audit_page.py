"""An audit as a page: what is certified of each quantity, a strip of its rows, and the worst of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.auditing import Audit, report
from gradcheck.auditing.findings import Finding
from gradcheck.cli import audited
from gradcheck.reports import words
from gradcheck.reports.pages import strip
from gradcheck.reports.pages.writing import written
from gradcheck.verdict import Outcome, Verdict

WORST, FEW = 20, 5  # rows that are listed, of what disagrees and of what does not
HEADLINES = {0: "✓ Nothing disagrees", 1: "✗ Something disagrees", 3: "– Nothing could be judged"}


@dataclass(frozen=True)
class Part:
    """One quantity."""

    anchor: str
    name: str
    outcome: str
    lines: tuple[str, ...]
    certificate: tuple[tuple[str, str], ...]
    strip: strip.Strip | None
    worst: tuple[tuple[str, str, str], ...]


def text(found: Audit) -> str:
    """The page."""
    L, d, n = found.sizes
    facts = (("L", L), ("d", d), ("n", n), ("stored", found.stored), ("sums", found.sums), ("probes", found.probes))
    return written(
        "audit.html",
        source=found.source,
        status=found.status,
        headline=HEADLINES[found.status],
        facts=[(name, str(value)) for name, value in facts],
        notes=list(audited.notes(found)),
        parts=sorted(
            (_part(finding, found) for finding in found.findings), key=lambda part: part.outcome != Outcome.DISAGREE
        ),
        data=report.text(found),
    )


def _part(finding: Finding, found: Audit) -> Part:
    name = audited.name(finding)
    disagrees = finding.verdict.outcome is Outcome.DISAGREE
    return Part(
        finding.quantity,
        name,
        finding.verdict.outcome.value,
        tuple(audited.panel(finding, found.stored)) if disagrees else (),
        tuple(_certificate(finding)),
        None if finding.ratios is None else strip.drawn(f"error / allowance of the rows of {name}", finding.ratios),
        tuple(_worst(finding)),
    )


def _certificate(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "worst ratio", words.ratio(finding.verdict.ratio)
    if finding.ratios is not None and len(finding.rows) == len(finding.ratios):
        yield "certified", "nothing: every row is at fault"
    elif finding.entry is not None and finding.row is not None:
        where = "of every row that is not at fault " if finding.rows else ""
        yield "every entry", f"{where}is within {finding.entry:.1e} of what it must be"
        typical = f"; a typical row is {finding.median:.1e}" if finding.median else ""
        yield "every row", f"{where}is within {finding.row:.1e} in its 2-norm{typical}"
    else:
        yield "certified", "every entry was compared"
    if finding.seen is not None:
        yield "would see", f"a relative error of {_share(finding.seen)}"
    if finding.rows:
        yield "at fault", words.counted(len(finding.rows), "row")


def _share(seen: float) -> str:
    if not 0 < seen < 1:
        return "no size: the limits are as large as the values" if seen else "any size"
    return f"{audited.share(seen)}, which is {words.bits(-math.log2(seen))} bits"


def _worst(finding: Finding) -> Iterator[tuple[str, str, str]]:
    """Rows by their ratios, the worst first."""
    if finding.ratios is None:
        return
    at = 1 if finding.quantity == "grad_X" else 0
    entries = {witness.place[at]: witness for witness in reversed(finding.entries)}
    ranked = np.nan_to_num(finding.ratios, nan=np.inf)
    for row in np.argsort(-ranked, kind="stable")[: WORST if finding.rows else FEW].tolist():
        witness = entries.get(row)
        said = words.finding(Verdict(Outcome.DISAGREE, witness=witness)) if witness else ""
        yield str(row), words.ratio(float(ranked[row])), said
