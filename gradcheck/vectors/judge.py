"""Judging answers: each quantity of each vector, by the comparison that a check would make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.arithmetic import Arithmetic, granted, options
from gradcheck.checks import CHECKS
from gradcheck.errors import Unusable
from gradcheck.implementations import NotPosed, posing
from gradcheck.law.options import PLAIN, CrossEntropy
from gradcheck.printable import clipped
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
    """All verdicts on a set of answers: a tally for each dtype and quantity of the vectors that have any answer.

    `laws` are the losses of the answers: the one declared, or those that the vectors are of.
    """

    index: Index
    implementation: str
    answered: int
    tallies: Mapping[Row, Tally]
    findings: tuple[Finding, ...]
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    laws: tuple[CrossEntropy, ...] = ()

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


def judge(
    index: Index, answers: Answers, arithmetic: Arithmetic | None = None, law: CrossEntropy | None = None
) -> Judged:
    """Judge every answer; what rounding `arithmetic` explains is granted in place of what the vectors grant.

    Answers are of the loss that a vector says. Where it says none, those of another loss, `law`, are held against what is
    certified of that, and a vector that has no such loss is skipped. `Unusable` where an answer is to a vector that the folder does
    not hold, a file there is damaged, or says another loss than `law`.
    """
    declared = arithmetic or Arithmetic()
    unknown = next((name for name in answers.found if name not in index.entries), None)
    if unknown is not None:
        raise Unusable(f"the answers name {unknown!r}, which is not among the vectors in {index.path}")
    tallies: dict[Row, Tally] = {}
    findings: list[Finding] = []
    laws: dict[CrossEntropy, None] = {}
    answered = [name for name in index.entries if answers.found.get(name)]
    for vector in map(index.vector, answered):
        dtype = vector.problem.precision.name
        loss = _meant(vector, law)
        laws[loss] = None
        for name, verdict in _verdicts(vector, declared, loss, answers.found[vector.name]).items():
            tally = tallies.setdefault((dtype, name), Tally(CHECKS[QUANTITIES[name].check]))
            tally.add(vector.problem, verdict)
            if verdict.failed:
                findings.append(Finding(vector.name, vector.regime, dtype, name, verdict))
    meant = tuple(laws) or (law or PLAIN,)
    return Judged(index, answers.implementation, len(answered), tallies, tuple(findings), declared, meant)


def _meant(vector: Vector, law: CrossEntropy | None) -> CrossEntropy:
    """The loss of the answers; `Unusable` where the vector says another one than is declared."""
    own = vector.problem.law
    if law is None or own.plain:
        return law or own
    if _of_classes(law, vector.problem.L) != own:
        raise Unusable(
            f"the vector {vector.name} is of the loss {_words(own)}, and {_words(law)} is declared; leave that out"
        )
    return own


def _of_classes(law: CrossEntropy, L: int) -> CrossEntropy:
    try:
        return law.of_classes(L)
    except ValueError:  # too few, and so another loss
        return law


def _words(law: CrossEntropy) -> str:
    """As options of the command line."""
    return clipped(" ".join(options(law.said))) or "mean cross-entropy"


def _granted(vector: Vector, arithmetic: Arithmetic, law: CrossEntropy) -> Mapping[str, Certified]:
    """What is certified: as the vector says, or with what is declared of rounding, and of the loss."""
    precision = vector.problem.precision
    grants = granted(precision.name, arithmetic)
    if grants is precision and law == vector.problem.law:
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
