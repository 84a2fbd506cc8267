"""What a campaign writes: records of finished shards while it runs, cases and findings when they are there.

Nothing that goes wrong with a disk ends a campaign: it is told once, and everything is kept in memory. What it finds in its files
may be of anybody: what is no record or no finding is told of, and left alone.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from gradcheck import cases, corpus, filenames, foreign
from gradcheck.campaign import records, rescue
from gradcheck.campaign.findings import Finding, Key, Record
from gradcheck.campaign.job import Job
from gradcheck.errors import Unusable
from gradcheck.printable import escaped

# Of a finding's file. When a finding was first seen is no property of it: two runs of one campaign write the same files.
UNWRITTEN = ("case", "known", "first")


PROGRESS_MOST = 256 << 20  # bytes of the records of a campaign: a thousand times what a night leaves


class Ledger:
    """The corpus of a campaign, as its one writer. `notes` says what could not be read or written, once for each reason."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self.target = folder, job.target.name
        self.progress = folder / corpus.PROGRESS / f"{job.digest}.jsonl"
        self.pending = folder / corpus.PENDING / job.digest
        self.notes: dict[str, None] = {}
        self.held: dict[Key, Finding] = {}

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except (OSError, Unusable) as problem:
            cause = problem.__context__ if isinstance(problem, Unusable) else problem
            said = cause.strerror if isinstance(cause, OSError) else str(problem)
            self.notes.setdefault(f"cannot write to the corpus {self.folder}: {said}; the campaign goes on without it")

    # ---- records ----

    def finished(self) -> list[Record]:
        """Shards that an earlier run of the same campaign finished, and was cut short after."""
        found: dict[int, Record] = {}
        none = 0
        with self._readable():
            for number, line in enumerate(_lines(self.progress), 1):
                record = records.loads(line, f"{self.progress}, line {number}")
                if record is not None:
                    found[record.number] = record
                elif line.endswith(b"\n"):  # else it is the last one, of a writer that was killed
                    none += 1
        if none:
            self.notes.setdefault(f"{none} lines of {self.progress} are no records of shards; these are posed again")
        return list(found.values())

    def add(self, record: Record) -> None:
        """One finished shard. A line that was cut short before it stays a line of its own."""
        with self._tolerant():
            if not record.late:
                self.progress.parent.mkdir(parents=True, exist_ok=True)
                with open(self.progress, "a+b", opener=_itself) as file:
                    file.seek(0, 2)
                    torn = file.tell() > 0 and not _ends_line(self.progress)
                    file.write((b"\n" if torn else b"") + records.dumps(record).encode() + b"\n")
        with self._tolerant():
            for path in self.unshrunk([record.number]):
                path.unlink(missing_ok=True)

    def close(self, keep: Collection[Path] = ()) -> None:
        """The campaign is complete: the next one begins anew. Problems of shards that were left out stay."""
        with self._tolerant():
            self.progress.unlink(missing_ok=True)
            for path in self.unshrunk():
                if path not in keep:
                    path.unlink(missing_ok=True)
            if self.pending.is_dir() and not keep:
                self.pending.rmdir()

    def unshrunk(self, shards: Iterable[int] | None = None) -> list[Path]:
        """Problems that failed in shards that were not finished: in all of them, or in these."""
        globs = ["*.json"] if shards is None else [f"{number}-*.json" for number in shards]
        return sorted(path for glob in globs for path in self.pending.glob(glob))

    # ---- findings ----

    def known(self) -> dict[Key, Finding]:
        """What the corpus says of this target."""
        for path in sorted((self.folder / corpus.FINDINGS).glob("*.json")):
            with self._readable():
                data = cases.parsed(path, "finding", records.SCHEMA)
                cases.require_texts(path, "finding", data, ["target"])
                finding = records.finding(data, str(path))
                if data["target"] == self.target:
                    self.held[finding.key] = finding
        return self.held

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except Unusable as problem:
            self.notes.setdefault(f"{problem}; the campaign goes on without it")

    def save(self, findings: Iterable[Finding]) -> list[Finding]:
        """The same findings with their cases in the corpus."""
        return [self._saved(finding) for finding in findings]

    def settled(self, findings: Iterable[Finding], *, again: bool) -> list[Finding]:
        """The same at the end, when the counts of each are known; what the corpus does not take is kept elsewhere.

        `again`: an earlier run of this campaign was cut short, and what is known may be what that run said.
        """
        found = list(findings)
        for finding in found:
            with self._tolerant():
                held = self.held.get(finding.key) if again and finding.known else None
                if held is not None:
                    self._write(replace(held, failed=finding.failed, judged=finding.judged, shard=finding.shard))
                elif finding.file:
                    self._write(finding)
        kept, note = rescue.kept(found, self.folder)
        if note:
            self.notes.setdefault(note)
        return kept

    def _saved(self, finding: Finding) -> Finding:
        if finding.file or finding.known or not finding.case:
            return finding
        with self._tolerant():
            path = corpus.add(self.folder, records.case(finding.case, f"the finding {finding.check}"))
            saved = replace(finding, file=str(path))
            self._write(saved)
            return saved
        return finding

    def _write(self, finding: Finding) -> None:
        """What is said of its case, in one file of its key."""
        place = self.folder / corpus.FINDINGS / f"{filenames.plain(finding.check)}-{self._digest(finding.key)}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        entry = {key: value for key, value in asdict(finding).items() if key not in UNWRITTEN}
        entry["file"] = Path(finding.file).name
        head = {"gradcheck_finding": records.SCHEMA, "target": self.target}
        cases.write(place, escaped(json.dumps({**head, **entry}, indent=1, ensure_ascii=False)) + "\n")

    def _digest(self, key: Key) -> str:
        said = "\0".join((self.target, *key))
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a regular file that is no longer than any of ours; none where there is no file."""
    if path.exists():
        yield from foreign.data(path, PROGRESS_MOST).splitlines(keepends=True)


def _itself(path: str, flags: int) -> int:
    """Open a file of the corpus: no other one that a symbolic link of that name leads to, and nothing that would be waited for."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
