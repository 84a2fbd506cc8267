"""Findings: distinct failures of a campaign, and the record of a shard. Both are data; `records` writes and reads them."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES

ANY = "any"
UNKNOWN = "no known mistake"
HURRIED = "not diagnosed: the time was up"
# Regimes in which arithmetic is strained, the rarest first: a failure outside of all of them needs none of them.
STRAINED = (
    *("masked-class", "label-mass", "integers", "large", "subnormal", "offset", "far-offset", "exp-edge"),
    *("cancelling", "far-below", "saturated"),
    *("confidently-wrong", "far-column", "memory-F", "memory-strided", "memory-reversed", "memory-read-only", "tiles"),
)

Key = tuple[str, str, str]


def regime_of(problem: Problem) -> str:
    """The strained regime that a problem is in; `any` where it is in none."""
    return next((name for name in STRAINED if REGIMES[name].holds(problem)), ANY)


@dataclass(frozen=True)
class Finding:
    """A check that failed: by a diagnosis, in a regime. `case` is the text of the smallest problem, as a case.

    `failed` of `judged` problems showed it, in shards whose first was `shard`; `first` is when, in seconds from the start.
    """

    check: str
    diagnosis: str
    regime: str
    outcome: str
    said: str
    fix: str = ""
    case: str = ""
    failed: int = 1
    judged: int = 1
    shard: int = 0
    first: float = 0.0
    file: str = ""
    known: bool = False

    @property
    def key(self) -> Key:
        """What makes it distinct."""
        return self.check, self.diagnosis, self.regime

    @property
    def diagnosed(self) -> bool:
        """Whether `diagnosis` is one, and not the want of it."""
        return self.diagnosis not in (UNKNOWN, HURRIED)

    @property
    def rate(self) -> float:
        """The share of problems judged on which it shows."""
        return self.failed / max(self.judged, 1)


@dataclass(frozen=True)
class Record:
    """What one shard found: `judged` and `ratios` (the worst) by check, and its findings.

    `printed` is what the target wrote, in characters, and `notes` what went wrong beside it. `late`: the time was up before it
    was done, and it has what it had by then.
    """

    number: int
    problems: int
    judged: dict[str, int] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    printed: int = 0
    notes: tuple[str, ...] = ()
    late: bool = False


class Merged:
    """The findings of shards, each once. Given shards in their order, not that of their arrival, it is the same for all workers.

    What needs no regime stands for the same in any regime, if it was there first. `known` are keys that a corpus holds.
    """

    def __init__(self, known: Iterable[Key] = ()) -> None:
        self.known = frozenset(known)
        self.found: dict[Key, Finding] = {}
        self.judged: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """The next shard."""
        self.judged.update(record.judged)
        for finding in record.findings:
            key = key_among(finding.key, self.found.keys() | self.known)
            kept = self.found.get(key)
            if kept is None:
                named = replace(finding, diagnosis=key[1], regime=key[2], known=key in self.known)
                self.found[key] = replace(named, shard=record.number)
            else:
                case = kept.case or finding.case
                self.found[key] = replace(kept, failed=kept.failed + finding.failed, case=case)

    def findings(self) -> list[Finding]:
        """All of them, with the number of problems on which their check was judged."""
        return [replace(finding, judged=self.judged[finding.check]) for finding in self.found.values()]


def key_among(key: Key, known: Collection[Key]) -> Key:
    """The key that it is known by, or its own. For want of a diagnosis it is what its check is known for."""
    check, diagnosis, regime = key
    if diagnosis == HURRIED:
        alike = sorted((k for k in known if k[0] == check), key=lambda k: (k[2] != regime, k[2] != ANY, k))
        return alike[0] if alike else key
    general = (check, diagnosis, ANY)
    return general if general in known else key
