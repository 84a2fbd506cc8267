"""A corpus: a folder of cases that is kept, and what is known of them.

    cases/      problems, one JSON file each; arrays of more than `ABOVE` entries as .npy beside
    findings/   what a campaign said of a case: target, check, diagnosis, regime, counts
    pending/    problems that failed and are not shrunk yet
    progress/   finished shards of campaigns that were cut short

Every file is written in one step under a name made of its content, so that any number of processes may write at once.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gradcheck import cases
from gradcheck.cases import Case
from gradcheck.errors import Unusable

ABOVE = 1024  # entries of an array that no one reads in a diff
CASES, FINDINGS, PENDING, PROGRESS = "cases", "findings", "pending", "progress"
SHIPPED = Path(__file__).parent / "corpus_cases"


def paths(folder: Path) -> list[Path]:
    """The files of its cases, by name; also of a plain folder of cases."""
    place = folder / CASES if (folder / CASES).is_dir() else folder
    return sorted(path for path in place.glob("*.json") if not path.name.startswith("."))


Refused = Callable[[Unusable], object]  # is told of a file that cannot be used


def _raised(problem: Unusable) -> None:
    raise problem


def load(folder: Path, refused: Refused = _raised) -> Iterator[tuple[Path, Case]]:
    """Every case with its file. What is none is left to `refused`; by default, `Unusable` names the first of them."""
    if not folder.is_dir():
        raise Unusable(f"no such corpus: {folder}; expected a folder, which `gradcheck corpus add` or `fuzz` makes")
    yield from read(paths(folder), refused)


def read(files: Iterable[Path], refused: Refused) -> Iterator[tuple[Path, Case]]:
    """The cases of these files."""
    for path in files:
        try:
            case = cases.load(path)
            cases.require_alone(case, path)
        except Unusable as problem:
            refused(problem)
        else:
            yield path, case


def add(folder: Path, case: Case) -> Path:
    """Save a case; the same problem with the same check is there once."""
    return cases.save(case, folder / CASES, above=ABOVE)


class Held:
    """Which cases are there. The same problem for the same check is one, whatever the target."""

    def __init__(self, folder: Path | None = None, refused: Refused = _raised) -> None:
        self.keys: set[tuple[str, str]] = set()
        if folder is not None and folder.is_dir():
            self.keys.update((case.problem.digest, case.check) for _, case in load(folder, refused))

    def take(self, case: Case) -> bool:
        """Whether it says something new; it is held from now on."""
        key = (case.problem.digest, case.check)
        new = key not in self.keys
        self.keys.add(key)
        return new


def duplicates(found: Iterable[tuple[Path, Case]]) -> Iterator[Path]:
    """Files that say nothing new: what an earlier file has."""
    held = Held()
    yield from (path for path, case in found if not held.take(case))
