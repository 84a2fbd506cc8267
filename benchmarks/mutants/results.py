"""What was said of each mutant, and what is printed of it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.mutants.changes import Source
from benchmarks.mutants.parts import ROOT, Mutant

DOCUMENT = ROOT / "docs" / "mutants.md"
Row = dict[str, Any]


@dataclass
class Results:
    """What was said of each mutant, kept in a file, one line each; what stands there is not judged again."""

    path: Path
    sources: dict[str, Source] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        """What a process that judged has written."""
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.rows = {row["id"]: row for row in map(json.loads, lines)}

    def said(self, mutant: Mutant) -> str:
        return self.rows.get(mutant.identity, {}).get("said", "")

    def add(self, mutant: Mutant, said: str) -> None:
        shown = self.sources[mutant.path].shown(mutant.number)
        row = {"id": mutant.identity, **asdict(mutant), "shown": shown, "said": said}
        self.rows[row["id"]] = row
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def share(some: int, many: int) -> str:
    return f"{100 * some / max(1, many):.1f} %"


def listed(row: Row) -> str:
    """A survivor as docs/mutants.md lists it."""
    return f"{row['path'].removeprefix('gradcheck/')} {row['function'] or '(module)'}: {row['shown']}"


def survivors(rows: Iterable[Row]) -> list[str]:
    return sorted(listed(row) for row in rows if row["said"] == "survived")


def report(part: str, rows: list[Row]) -> int:
    """Print the score, and the survivors that the document does not list: how many."""
    survived = survivors(rows)
    known = Counter(DOCUMENT.read_text(encoding="utf-8").splitlines()) if DOCUMENT.exists() else Counter()
    unknown = Counter(survived) - known
    killed = len(rows) - len(survived)
    raw, score = share(killed, len(rows)), share(killed, killed + unknown.total())
    print(
        f"{part}: {len(rows)} mutants, {killed} killed ({raw}), {len(survived)} survive; {score} without those listed"
    )
    print("\n".join(f"  {line}" for line in sorted(unknown.elements())) or "  all survivors are listed")
    return unknown.total()


def report_quick(part: str, rows: list[Row]) -> int:
    """Print what share of the killed the quick selection kills, and what it does not see: how many."""
    unseen = survivors(rows)
    print(
        f"{part}: {len(rows)} killed, {len(rows) - len(unseen)} by -m quick ({share(len(rows) - len(unseen), len(rows))})"
    )
    print("\n".join(f"  {line}" for line in unseen))
    return len(unseen)
