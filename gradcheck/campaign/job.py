"""What a campaign poses: a job is a target and its settings, cut into shards that any worker can do.

Shard s poses the same problems whoever does it, and whenever: its seed is made of the campaign's and its number.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from gradcheck import regimes
from gradcheck.settings import Target

SHARD = 200  # problems of a shard
SWARM = 3  # regimes that an odd shard is confined to


@dataclass(frozen=True)
class Job:
    """A target and what is posed to it. `database` is the address of a database of Hypothesis examples, if any."""

    target: Target
    dtypes: tuple[str, ...] = ("float64",)
    checks: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ()
    seed: int = 0
    size: int = SHARD
    database: str = ""

    def dtype_of(self, number: int) -> str:
        """Shards take the precisions in turn."""
        return self.dtypes[number % len(self.dtypes)]

    def seed_of(self, number: int) -> int:
        """The seed of a shard."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{number}".encode()).digest()[:8], "big")

    def regimes_of(self, number: int) -> tuple[str, ...]:
        """Swarm: of two turns of all precisions, one draws from all regimes, the other dwells on a few."""
        turn = number // len(self.dtypes)
        names = regimes.select(self.regimes)
        if turn % 2 == 0 or len(names) <= SWARM:
            return self.regimes or ("*",)
        start = turn // 2 * SWARM
        return tuple(names[(start + k) % len(names)] for k in range(SWARM))

    @property
    def digest(self) -> str:
        """What tells it from other campaigns: its settings, this version, and the text of a target that is a file."""
        said = (
            f"{self.target} {self.dtypes} {self.checks} {self.regimes} {self.seed} {self.size} {version('gradcheck')}"
        )
        return hashlib.sha256(said.encode() + _source(self.target.target) + _source(self.target.loss)).hexdigest()[:16]


def _source(target: str) -> bytes:
    file, found, _ = target.partition(".py")
    path = Path(f"{file}.py")
    return path.read_bytes() if found and path.is_file() else b""
