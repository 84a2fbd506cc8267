"""What a campaign writes: records of finished shards while it runs, cases and findings when they are there.

Nothing that goes wrong with a disk ends a campaign: it is told once, and everything is kept in memory.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from gradcheck import cases, corpus
from gradcheck.campaign.findings import FIELDS, SCHEMA, Finding, Key, Record, dumps, loads
from gradcheck.campaign.job import Job
from gradcheck.errors import Unusable
from gradcheck.printable import escaped


class Ledger:
    """The corpus of a campaign, as its one writer. `notes` says what could not be written, once for each reason."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self.target = folder, job.target.name
        self.progress = folder / corpus.PROGRESS / f"{job.digest}.jsonl"
        self.pending = folder / corpus.PENDING / job.digest
        self.notes: dict[str, None] = {}

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except (OSError, Unusable) as problem:
            said = problem.strerror if isinstance(problem, OSError) else str(problem)
            self.notes.setdefault(f"cannot write to the corpus {self.folder}: {said}; the campaign goes on without it")

    # ---- records ----

    def finished(self) -> list[Record]:
        """Shards that an earlier run of the same campaign finished, and was cut short after."""
        try:
            lines = self.progress.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return list({record.number: record for record in map(loads, lines) if record is not None}.values())

    def add(self, record: Record) -> None:
        """One finished shard. A line that was cut short before it stays a line of its own."""
        with self._tolerant():
            self.progress.parent.mkdir(parents=True, exist_ok=True)
            with self.progress.open("a+b") as file:
                file.seek(0, 2)
                torn = file.tell() > 0 and not _ends_line(self.progress)
                file.write((b"\n" if torn else b"") + dumps(record).encode() + b"\n")
        with self._tolerant():
            for path in self.pending.glob(f"{record.number}-*.json"):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """The campaign is complete: the next one begins anew."""
        with self._tolerant():
            self.progress.unlink(missing_ok=True)
            for path in self.unshrunk():
                path.unlink(missing_ok=True)
            if self.pending.is_dir():
                self.pending.rmdir()

    def unshrunk(self) -> list[Path]:
        """Problems that failed in shards that were not finished."""
        return sorted(self.pending.glob("*.json"))

    # ---- findings ----

    def known(self) -> dict[Key, Finding]:
        """What the corpus says of this target."""
        found = (_read(path) for path in sorted((self.folder / corpus.FINDINGS).glob("*.json")))
        return {finding.key: finding for target, finding in filter(None, found) if target == self.target}

    def save(self, findings: Iterable[Finding]) -> list[Finding]:
        """The same findings with their cases in the corpus."""
        return [self._saved(finding) for finding in findings]

    def _saved(self, finding: Finding) -> Finding:
        if finding.file or not finding.case:
            return finding
        with self._tolerant():
            path = self._case(finding)
            saved = replace(finding, file=str(path), known=False)
            place = self.folder / corpus.FINDINGS / f"{finding.check}-{_digest(self.target, finding.key)}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            entry = {key: value for key, value in asdict(saved).items() if key not in ("case", "known")}
            entry["file"] = path.name
            head = {"gradcheck_finding": SCHEMA, "target": self.target}
            cases.write(place, escaped(json.dumps({**head, **entry}, indent=1, ensure_ascii=False)) + "\n")
            return replace(finding, file=str(path))
        return finding

    def _case(self, finding: Finding) -> Path:
        """Its case, read back from its text by the same rules as any file."""
        place = self.folder / corpus.PENDING
        place.mkdir(parents=True, exist_ok=True)
        text = cases.write(place / f".{_digest(self.target, finding.key)}.case", finding.case)
        try:
            return corpus.add(self.folder, cases.load(text))
        finally:
            text.unlink(missing_ok=True)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _digest(target: str, key: Key) -> str:
    return hashlib.sha256("\0".join((target, *key)).encode()).hexdigest()[:16]


def _read(path: Path) -> tuple[str, Finding] | None:
    """A finding that was kept; None for a file that is none."""
    try:
        data = cases.parsed(path, "finding", SCHEMA)
        target = str(data["target"])
        return target, Finding(**{key: data[key] for key in FIELDS if key in data})
    except (Unusable, KeyError, TypeError):
        return None
