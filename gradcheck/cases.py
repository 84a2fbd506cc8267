"""Cases: saved problems, as JSON with hexadecimal floats, which are exact and can be read in a diff.

A case is data: it is read with a schema in hand, and nothing in it is executed. Vectors and answers are read by the same
functions, which are told of what kind a file must be.
"""

import hashlib
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck import filenames, foreign, precision
from gradcheck.checks import CHECKS
from gradcheck.errors import Unusable, a
from gradcheck.law import CrossEntropy
from gradcheck.printable import clipped
from gradcheck.problem import Array, Problem, Reals

SCHEMA = 1
OF_A_LAW = 2  # of a problem whose loss is not the paper's: what knows no options must not read it
SCHEMAS = (SCHEMA, OF_A_LAW)
ARRAYS = ("theta", "b", "X", "Y")
LARGEST = 1 << 30  # bytes of an array in a file of its own


@dataclass(frozen=True)
class Case:
    """A problem, and the check that failed on it and for which target, if any."""

    problem: Problem
    check: str = ""
    target: str = ""


def dumps(case: Case, beside: Mapping[str, str] | None = None) -> str:
    """The text of a case: one row of an array on a line; `beside` names files that hold an array instead."""
    p = case.problem
    head = {
        "gradcheck_case": schema(p.law),
        "check": case.check,
        "target": case.target,
        "dtype": p.precision.name,
        "memory": p.memory,
        **said(p.law),
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


def load(path: Path) -> Case:
    """Read a case; `Unusable` says what is wrong with a file that is none, or is of a check that there is not."""
    return of(path, parsed(path, "case", *SCHEMAS))


def of(path: Path, data: dict[str, Any]) -> Case:
    """The case that such an object is; arrays in files of their own stand beside `path`."""
    require_texts(path, "case", data, ("check", "target", "dtype", "memory"))
    if data["check"] and data["check"] not in CHECKS:  # it becomes the name of a file
        raise Unusable(
            f"{path} is of the check {data['check'][:60]!r}, which there is not; `gradcheck checks` lists them"
        )
    return Case(posed(path, "case", data), data["check"], clipped(data["target"]))


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
    found = {name: _array(path, name, data.get(name), dtype) for name in ARRAYS}
    try:
        law = _law(data, data.get(f"gradcheck_{kind}"))
        return Problem(found["theta"], found["b"], found["X"], found["Y"], data["memory"], law)
    except Unusable as problem:
        raise Unusable(f"{path} holds no valid problem: {problem}") from None


def _law(data: dict[str, Any], schema: object) -> CrossEntropy:
    given = data.get("law", {})
    if given and schema != OF_A_LAW:
        raise Unusable(f"it has a law, which is of schema {OF_A_LAW}")
    if not isinstance(given, dict):
        raise Unusable(f"law is {repr(given)[:60]}; expected an object of options of the loss")
    return CrossEntropy.read(given)


def _array(path: Path, name: str, rows: Any, dtype: np.dtype) -> Array:
    """Rows of hexadecimal floats, or the name of a .npy file beside, as an array that holds exactly these numbers."""
    if isinstance(rows, str):
        return _rounded(path, name, _beside(path, name, rows), dtype)
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
        raise Unusable(f'{path}: {name} is not rows of hexadecimal floats, such as [["0x1.8p+0"]]')
    numbers = [[_exact(path, name, entry) for entry in row] for row in rows]
    if len({len(row) for row in rows}) != 1:
        raise Unusable(f"{path}: {name} has rows of unequal length")
    return _rounded(path, name, np.array(numbers, dtype=np.float64), dtype)


def _beside(path: Path, name: str, file: str) -> Reals:
    """The float64 numbers of a .npy file in the folder of the case, which holds arrays and no objects."""
    if Path(file).name != file or not file.endswith(".npy"):
        raise Unusable(f"{path}: {name} names {file[:60]!r}; expected the name of a .npy file in the same folder")
    try:
        found = foreign.array(path.parent / file, LARGEST)
    except Unusable as problem:
        raise Unusable(f"{path}: {name} cannot be read: {problem}") from None
    if found.dtype != np.float64 or found.ndim != 2:
        raise Unusable(f"{path}: {file} holds no float64 matrix; expected one for {name}")
    return np.asarray(found)


def _rounded(path: Path, name: str, real: Reals, dtype: np.dtype) -> Array:
    with np.errstate(over="ignore"):
        array = real.astype(dtype)
    if not np.array_equal(array.astype(np.float64), real):
        raise Unusable(f"{path}: {name} has numbers that are not exact in {dtype}")
    return array


def _exact(path: Path, name: str, entry: object) -> float:
    """A hexadecimal float as `float.hex` writes it, so that what is read is what stands there."""
    try:
        value = float.fromhex(entry) if isinstance(entry, str) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if value.hex() != entry:
        raise Unusable(f"{path}: {name} holds {repr(entry)[:60]}; expected a hexadecimal float such as {(1.5).hex()!r}")
    return value
