"""An audit on the terminal: a table of quantities, what could have been seen, a panel for each failure, one line to end with."""

import math
from collections.abc import Iterator
from textwrap import shorten

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradcheck import arithmetic
from gradcheck.auditing import Audit
from gradcheck.auditing.findings import NAMES, Finding
from gradcheck.printable import printable
from gradcheck.referees.freivalds import MISS
from gradcheck.reports import words
from gradcheck.reports.terminal import plain_table, styled
from gradcheck.verdict import Outcome, Verdict

DECLARED = 200  # characters of what was declared: a weight for each class may be many
UNUSUAL = 3  # rows with an unusual entry that are told


def name(finding: Finding) -> str:
    """`∂ℒ/∂θ`."""
    return NAMES[finding.quantity]


def table(found: Audit) -> Table:
    """A row for each quantity judged, and how near it is to what it must be."""
    made = plain_table(
        "quantity",
        "verdict",
        "ratio",
        "certified",
        "every entry within",
        "every row within",
        "a typical row",
        right=("ratio",),
    )
    for finding in found.findings:
        near = [_size(value) for value in (finding.entry, finding.row, finding.median)]
        if not finding.certifies(found.sizes):  # there is no row of which it could be said
            near = [words.NONE, words.NONE, near[2]]
        cells = ["all compared", "", ""] if finding.entry is None else near
        made.add_row(
            name(finding),
            styled(finding.verdict.outcome),
            words.ratio(finding.verdict.ratio),
            certified(finding.share(finding.certifies(found.sizes))),
            *cells,
        )
    return made


def _size(value: float | None) -> str:
    """Nothing, where no number bounds it."""
    return words.NONE if value is None or not math.isfinite(value) else f"{value:.1e}"


def certified(share_of: float | None) -> str:
    """In shares of a typical row, and in bits: `0.12 %, 9.7 bits`."""
    if share_of is None:
        return "nothing"
    return f"{share(share_of)}, {-math.log2(share_of):.1f} bits" if share_of > 0 else "all of it"


def share(seen: float | None) -> str:
    """The smallest relative error that would have been seen."""
    return words.NONE if seen is None or not seen < 1 else f"{100 * seen:.2g} %"


def notes(found: Audit) -> Iterator[str]:
    """The error model, the chance of a miss, and what was not judged."""
    sums = "" if found.sums == found.stored else f", with sums accumulated in {found.sums}"
    yield f"Granted: what correct {found.stored} code may be off by{sums}. Every row that is not named below is as near"
    chance = f"2^{math.log2(MISS):.0f}"
    yield f"as the table says, but for a chance below {chance} over the {found.probes} random vectors of seed {found.seed}."
    if said := declared(found):
        yield f"Declared, here or in the dump: {said}"
    for finding in found.findings:
        if finding.verdict.outcome is Outcome.INCONCLUSIVE:
            yield f"{name(finding)} is not judged, and not counted as agreement: {finding.verdict.reason}"
        yield from finding.odd
        yield from map(str, finding.unusual[:UNUSUAL])
        if len(finding.unusual) > UNUSUAL:
            yield f"and {len(finding.unusual) - UNUSUAL} more rows of {name(finding)} with an unusual entry"
    if found.with_logits is not None and found.with_logits > 1:
        yield (
            f"With Z in the dump, Z would be judged, and limits of gradients would be about {found.with_logits:.2g} times sharper, "
            f"which is {math.log2(found.with_logits):.1f} bits: what is granted to logits is granted to all that follows from them."
        )
    if found.alone:
        yield found.alone
    if found.missing:
        yield f"Not in the dump, and not judged: {', '.join(found.missing)}"


def declared(found: Audit) -> str:
    """The loss, its factor, and how it rounds, as options of the command line; a part where that is long."""
    factor = {"factor": found.factor} if found.factor != 1 else {}
    said = arithmetic.options({**found.law.said, **found.arithmetic.said, **factor})
    return shorten(" ".join(said), DECLARED, placeholder=" …")


def panel(finding: Finding, dtype: str) -> Iterator[str]:
    """Value, place, allowance; where else; what is recognised."""
    yield words.finding(finding.verdict)
    yield words.blame(finding.verdict, dtype)
    for witness in finding.entries[1:4]:
        yield "also " + words.finding(Verdict(Outcome.DISAGREE, witness=witness))
    yield from finding.faults


def show(found: Audit, out: Console) -> None:
    """All of it."""
    L, d, n = found.sizes
    out.print(Text(f"{printable(found.source)}   L={L} d={d} n={n} {found.stored}", style="bold"))
    out.print(table(found))
    for line in notes(found):
        out.print(Text(line, style="dim"), soft_wrap=True)
    for finding in found.findings:
        if finding.verdict.outcome is Outcome.DISAGREE:
            out.print(Text(f"\n{name(finding)}  ", style="bold").append_text(styled(Outcome.DISAGREE, "DISAGREE")))
            for line in panel(finding, found.stored):
                out.print(Padding(Text(line), (0, 0, 0, 2), expand=False), soft_wrap=True)
    outcomes = [finding.verdict.outcome for finding in found.findings]
    counted = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcomes.count(outcome))
    colour = {0: Outcome.AGREE, 1: Outcome.DISAGREE}.get(found.status, Outcome.SKIPPED)
    out.print(Text("\n").append_text(styled(colour, f"{printable(found.source)}: {counted}")))
