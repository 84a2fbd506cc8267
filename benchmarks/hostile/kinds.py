"""Every kind of file that others hand us: a whole one, written into a folder, and what reads it.

Each reader ends by itself or raises `Unusable`, whatever the file holds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import Problem, cases, settings
from gradcheck.auditing.run import audit_path
from gradcheck.cases import Case
from gradcheck.vectors import answers, folder, form, judge

NAME = "it"  # of the file or folder that is read, in the folder of one example


@dataclass(frozen=True)
class Kind:
    """`write` makes a whole one below a folder, `read` reads it; `files` are those that may be broken, and how each is made."""

    write: Callable[[Path], None]
    read: Callable[[Path], object]
    files: tuple[tuple[str, str], ...]  # name, and json, npy, bytes or lines


def step() -> dict[str, Any]:
    """A training step of three classes, in float64."""
    rng = np.random.default_rng(0)
    theta, b, X, y = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(2, 6)), np.arange(6) % 3
    Z = theta @ X + b[:, None]
    A = np.exp(Z - Z.max(axis=0))
    A /= A.sum(axis=0)
    D = (A - np.eye(3)[:, y]) / 6
    loss = -np.log(A[y, np.arange(6)]).mean()
    return {"theta": theta, "b": b, "X": X, "Y": y, "Z": Z, "grad_theta": D @ X.T, "loss": np.array(loss)}


def _audit(path: Path) -> object:
    return audit_path(path, probes=8)


def _folder(place: Path) -> None:
    (place / NAME).mkdir()
    for name, array in step().items():
        np.save(place / NAME / f"{name}.npy", array)
    (place / NAME / "layout.json").write_text(json.dumps({"samples": "columns", "reduction": "mean"}))


def _parts(place: Path) -> None:
    _folder(place)
    np.save(place / NAME / "X.0.npy", step()["X"][:, :2])
    np.save(place / NAME / "X.1.npy", step()["X"][:, 2:])
    (place / NAME / "X.npy").unlink()


def _safetensors(place: Path) -> None:
    """As the format has it, so that the package is not needed."""
    head, body = {}, b""
    kinds = {"float64": "F64", "int64": "I64"}
    for name, array in step().items():
        head[name] = {
            "dtype": kinds[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + array.nbytes],
        }
        body += array.tobytes()
    text = json.dumps(head).encode()
    (place / f"{NAME}.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)


def _zarr_2(place: Path) -> None:
    root = place / NAME
    root.mkdir()
    (root / ".zgroup").write_text('{"zarr_format": 2}')
    for name, array in step().items():
        (root / name).mkdir()
        told = {
            "zarr_format": 2,
            "shape": list(array.shape),
            "chunks": list(array.shape),
            "dtype": array.dtype.str,
            "compressor": None,
            "filters": None,
            "fill_value": 0,
            "order": "C",
        }
        (root / name / ".zarray").write_text(json.dumps(told))
        (root / name / (".".join("0" * array.ndim) or "0")).write_bytes(array.tobytes())


def _zarr_3(place: Path) -> None:
    root = place / NAME
    root.mkdir()
    (root / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    for name, array in step().items():
        (root / name).mkdir()
        chunk = root / name / "/".join(["c", *("0" * array.ndim)])
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(array.tobytes())
        told = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(array.shape),
            "data_type": array.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(array.shape)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            "attributes": {},
        }
        (root / name / "zarr.json").write_text(json.dumps(told))


def _case(place: Path) -> None:
    given = step()
    p = Problem(given["theta"], given["b"][:, None], given["X"], np.eye(3)[:, given["Y"]])
    (place / f"{NAME}.json").write_text(cases.dumps(Case(p, "softmax", "numpy"), {"X": "X.npy"}))
    np.save(place / "X.npy", given["X"])


@cache
def _files() -> dict[str, str]:
    """A set of one of the vectors that ship: its file, and the index."""
    index = folder.load(folder.SHIPPED)
    return folder.texts([index.vector(next(iter(index.entries)))], index.made)


def _vectors(place: Path) -> None:
    folder.write(place / NAME, _files())


def _vector(place: Path) -> None:
    (place / f"{NAME}.json").write_text(_files()[next(iter(_files()))])


def _read_vectors(path: Path) -> object:
    index = folder.load(path)
    return [index.vector(name) for name in index.entries]


def _answers(place: Path) -> None:
    _vectors(place)
    told = json.loads(_files()[next(iter(_files()))])
    given = {key: value["value"] for key, value in told["quantities"].items()}
    text = {"gradcheck_answers": 1, "implementation": "mine", "answers": {told["name"]: given}}
    (place / f"{NAME}.json").write_text(json.dumps(text))


def _read_answers(path: Path) -> object:
    return judge(folder.load(path.parent / NAME), answers.load(path))


SETTINGS = """[tool.gradcheck.targets.mine]
target = "model.py:gradients"
samples = "rows"
dtypes = ["float64"]
time-limit = 5.0
expected-failures = { softmax = "clips" }
"""


def _settings(place: Path) -> None:
    (place / NAME).mkdir()
    (place / NAME / "pyproject.toml").write_text(SETTINGS)


ARRAYS = tuple((f"{NAME}/{name}.npy", "npy") for name in ("theta", "b", "X", "Y", "Z", "loss"))
KINDS: dict[str, tuple[Kind, str]] = {
    "case": (Kind(_case, cases.load, ((f"{NAME}.json", "json"), ("X.npy", "npy"))), f"{NAME}.json"),
    "folder": (Kind(_folder, _audit, (*ARRAYS, (f"{NAME}/layout.json", "json"))), NAME),
    "parts": (Kind(_parts, _audit, ((f"{NAME}/X.0.npy", "npy"), (f"{NAME}/X.1.npy", "npy"))), NAME),
    "npz": (
        Kind(lambda place: np.savez(place / NAME, **step()), _audit, ((f"{NAME}.npz", "bytes"),)),
        f"{NAME}.npz",
    ),
    "safetensors": (Kind(_safetensors, _audit, ((f"{NAME}.safetensors", "safetensors"),)), f"{NAME}.safetensors"),
    "zarr 2": (
        Kind(
            _zarr_2, _audit, ((f"{NAME}/X/.zarray", "json"), (f"{NAME}/b/.zarray", "json"), (f"{NAME}/X/0.0", "bytes"))
        ),
        NAME,
    ),
    "zarr 3": (
        Kind(
            _zarr_3,
            _audit,
            ((f"{NAME}/X/zarr.json", "json"), (f"{NAME}/b/zarr.json", "json"), (f"{NAME}/X/c/0/0", "bytes")),
        ),
        NAME,
    ),
    "vectors": (Kind(_vectors, _read_vectors, ((f"{NAME}/index.json", "json"),)), NAME),
    "vector": (Kind(_vector, form.load, ((f"{NAME}.json", "json"),)), f"{NAME}.json"),
    "answers": (Kind(_answers, _read_answers, ((f"{NAME}.json", "json"),)), f"{NAME}.json"),
    "settings": (Kind(_settings, settings.configured, ((f"{NAME}/pyproject.toml", "text"),)), NAME),
}
