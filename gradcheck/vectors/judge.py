"""Judging answers: each quantity of each vector, by the comparison that a check would make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.arithmetic import Arithmetic, granted
from gradcheck.checks import CHECKS
from gradcheck.errors import Unusable
from gradcheck.implementations import NotPosed, posing
from gradcheck.law.options import PLAIN, CrossEntropy
from gradcheck.tally import Tally
from gradcheck.vectors.answers import Answers, Unreadable, computed
from gradcheck.vectors.certify import QUANTITIES, Certified, certify
from gradcheck.vectors.folder import Index
from gradcheck.vectors.form import Vector
from gradcheck.verdict import Outcome, Verdict

UNANSWERED = "it is not answered"
Row = tuple[str, str]  # dtype, quantity


@dataclass(frozen=True)
class Finding:
    """A quantity of a vector that was answered wrongly."""

    vector: str
    regime: str
    dtype: str
    quantity: str
    verdict: Verdict


@dataclass(frozen=True)
class Judged:
    """All verdicts on a set of answers: a tally for each dtype and quantity of the vectors that have any answer."""

    index: Index
    implementation: str
    answered: int
    tallies: Mapping[Row, Tally]
    findings: tuple[Finding, ...]
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    law: CrossEntropy = PLAIN

    @property
    def unanswered(self) -> int:
        """How many vectors have no answer at all."""
        return len(self.index.entries) - self.answered

    @property
    def status(self) -> int:
        """Exit status, as of a run: 1 something disagrees or errored, 0 everything judged agrees, 3 nothing was judged."""
        if self.findings:
            return 1
        return 0 if any(tally.judged for tally in self.tallies.values()) else 3


def judge(index: Index, answers: Answers, arithmetic: Arithmetic | None = None, law: CrossEntropy = PLAIN) -> Judged:
    """Judge every answer; what rounding `arithmetic` explains is granted in place of what the vectors grant.

    Answers of another loss, `law`, are held against what is certified of that; what a vector has no such loss of is skipped.
    `Unusable` where one is to a vector that the folder does not hold, or a file there is damaged.
    """
    declared = arithmetic or Arithmetic()
    unknown = next((name for name in answers.found if name not in index.entries), None)
    if unknown is not None:
        raise Unusable(f"the answers name {unknown!r}, which is not among the vectors in {index.path}")
    tallies: dict[Row, Tally] = {}
    findings: list[Finding] = []
    answered = [name for name in index.entries if answers.found.get(name)]
    for vector in map(index.vector, answered):
        dtype = vector.problem.precision.name
        for name, verdict in _verdicts(vector, declared, law, answers.found[vector.name]).items():
            tally = tallies.setdefault((dtype, name), Tally(CHECKS[QUANTITIES[name].check]))
            tally.add(vector.problem, verdict)
            if verdict.failed:
                findings.append(Finding(vector.name, vector.regime, dtype, name, verdict))
    return Judged(index, answers.implementation, len(answered), tallies, tuple(findings), declared, law)


def _granted(vector: Vector, arithmetic: Arithmetic, law: CrossEntropy) -> Mapping[str, Certified]:
    """What is certified: as the vector says, or with what is declared of rounding, and of the loss."""
    precision = vector.problem.precision
    grants = granted(precision.name, arithmetic)
    if grants is precision and law.plain:
        return vector.quantities
    return certify(posing.of(law, vector.problem), grants)


def _verdicts(
    vector: Vector, arithmetic: Arithmetic, law: CrossEntropy, answer: Mapping[str, Any]
) -> dict[str, Verdict]:
    try:
        certified = _granted(vector, arithmetic, law)
    except NotPosed as reason:
        return dict.fromkeys(QUANTITIES, Verdict(Outcome.SKIPPED, str(reason)))
    return {
        name: _verdict(vector, certified[name], name, answer[name])
        if name in answer
        else Verdict(Outcome.SKIPPED, UNANSWERED)
        for name in certified
    }


def _verdict(vector: Vector, truth: Certified, name: str, given: Any) -> Verdict:
    try:
        values = computed(given, truth.allowed.shape, vector.problem.precision)
    except Unreadable as problem:
        return Verdict(Outcome.ERRORED, str(problem))
    with np.errstate(all="ignore"):  # what is not finite is seen in the values
        return truth.comparison(QUANTITIES[name].symbol, values).verdict()
