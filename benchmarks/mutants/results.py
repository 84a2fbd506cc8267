"""What was said of each mutant, and what is printed of it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.mutants.changes import Source
from benchmarks.mutants.parts import ROOT, Mutant

UNCALLED = "no property calls it"  # once it is collected: what is then called when modules are imported
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

    def open(self, mutant: Mutant, quick: bool, again: bool) -> bool:
        """Whether it is still to be judged by the quick selection, or by all properties: what that has not killed."""
        row = self.rows.get(mutant.identity, {"said": "", "quick": not quick})
        survived = row["said"] == "survived" and (again or row["quick"] > quick)
        return survived or row["said"] in (("", UNCALLED) if quick else (UNCALLED,))

    def add(self, mutant: Mutant, said: str, quick: bool) -> None:
        shown = self.sources[mutant.path].shown(mutant.number)
        row = {"id": mutant.identity, **asdict(mutant), "shown": shown, "said": said, "quick": quick}
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


def report(part: str, rows: list[Row], quick: bool) -> int:
    """Print the score, and the survivors that the document does not list: how many; and what only the whole suite kills."""
    survived = survivors(rows)
    known = Counter(DOCUMENT.read_text(encoding="utf-8").splitlines()) if DOCUMENT.exists() else Counter()
    unknown = Counter(survived) - known
    killed = [row for row in rows if row["said"] != "survived"]
    late = sorted(f"{listed(row)}  [{row['said']}]" for row in killed if not row["quick"])
    print(
        f"{part}: {len(rows)} mutants, {len(killed)} killed ({share(len(killed), len(rows))}), {len(survived)} survive"
    )
    print(f"  {share(len(killed), len(killed) + unknown.total())} without those listed")
    print(f"  {share(len(killed) - len(late), len(killed))} of the killed by -m quick")
    print("\n".join(f"  survives: {line}" for line in sorted(unknown.elements())) or "  all survivors are listed")
    if quick:
        print("\n".join(f"  late: {line}" for line in late))
    return unknown.total()
