"""How a user names what is to be judged: a target with its layout, or a table [tool.gradcheck.targets.NAME] of pyproject.toml.

    [tool.gradcheck.targets.mine]
    target = "my_model.py:gradients"       # or exec = "./my-softmax --serve"
    samples = "rows"
    loss = { ignore = -100, smoothing = 0.1 }
    dtypes = ["float64", "float32"]
    expected-failures = { softmax = "clips at 1e-7, on purpose" }

The command line and the pytest plugin read the same tables.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from gradcheck import foreign
from gradcheck.arithmetic import FIELDS as ARITHMETIC
from gradcheck.arithmetic import Arithmetic, options
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, Layout, load, losses
from gradcheck.implementations.peer import Limits
from gradcheck.implementations.process import from_command, isolated
from gradcheck.implementations.takes import SAID as TAKES
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.takes import flags as taken
from gradcheck.printable import clipped

LONGEST, DEEPEST = 4096, 64  # characters of a text, and parts of a key
_KEYS = re.compile(r"^[ \t]*(\[[^\n]*|[^\n=#\"']*(?==))", re.MULTILINE)  # tables, and what stands before a =
OLDER = ("reduction",)  # of the loss, which once stood among what is said of the layout
LAYOUT = tuple(f.name for f in fields(Layout) if f.name not in OLDER)
DECLARED = (*LAYOUT, *ARITHMETIC, *OLDER)
LONGEST_CALL = 86_400  # seconds, a day: what waits for a pipe takes no number that is much larger


@dataclass(frozen=True)
class Target:
    """One thing to be judged: `target` names it in Python, or `exec` is the command that serves it."""

    name: str
    target: str = ""
    exec: str = ""
    layout: Mapping[str, Any] = field(default_factory=dict)
    arithmetic: Mapping[str, Any] = field(default_factory=dict)
    law: Mapping[str, Any] = field(default_factory=dict)
    loss: str = ""  # a loss of one's own: file.py:object
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    takes: Mapping[str, Any] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ()
    max_examples: int | None = None
    require: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    threads: bool = False
    isolate: bool = False
    time_limit: float = 10.0
    memory_limit: int = 4096
    configured: bool = False  # whether it stands in a pyproject.toml

    def load(self) -> Implementation:
        """The implementation; raises `Unusable` where it cannot be had."""
        limits = Limits(self.time_limit, self.memory_limit)
        if self.exec:
            found = from_command(self.exec, limits)
        else:
            found = isolated(self.target, limits) if self.isolate else load(self.target, limits)
        if self.layout:
            found = replace(found, layout=replace(found.layout, **self.layout))
        if self.arithmetic:
            found = replace(found, arithmetic=replace(found.arithmetic, **self.arithmetic))
        found = losses.declared(found, self.law, self.loss, self.loss_options)
        if self.takes:
            found = replace(found, takes=replace(found.takes, **self.takes))
        if self.expected_failures:
            found = replace(found, expected_failures={**found.expected_failures, **self.expected_failures})
        return replace(found, name=clipped(self.name), threads=found.threads or self.threads)

    @property
    def words(self) -> tuple[str, ...]:
        """What names it on a command line."""
        named = ("--exec", self.exec) if self.exec else (self.target,)
        limits = {"time_limit": self.time_limit, "memory_limit": self.memory_limit}
        usual = {f.name: f.default for f in fields(Target)}
        said = {name.replace("_", "-"): f"{value:g}" for name, value in limits.items() if value != usual[name]}
        return (
            *named,
            *options({**self.layout, **self.law, **self.arithmetic}),
            *losses.words(self.loss, self.loss_options),
            *taken(self.takes),
            *(("--threads",) if self.threads else ()),
            *(("--isolate",) if self.isolate and not self.exec else ()),
            *(word for name, value in said.items() for word in (f"--{name}", value)),
        )


# ---- pyproject.toml ----


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise ValueError(f"a text of at most {LONGEST} characters")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError("a list of texts")
    return tuple(value)


def _reasons(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(entry, str) and entry for entry in value.values()):
        raise ValueError("a table of checks with the reason of each")
    return {check: clipped(reason) for check, reason in value.items()}


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _seconds(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_CALL:
        raise ValueError(f"a number above 0, up to {LONGEST_CALL}")
    return value


def _takes(value: object) -> dict[str, Any]:
    """What is said of what it takes."""
    if not isinstance(value, dict):
        raise ValueError(f"a table with any of {', '.join(key.replace('_', '-') for key in TAKES)}")
    return Takes.read(value)


def _whole(least: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is not int or value < least:
            raise ValueError(f"a whole number from {least}")
        return value

    return read


READERS: dict[str, Callable[[object], Any]] = {
    "target": _text,
    "exec": _text,
    "dtypes": _texts,
    "checks": _texts,
    "regimes": _texts,
    "require": _texts,
    "max-examples": _whole(1),
    "expected-failures": _reasons,
    "threads": _flag,
    "isolate": _flag,
    "time-limit": _seconds,
    "memory-limit": _whole(0),
    "loss": losses.said,
    "loss-options": losses.table,
    "takes": _takes,
}
NAMED = {"loss": "law"}  # what an entry is called in a Target, where that is not its own name


def configured(folder: Path) -> dict[str, Target]:
    """The targets that the nearest pyproject.toml names, in `folder` or above it; none where there is no such file."""
    for place in (folder, *folder.parents):
        path = place / "pyproject.toml"
        if path.exists():
            return {target.name: target for target in _read(path)}
    return {}


def _read(path: Path) -> Iterator[Target]:
    words = foreign.text(path, foreign.files.MIB)
    if any(
        len(key) > LONGEST or key.count(".") > DEEPEST for key in _KEYS.findall(words)
    ):  # tomllib takes squares of both
        raise Unusable(f"{path} has a key of more than {DEEPEST} parts or {LONGEST} characters")
    with foreign.reading(path, " as TOML"):
        whole = tomllib.loads(words)
    foreign.require_shallow(whole, str(path))
    tool = whole.get("tool", {})
    tables = tool.get("gradcheck", {}) if isinstance(tool, dict) else {}
    where = f"{path}: [tool.gradcheck]"
    if not isinstance(tables, dict) or set(tables) - {"targets"} or not isinstance(tables.get("targets", {}), dict):
        raise Unusable(f"{where} holds {sorted(tables)}; expected tables [tool.gradcheck.targets.NAME]")
    for name, table in tables.get("targets", {}).items():
        found = _target(f"{path}: [tool.gradcheck.targets.{name}]", name, table)
        own = _from(path.parent, found.loss)
        yield replace(found, target=_from(path.parent, found.target), loss=own, configured=True)


def _from(folder: Path, target: str) -> str:
    """The target with its file where the user's pyproject.toml has it, whatever folder the command runs in."""
    file, colon, name = target.partition(".py")
    place = folder / f"{file}.py"
    if not colon or name[:1] not in ("", ":") or not place.is_file():
        return target
    return os.path.relpath(place) + name


def _target(where: str, name: str, table: object) -> Target:
    if not isinstance(table, dict) or ("target" in table) == ("exec" in table):
        raise Unusable(f'{where} needs either target = "file.py:object" or exec = "command"')
    found: dict[str, Any] = {
        kind: {key: value for key, value in table.items() if key in names}
        for kind, names in (("layout", LAYOUT), ("arithmetic", ARITHMETIC))
    }
    for key, value in table.items():
        if key in DECLARED:
            continue
        if key not in READERS:
            raise Unusable(f"{where} has an entry {key!r}; expected any of {', '.join((*READERS, *DECLARED))}")
        try:
            found[NAMED.get(key, key.replace("-", "_"))] = READERS[key](value)
        except ValueError as expected:
            raise Unusable(f"{where}: {key} is {repr(value)[:60]}; expected {expected}") from None
        except Unusable as problem:
            raise Unusable(f"{where}: {problem}") from None
    try:
        Layout(**found["layout"])
        Arithmetic(**found["arithmetic"])
        if isinstance(found.get("law"), str):
            found["loss"] = found.pop("law")
        older = losses.said({key: table[key] for key in OLDER if key in table})
        assert isinstance(older, dict)
        if twice := sorted(set(older) & set(found.get("law", {}))):
            raise Unusable(f"{twice[0]} is said twice; expected it in loss alone")
        found["law"] = {**older, **found.get("law", {})}
    except (Unusable, TypeError) as problem:
        raise Unusable(f"{where}: {problem}") from None
    return Target(name, **found)


def named(name: str, folder: Path) -> Target:
    """The target that a user's word stands for: a name of pyproject.toml, or itself."""
    return configured(folder).get(name) or Target(name, name)
