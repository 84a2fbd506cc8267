"""One broken file, read: refused in one line, read, or what went wrong."""

import contextlib
import os
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from benchmarks.hostile.kinds import KINDS
from benchmarks.hostile.mutations import broken
from gradcheck.errors import Unusable

SLOW = 20.0  # seconds; a loop without an end takes longer
LONGEST = 2000  # characters of a refusal


@dataclass
class Found:
    """How often each happened, and what failed."""

    tried: int = 0
    refused: int = 0
    read: int = 0
    failed: list[str] = field(default_factory=list)


def outcome(kind: str, place: Path, read: Callable[[Path], object] | None = None) -> str:
    """Empty where it was read, "refused", or what went wrong; `place` holds the broken file. `read` is another reader."""
    made = KINDS[kind]
    before = {path for path in place.parent.rglob("*")}
    start = time.monotonic()
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            (read or made.read)(place / made.entry)
        said = ""
    except Unusable as problem:
        said = "refused"
        if "\n" in str(problem) or len(str(problem)) > LONGEST:
            said = f"a refusal of {len(str(problem))} characters: {str(problem)[:200]!r}"
    except Exception:
        said = traceback.format_exc(limit=-3)
    if time.monotonic() - start > SLOW:
        return f"it took {time.monotonic() - start:.0f} s"
    new = {path for path in place.parent.rglob("*")} - before
    return f"it wrote {sorted(map(str, new))}" if new else said


@contextlib.contextmanager
def whole(kind: str):
    """A folder with a whole file of this kind in it."""
    with tempfile.TemporaryDirectory(prefix="gradcheck-hostile-") as folder:
        place = Path(folder) / "in"
        place.mkdir()
        KINDS[kind].write(place)
        yield place


def attempts(kind: str, count: int, seed: int, read: Callable[[Path], object] | None = None) -> Found:
    """So many broken files of a kind."""
    found = Found()
    with whole(kind) as place:
        files = KINDS[kind].files(place)
        contents = {name: (place / name).read_bytes() for name, _ in files}

        @seeded(seed)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def one(data: st.DataObject) -> None:
            name, form = data.draw(st.sampled_from(files))
            changed = data.draw(broken(form, contents[name]))
            (place / name).write_bytes(changed)
            said = outcome(kind, place, read)
            (place / name).write_bytes(contents[name])
            found.tried += 1
            found.refused += said == "refused"
            found.read += not said
            if said not in ("", "refused"):
                found.failed.append(f"{kind} {name}: {said}\n  {changed[:300]!r}")

        one()
    return found
