"""Cases: saved problems, as JSON with hexadecimal floats, which are exact and can be read in a diff.

A case is data: it is read with a schema in hand, and nothing in it is executed. Vectors and answers are read by the same
functions, which are told of what kind a file must be.
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck import filenames, foreign, hexadecimal, precision
from gradcheck.checks import CHECKS
from gradcheck.errors import Unusable, a
from gradcheck.law import CrossEntropy
from gradcheck.printable import clipped
from gradcheck.problem import Array, Problem, Reals
from gradcheck.shares import Shares

SCHEMA = 1
OF_A_LAW = 2  # of a problem whose loss is not the paper's: what knows no options must not read it
SCHEMAS = (SCHEMA, OF_A_LAW)
OF_RANKS = 3  # of a case alone: what knows no ranks would pose it to one process, where it is another thing
ARRAYS = ("theta", "b", "X", "Y")
MOST_CALLS = 4096  # that are made before a case is judged


@dataclass(frozen=True)
class Case:
    """A problem, and the check that failed on it and for which target, if any.

    `calls` is how often the target must have been called with it before: of code that keeps something between calls. `shares` say
    how the problem was shared out, of a target that computes on several ranks.
    """

    problem: Problem
    check: str = ""
    target: str = ""
    calls: int = 0
    shares: Shares | None = None


def dumps(case: Case, beside: Mapping[str, str] | None = None) -> str:
    """The text of a case: one row of an array on a line; `beside` names files that hold an array instead."""
    p = case.problem
    head = {
        "gradcheck_case": OF_RANKS if case.shares else schema(p.law),
        "check": case.check,
        "target": case.target,
        "dtype": p.precision.name,
        "memory": p.memory,
        **said(p.law),
        **({"calls": case.calls} if case.calls else {}),
        **({"ranks": case.shares.said} if case.shares else {}),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    return "{\n" + ",\n".join([*lines, *arrays(p, beside or {})]) + "\n}\n"


def schema(law: CrossEntropy) -> int:
    """The version of the form that a file about such a problem has."""
    return SCHEMA if law.plain else OF_A_LAW


def said(law: CrossEntropy) -> dict[str, Any]:
    """The entry law, where there is one."""
    return {} if law.plain else {"law": law.said}


def arrays(problem: Problem, beside: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """The entries theta, b, X and Y of a JSON object."""
    return [
        f' "{name}": {json.dumps(beside[name])}' if name in beside else f' "{name}": [\n{_rows(array)}\n ]'
        for name, array in zip(ARRAYS, problem.reals, strict=True)
    ]


def _rows(array: Array) -> str:
    rows = ("  [" + ", ".join(f'"{float(entry).hex()}"' for entry in row) + "]" for row in array)
    return ",\n".join(rows)


def save(case: Case, folder: Path, *, above: int | None = None) -> Path:
    """Write the case into `folder` under a name made of its check and a digest of its text, whole or not at all.

    The same case is written once; another case of the same name is never overwritten. Arrays of more than `above` entries
    stand in .npy files beside it, which are named by their content and written first.
    """
    large = {
        name: array for name, array in zip(ARRAYS, case.problem.reals, strict=True) if above and array.size > above
    }
    files = {name: _npy(array) for name, array in large.items()}
    names = {name: f"{hashlib.sha256(content).hexdigest()[:16]}.npy" for name, content in files.items()}
    text = dumps(case, names)
    digest = hashlib.sha256(text.encode()).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            if not (folder / names[name]).exists():
                write_bytes(folder / names[name], content)
        for length in range(8, len(digest) + 1, 8):
            path = folder / f"{filenames.plain(case.check or 'problem')}-{digest[:length]}.json"
            if not path.exists():
                return write(path, text)
            if path.read_bytes() == text.encode():
                return path
    except OSError as problem:
        raise Unusable(
            f"cannot save a case in {folder}: {problem.strerror}; choose another folder with --cases"
        ) from None
    raise Unusable(f"{folder} already holds other cases of this problem's name; choose another folder with --cases")


def _npy(array: Reals) -> bytes:
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array), allow_pickle=False)
    return content.getvalue()


def write(path: Path, text: str) -> Path:
    """Write a text in one step, so that a reader never meets half of it. Its mode is what it was, or what the umask leaves."""
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file in one step, as `write` does."""
    mask = os.umask(0)
    os.umask(mask)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".gradcheck-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def prepare(folder: Path) -> None:
    """Raise `Unusable` where no case could be saved in `folder`; nothing is created."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise Unusable(
            f"cannot save cases in {folder}: {place} is no folder that can be written to; choose one with --cases"
        )


def load(path: Path | str) -> Case:
    """Read a case; `Unusable` says what is wrong with a file that is none, or is of a check that there is not."""
    path = Path(path)
    return of(path, parsed(path, "case", *SCHEMAS, OF_RANKS))


def of(path: Path, data: dict[str, Any]) -> Case:
    """The case that such an object is; arrays in files of their own stand beside `path`."""
    require_texts(path, "case", data, ("check", "target", "dtype", "memory"))
    if data["check"] and data["check"] not in CHECKS:  # it becomes the name of a file
        raise Unusable(
            f"{path} is of the check {data['check'][:60]!r}, which there is not; `gradcheck checks` lists them"
        )
    calls = data.get("calls", 0)
    if type(calls) is not int or not 0 <= calls <= MOST_CALLS:
        raise Unusable(f"{path}: calls is {repr(calls)[:60]}; expected a whole number up to {MOST_CALLS}")
    return Case(posed(path, "case", data), data["check"], clipped(data["target"]), calls, _shares(path, data))


def _shares(path: Path, data: dict[str, Any]) -> Shares | None:
    """How it was shared out; that is there in the schema of ranks, and in no other."""
    given, of_ranks = data.get("ranks"), data["gradcheck_case"] == OF_RANKS
    if not of_ranks and given is None:
        return None
    try:
        if not of_ranks:
            raise Unusable(f"it has ranks, which are of schema {OF_RANKS}")
        return Shares.read(given)
    except Unusable as problem:
        raise Unusable(f"{path} is not a case file of ranks: {problem}") from None


def require_alone(case: Case, path: Path) -> None:
    """`Unusable` for a case of several ranks, which one process cannot be judged on."""
    if case.shares:
        raise Unusable(
            f"{path} is a case of {case.shares.count}; only `gradcheck replay {path} SCRIPT:FUNCTION` judges it"
        )


def parsed(path: Path, kind: str, *schemas: int) -> dict[str, Any]:
    """The object in a file of this kind, which says so by an entry `gradcheck_<kind>` with the version of its schema."""
    if not path.exists():
        raise Unusable(f"no such {kind} file: {path}")
    data = foreign.parsed(foreign.text(path), str(path), f"{a(kind)} file")
    version = data.get(f"gradcheck_{kind}") if isinstance(data, dict) else None
    if type(version) is not int or version not in schemas:
        known = " or ".join(map(str, schemas))
        raise Unusable(f'{path} is not {a(kind)} file of schema {known}: it has no entry "gradcheck_{kind}": {known}')
    found: dict[str, Any] = data
    return found


def require_texts(path: Path, kind: str, data: dict[str, Any], keys: Iterable[str]) -> None:
    """`Unusable` where one of these entries is no text."""
    for key in keys:
        if not isinstance(data.get(key), str):
            raise Unusable(f"{path} is not {a(kind)} file: entry {key!r} is {repr(data.get(key))[:60]}; expected text")


def posed(path: Path, kind: str, data: dict[str, Any]) -> Problem:
    """The problem made of the entries dtype, memory, theta, b, X and Y, and perhaps law, of a file of this kind."""
    dtype = precision.named(data["dtype"]).dtype
    found = {name: hexadecimal.array(path, name, data.get(name), dtype) for name in ARRAYS}
    try:
        law = _law(data, data.get(f"gradcheck_{kind}"))
        return Problem(found["theta"], found["b"], found["X"], found["Y"], data["memory"], law)
    except Unusable as problem:
        raise Unusable(f"{path} holds no valid problem: {problem}") from None


def _law(data: dict[str, Any], schema: object) -> CrossEntropy:
    given = data.get("law", {})
    if given and schema not in (OF_A_LAW, OF_RANKS):
        raise Unusable(f"it has a law, which is of schema {OF_A_LAW}")
    if not isinstance(given, dict):
        raise Unusable(f"law is {repr(given)[:60]}; expected an object of options of the loss")
    return CrossEntropy.read(given)
