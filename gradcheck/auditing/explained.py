"""What disagrees and would agree, had something else been declared: said where an audit that declares it finds nothing wrong."""

from collections.abc import Callable
from dataclasses import replace

from gradcheck.auditing import undeclared
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Finding
from gradcheck.auditing.sums import Kept
from gradcheck.errors import Unusable
from gradcheck.verdict import Outcome

Findings = tuple[Finding, ...]
Judged = Callable[[Dump], Findings]  # of the same arrays, with something else declared


def explained(found: Dump, kept: list[Kept], findings: Findings, judged: Judged) -> Findings:
    """The findings, where something else would explain what disagrees in the words of that."""
    if not any(one.verdict.failed for one in findings):
        return findings
    said = found.arithmetic.sums
    if said:
        others = judged(replace(found, arithmetic=replace(found.arithmetic, sums="")))
        words = f"would agree if sums were in any order: they are not as --sums {said} says"
        told = tuple(_told(one, other, (words,)) for one, other in zip(findings, others, strict=True))
        if told != findings:
            return told

    def agrees(other: Dump) -> bool:
        try:
            return _agree(findings, judged(other))
        except Unusable:  # these labels are none of such a loss
            return False

    agreed = tuple(undeclared.named(found, kept, findings, agrees))
    return tuple(replace(one, faults=agreed) if one.verdict.failed else one for one in findings) if agreed else findings


def _told(one: Finding, other: Finding, words: tuple[str, ...]) -> Finding:
    return replace(one, faults=words) if one.verdict.failed and not other.verdict.failed else one


def _agree(findings: Findings, others: Findings) -> bool:
    """Whether nothing fails any more, and each gradient that failed agrees: of a loss it may be too wide a limit to tell."""
    return not any(
        other.verdict.failed
        or (one.verdict.failed and one.quantity != "loss" and other.verdict.outcome is not Outcome.AGREE)
        for one, other in zip(findings, others, strict=True)
    )
