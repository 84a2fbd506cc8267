"""A folder of vectors: one file each, and an index that lists them with their SHA-256.

A folder is a set of vectors once its index is there: the index is written last, and taken away first.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gradcheck import cases, foreign
from gradcheck.errors import Unusable
from gradcheck.vectors import form
from gradcheck.vectors.certify import certify
from gradcheck.vectors.form import Vector

SCHEMA = 1
INDEX = "index.json"
SHIPPED = Path(__file__).parent / "shipped"
MADE = ("dtypes", "seed", "count", "regimes")
NAMED = ("name", "file", "sha256", "dtype", "regime")


@dataclass(frozen=True)
class Entry:
    """What the index says of one vector."""

    name: str
    file: str
    sha256: str
    dtype: str
    regime: str


@dataclass(frozen=True)
class Index:
    """The vectors of a folder, by name, and how they came to be: `made` holds gradcheck, dtypes, seed, count and regimes."""

    path: Path
    made: Mapping[str, Any]
    entries: Mapping[str, Entry]

    def vector(self, name: str) -> Vector:
        """One vector of the folder, if its file is what was written."""
        entry = self.entries[name]
        path = self.path / entry.file
        if path.exists() and hashlib.sha256(foreign.data(path, foreign.JSON_MOST)).hexdigest() != entry.sha256:
            raise Unusable(f"{path} is not what was written: its SHA-256 differs from the one in {INDEX}")
        found = form.load(path)
        if (found.name, found.problem.precision.name, found.regime) != (name, entry.dtype, entry.regime):
            raise Unusable(f"{path} holds the vector {found.name}; {INDEX} says {name}")
        return found


# ---- writing ----


def texts(vectors: Iterable[Vector], made: Mapping[str, Any]) -> dict[str, str]:
    """The files of a folder, the index last: name -> text."""
    files, listed = {}, []
    for vector in vectors:
        name, text = f"{vector.name}.json", form.dumps(vector)
        files[name] = text
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry = Entry(vector.name, name, digest, vector.problem.precision.name, vector.regime)
        listed.append({**vars(entry), "opt_in": vector.opt_in})
    head = {"gradcheck_vectors": SCHEMA, "gradcheck": version("gradcheck"), **made}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(f"  {json.dumps(entry)}" for entry in listed)
    files[INDEX] = "{\n" + ",\n".join([*lines, f' "vectors": [\n{rows}\n ]']) + "\n}\n"
    return files


def certified_again(index: Index) -> dict[str, str]:
    """The files of a folder as this version of gradcheck writes them, of the problems that are there."""
    again = (Vector.of(v.problem, v.regime, certify(v.problem)) for v in map(index.vector, index.entries))
    return texts(again, {key: value for key, value in index.made.items() if key in MADE})


def shipped() -> dict[str, str]:
    """The files of the set that ships with gradcheck."""
    names = [*(entry.file for entry in load(SHIPPED).entries.values()), INDEX]
    return {name: (SHIPPED / name).read_text(encoding="utf-8") for name in names}


def replaceable(folder: Path, *, force: bool) -> set[str]:
    """The files in `folder` that may be replaced; `Unusable` where there is anything, unless it is a set and `force` says so."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise Unusable(f"cannot write vectors to {folder}: it is a file; expected a folder")
    if not any(folder.iterdir()):
        return set()
    if not (folder / INDEX).is_file():
        raise Unusable(f"{folder} is not empty and holds no vectors; choose another folder")
    listed = {entry.file for entry in load(folder).entries.values()} | {INDEX}
    if not force:
        raise Unusable(f"{folder} already holds vectors; --force replaces them")
    return listed


def write(folder: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Write all files into `folder`, in the place of a set that is there if `force` says so. Other files are left alone."""
    old = replaceable(folder, force=force)
    clash = next((name for name in files if name not in old and (folder / name).exists()), None)
    if clash:
        raise Unusable(f"{folder / clash} is not one of the vectors there, and is not replaced")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (INDEX, *sorted(old - files.keys())):
            (folder / name).unlink(missing_ok=True)
        for name, text in files.items():
            cases.write(folder / name, text)
    except OSError as problem:
        with contextlib.suppress(OSError):  # what is left has no index, and is not taken for a set
            for name in files:
                (folder / name).unlink(missing_ok=True)
        raise Unusable(f"cannot write vectors to {folder}: {problem.strerror}") from None


# ---- reading ----


def load(folder: Path) -> Index:
    """Read the index of a folder; `Unusable` says what is wrong with a folder that has none."""
    path = folder / INDEX
    if not path.exists():
        what = f"it has no {INDEX}" if folder.is_dir() else "there is no such folder"
        raise Unusable(f"{folder} holds no vectors: {what}; `gradcheck vectors export {folder}` writes some")
    data = cases.parsed(path, "vectors", SCHEMA)
    listed = data.pop("vectors", None)
    if not isinstance(listed, list) or not listed:
        raise Unusable(f"{path} is not a vectors file: entry 'vectors' is no list of vectors")
    entries = [_entry(path, given) for given in listed]
    if len({entry.name for entry in entries}) != len(entries):
        raise Unusable(f"{path} lists a vector twice")
    return Index(folder, data, {entry.name: entry for entry in entries})


def _entry(path: Path, given: Any) -> Entry:
    """An entry of the index; its file must lie in the folder itself."""
    if not isinstance(given, dict):
        raise Unusable(f"{path} is not a vectors file: {repr(given)[:60]} is no entry")
    cases.require_texts(path, "vectors", given, NAMED)
    if given["file"] != f"{given['name']}.json" or not given["name"].replace("-", "").isalnum():
        raise Unusable(f"{path} is not a vectors file: {given['file'][:60]!r} is no file of a vector")
    return Entry(**{key: given[key] for key in NAMED})
