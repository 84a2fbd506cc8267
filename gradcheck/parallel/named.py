"""By which name other processes find a function; and what a run on ranks is asked, as far as it can be refused at once."""

import inspect
import os
from pathlib import Path
from typing import Any

from gradcheck.arithmetic import Arithmetic
from gradcheck.errors import Unusable, require_kind, typed
from gradcheck.law import CrossEntropy
from gradcheck.parallel.rank import MARK
from gradcheck.settings import LONGEST_CALL

# Of each: its types, the least that it may be, and the most.
NUMBERS: dict[str, tuple[Any, float, float]] = {
    "max_examples": (int, 1, 2**31),
    "seed": (int, 0, 2**63),
    "time_limit": (int | float, 0.001, LONGEST_CALL),
    "memory_limit": (int, 0, 2**40),
}


def word(target: Any) -> str:
    """`file.py:function` or `package.module:function`, of a function that stands in a file."""
    if isinstance(target, str):
        found = target if ":" in target else f"{target}:loss"
        place = found.rpartition(":")[0]
        if not (place.endswith(".py") or set(place) & set("/\\") or all(map(str.isidentifier, place.split(".")))):
            raise Unusable(f"{target!r:.60} names no script; expected file.py:function or package.module:function")
        return found
    if isinstance(target, Path):
        return f"{target}:loss"
    name = getattr(target, "__qualname__", "")
    try:
        file = inspect.getsourcefile(target)
    except TypeError:
        file = None
    if not file or not name or "<" in name or file.startswith("<"):
        raise Unusable(
            f"{typed(target)} {name!r:.60} cannot be found by other processes; expected a function of a file, or its name"
        )
    return f"{file}:{name}"


def counts(given: Any, *, alone: bool) -> tuple[int, ...]:
    """Numbers of ranks, each once; one process first, where it is judged `alone`."""
    listed = [given] if isinstance(given, int) else given
    if isinstance(listed, str) or not hasattr(listed, "__iter__"):
        raise Unusable(f"ranks is {given!r:.60}; expected numbers of processes, such as (2, 3)")
    found = tuple(dict.fromkeys((*((1,) if alone else ()), *listed)))
    if not found:
        raise Unusable("no number of ranks is given, and one process is left out; expected such as (2, 3)")
    return found


def require(law: Any, arithmetic: Any, **numbers: Any) -> None:
    """`Unusable` for a law or an arithmetic that is none, or of one's own, for numbers beyond their range, and in a rank."""
    if MARK in os.environ:  # it would begin ranks that load the script, which begins ranks
        raise Unusable(
            'this script is loaded by a rank, and begins ranks; expected that below `if __name__ == "__main__":`'
        )
    if getattr(law, "own", False):
        raise Unusable("a loss of one's own is not judged on ranks; expected a cross-entropy and its options")
    require_kind("law", law, CrossEntropy)
    require_kind("arithmetic", arithmetic, Arithmetic)
    for name, value in numbers.items():
        types, least, most = NUMBERS[name]
        if isinstance(value, bool) or not isinstance(value, types) or not least <= value <= most:
            raise Unusable(f"{name} is {value!r:.60}; expected a {'whole ' * (types is int)}number from {least:g}")
