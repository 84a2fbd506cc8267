"""A dump in a folder, written whole or not at all: .npy files, and layout.json with what is said of them."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.auditing import dump, files, flags
from gradcheck.auditing.given import require_numbers, with_bias
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN
from gradcheck.tensors import array


def write(
    arrays: Mapping[str, Any],
    folder: Path,
    *,
    samples: str = "columns",
    law: CrossEntropy = PLAIN,
    overwrite: bool = False,
    factor: float = 1.0,
    **declared: Any,
) -> Path:
    """Write a folder of .npy files and layout.json, whole or not at all; `Unusable` where these do not make a dump.

    A folder that exists is refused; with `overwrite`, a dump is replaced, and any other folder is refused all the same.
    """
    declared = {**flags.said(arrays.values()), **declared}
    for name, value in arrays.items():
        require_numbers(name, value)
    found = {name: array(value) for name, value in with_bias(arrays).items()}
    unknown = [name for name in found if name not in dump.NAMES]
    if unknown:
        raise Unusable(f"{', '.join(unknown)}: not known; expected any of {', '.join(dump.NAMES)}")
    options: dict[str, Any] = law.said
    declared |= {"factor": factor} if factor != 1 else {}
    told = {} if declared.get("ranks") == "classes" else options  # weights are those of all classes
    dump.of(found, samples=samples, source=str(folder), part=declared.get("ranks") == "classes", **told, **declared)
    require(folder, overwrite)
    whole = {"law": options} if set(options) - {"reduction"} else {}
    said = json.dumps({"samples": samples, "reduction": law.reduction, **whole, **declared}) + "\n"
    temporary = None
    try:
        if declared.get("ranks"):
            folder.parent.mkdir(exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".gradcheck-"))
        for name, value in found.items():
            np.save(temporary / f"{name}.npy", value, allow_pickle=False)
        (temporary / files.LAYOUT).write_text(said, encoding="utf-8")
        _put(temporary, folder)
    except OSError as problem:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        raise Unusable(f"cannot write {folder}: {problem.strerror or problem}") from None
    return folder


def _put(made: Path, folder: Path) -> None:
    """What was made in the place of a folder that may be there, which comes back where that fails."""
    old = made.with_name(f"{made.name}-old")
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(made, folder)
    except OSError:
        if old.exists():
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def require(folder: Path, overwrite: bool) -> None:
    """Raise `Unusable` where a dump cannot be written there: something exists that is not to be replaced, or is no dump."""
    if not (folder.exists() or folder.is_symlink()):
        return
    if not overwrite:
        raise Unusable(f"cannot write {folder}: it exists; choose another folder, or say overwrite=True")
    known = {files.LAYOUT, *(f"{name}.npy" for name in dump.NAMES)}
    if folder.is_symlink() or not folder.is_dir() or not {path.name for path in folder.iterdir()} <= known:
        raise Unusable(
            f"cannot write {folder}: it is no dump that gradcheck.capture has written; choose another folder"
        )
