"""When a campaign ends, and what it has found by then."""

from dataclasses import dataclass, field
from pathlib import Path

from gradcheck.campaign.findings import Finding, Record


@dataclass(frozen=True)
class Budget:
    """When a campaign ends: after so many seconds, so many problems of each of its `dtypes`, or when it is stopped."""

    seconds: float | None = None
    problems: int | None = None
    dtypes: int = 1

    def shards(self, size: int) -> float:
        """How many shards at most: problems are counted in whole shards."""
        return float("inf") if self.problems is None else -(-self.problems // size) * self.dtypes


@dataclass
class Outcome:
    """What a campaign has found so far. `seconds` is this run's own time, `resumed` what an earlier run had finished.

    `ended` says why it could not go on, where it could not; `unshrunk` are problems that failed in shards that were not done.
    """

    records: dict[int, Record] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    resumed: int = 0
    fresh: int = 0
    interrupted: bool = False
    ended: str = ""
    notes: dict[str, None] = field(default_factory=dict)
    unshrunk: list[Path] = field(default_factory=list)

    @property
    def problems(self) -> int:
        """Problems posed, those of an earlier run included."""
        return sum(record.problems for record in self.records.values())

    @property
    def judged(self) -> int:
        """How many verdicts were reached."""
        return sum(sum(record.judged.values()) for record in self.records.values())

    @property
    def rate(self) -> float:
        """Problems a second of this run."""
        return self.fresh / self.seconds if self.seconds else 0.0

    @property
    def new(self) -> list[Finding]:
        """Those that the corpus did not hold before."""
        return [finding for finding in self.findings if not finding.known]

    def ratios(self) -> dict[str, float]:
        """The worst test ratio of each check, the worst first."""
        worst: dict[str, float] = {}
        for record in self.records.values():
            for name, ratio in record.ratios.items():
                worst[name] = max(worst.get(name, 0.0), ratio)
        return dict(sorted(worst.items(), key=lambda item: (-item[1], item[0])))
