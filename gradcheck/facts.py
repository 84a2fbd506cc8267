"""What is known of every problem of a run, failing or not, in a few numbers: what a condition may be made of."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradcheck import traits
from gradcheck.problem import Problem, Reals
from gradcheck.verdict import FAILURES, Outcome, Verdict


def _twice(p: Problem, Z: Reals) -> bool:
    return p.label_index is not None and len(set(p.label_index.tolist())) < p.n


def _right(p: Problem, Z: Reals) -> bool:
    return bool((Z.argmax(axis=0) == p.reals[3].argmax(axis=0)).any())


def _tied(p: Problem, Z: Reals) -> bool:
    return bool(((Z.max(axis=0, keepdims=True) == Z).sum(axis=0) > 1).any())


def _soft(p: Problem, Z: Reals) -> bool:
    """Of samples that count: a column of zeros is one that does not."""
    Y = p.reals[3]
    return bool(((Y != 0) & (Y != 1)).any() or ((Y != 0).sum(axis=0) > 1).any())


# What holds of a problem or does not: in words, and in words where it does not, if that is worth saying.
FLAGS: dict[str, tuple[str, Callable[[Problem, Reals], bool]]] = {
    "a label repeats": ("no label repeats", _twice),
    "a sample has the last class": ("no sample has the last class", lambda p, Z: bool(p.reals[3][-1].any())),
    "a sample has the first class": ("no sample has the first class", lambda p, Z: bool(p.reals[3][0].any())),
    "two largest logits of a sample tie": ("", _tied),  # that ties pass says nothing
    "a sample is predicted right": ("no sample is predicted right", _right),
    "X has a zero": ("X has no zero", lambda p, Z: not p.reals[2].all()),
    "θ has a zero": ("θ has no zero", lambda p, Z: not p.reals[0].all()),
    "a sample does not count": ("every sample counts", lambda p, Z: not p.reals[3].any(axis=0).all()),
    "labels are soft": ("labels are hard", _soft),
    "a class has no sample": ("every class has a sample", lambda p, Z: not p.reals[3].any(axis=1).all()),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """Sides, memory order, the traits and flags of one problem; `dull` where all its logits are 0, so that much cannot show."""

    L: int
    d: int
    n: int
    memory: str
    numbers: tuple[float, ...]
    flags: frozenset[str]
    label: int
    least: float
    dull: bool


def of(problem: Problem) -> Facts:
    """Cheap: a few passes over the logits."""
    Y, Z = problem.reals[3], traits.logits(problem)
    with np.errstate(all="ignore"):
        flags = frozenset(name for name, (_, holds) in FLAGS.items() if holds(problem, Z))
        label = int(np.flatnonzero(Y.any(axis=1)).max(initial=0))
        below = np.where(Y > 0, Z.max(axis=0, keepdims=True) - Z, 0.0).max(initial=0.0)
    found = traits.of(problem)
    return Facts(problem.L, problem.d, problem.n, problem.memory, found, flags, label, float(below), not Z.any())


@dataclass(frozen=True, slots=True)
class Judged:
    """One problem of a run: its facts, and which checks failed and agreed."""

    facts: Facts
    failed: frozenset[str]
    agreed: frozenset[str]


MOST = 20_000  # problems that are kept


@dataclass
class Record:
    """Every problem that was judged, by digest; `whole` where the verdict of each check is known. `earlier` are problems of
    before, of which something was right: they are asked again.
    """

    whole: bool = True
    judged: dict[str, Judged] = field(default_factory=dict)
    earlier: list[Problem] = field(default_factory=list)

    def remember(self, earlier: dict[Problem, Judged]) -> None:
        """What was known before these problems were posed."""
        self.earlier += [problem for problem in earlier if problem.digest not in self.judged]
        self.judged |= {problem.digest: earlier[problem] for problem in self.earlier}

    @classmethod
    def parted(cls, failing: Iterable[Problem], passing: Iterable[Problem], checks: frozenset[str]) -> "Record":
        """Of problems of which is known only whether any of these checks fails."""
        made = cls(whole=False)
        for problem in passing:
            made.judged[problem.digest] = Judged(of(problem), frozenset(), checks)
        for problem in failing:
            made.judged[problem.digest] = Judged(of(problem), checks, frozenset())
        return made

    def add(self, problem: Problem, verdicts: Mapping[str, Verdict]) -> None:
        """What each check said of it."""
        failed = frozenset(name for name, verdict in verdicts.items() if verdict.outcome in FAILURES)
        if len(self.judged) < MOST or failed:
            agreed = frozenset(name for name, verdict in verdicts.items() if verdict.outcome is Outcome.AGREE)
            self.judged[problem.digest] = Judged(of(problem), failed, agreed)
