"""A campaign as a page: what was found, cause by cause; where it fails; and how near every check came."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from gradcheck.campaign import words
from gradcheck.campaign.findings import ANY, STRAINED, Finding
from gradcheck.campaign.outcome import Outcome
from gradcheck.printable import escaped
from gradcheck.reports.pages import closeness
from gradcheck.reports.pages.writing import written

SCHEMA = 1
SHOWN = 20  # findings of one cause that are shown; more are counted


@dataclass(frozen=True)
class Group:
    """Findings of one cause."""

    headline: str
    fix: str
    new: bool
    counted: str
    findings: tuple[tuple[str, str, str, str], ...]  # check and regime, what was said, how often, how to repeat
    more: int


def text(outcome: Outcome, target: str) -> str:
    """The page; `target` are the words that name it to a shell."""
    return written(
        "fuzz.html",
        target=words.line(target),
        summary=words.summary(outcome),
        failed=bool(outcome.findings),
        groups=[_group(found, target) for found in words.grouped(outcome.findings)],
        **_where(outcome.findings),
        near=closeness.drawn("worst test ratio of each check", outcome.ratios()),
        notes=[words.line(note) for note in outcome.notes],
        unshrunk=[words.line(str(path)) for path in outcome.unshrunk],
        data=_data(outcome, target),
    )


def _headline(finding: Finding) -> str:
    """What is wrong, as far as it is known."""
    if finding.diagnosed:
        return words.line(finding.diagnosis)
    return words.line(finding.said if finding.outcome == "errored" else f"{finding.diagnosis}: {finding.said}")


def _group(found: list[Finding], target: str) -> Group:
    told = []
    for finding in found[:SHOWN]:
        rows = dict(words.rows(finding, target))
        told.append((words.headline(finding), rows[""], rows["rate"], rows.get("repeat", "")))
    fix = next((finding.fix for finding in found if finding.fix), "")
    new = any(not finding.known for finding in found)
    return Group(
        _headline(found[0]), fix, new, words.count(len(found), "finding"), tuple(told), max(len(found) - SHOWN, 0)
    )


def _where(findings: Iterable[Finding]) -> dict[str, Any]:
    """Checks × regimes: on how many problems a check failed in each."""
    failed = Counter[tuple[str, str]]()
    for finding in findings:
        failed[finding.check, finding.regime] += finding.failed
    checks = dict.fromkeys(check for check, _ in failed)
    regimes = [name for name in (ANY, *STRAINED) if any((check, name) in failed for check in checks)]
    return {"regimes": regimes, "rows": [(check, [failed[check, name] for name in regimes]) for check in checks]}


def _data(outcome: Outcome, target: str) -> str:
    whole = {
        "gradcheck_fuzz": SCHEMA,
        "gradcheck": version("gradcheck"),
        "target": target,
        "problems": outcome.problems,
        "judged": outcome.judged,
        "seconds": outcome.seconds,
        "interrupted": outcome.interrupted,
        "findings": [asdict(finding) for finding in outcome.findings],
        "ratios": {name: ratio if ratio < float("inf") else "inf" for name, ratio in outcome.ratios().items()},
    }
    return escaped(json.dumps(whole, indent=1, ensure_ascii=False))
