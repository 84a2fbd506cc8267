"""Every kind of file that others hand us: a whole one, written into a folder, and what reads it.

Each reader ends by itself or raises `Unusable`, whatever the file holds.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import Problem, cases, corpus, settings
from gradcheck.auditing.run import audit_path
from gradcheck.campaign.findings import Finding, Record
from gradcheck.campaign.job import Job
from gradcheck.campaign.ledger import Ledger
from gradcheck.campaign.saved import replayed
from gradcheck.cases import Case
from gradcheck.settings import Target
from gradcheck.shares import Shares
from gradcheck.vectors import answers, folder, form, judge

NAME = "it"  # of the file or folder that is read, in the folder of one example


@dataclass(frozen=True)
class Kind:
    """`write` makes a whole one below a folder, `read` reads it at `entry`; `broken` are patterns of its files, and of what form
    these are.
    """

    entry: str
    write: Callable[[Path], None]
    read: Callable[[Path], object]
    broken: tuple[tuple[str, str], ...]

    def files(self, place: Path) -> list[tuple[str, str]]:
        """The name and the form of each file below this folder that may be broken."""
        found = ((path, form) for pattern, form in self.broken for path in sorted(place.glob(pattern)))
        return [(str(path.relative_to(place)), form) for path, form in found]


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
            "compressor": {"id": "zlib", "level": 1},
            "filters": [{"id": "delta", "dtype": array.dtype.str}] if name == "Y" else None,
            "fill_value": 0,
            "order": "C",
        }
        (root / name / ".zarray").write_text(json.dumps(told))
        (root / name / ".zattrs").write_text('{"note": "of any kind"}')
        numbers = np.concatenate([array[:1], np.diff(array)]) if name == "Y" else array
        (root / name / (".".join("0" * array.ndim) or "0")).write_bytes(zlib.compress(numbers.tobytes()))


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


def _case(place: Path, shares: Shares | None = None) -> None:
    given = step()
    p = Problem(given["theta"], given["b"][:, None], given["X"], np.eye(3)[:, given["Y"]])
    (place / f"{NAME}.json").write_text(cases.dumps(Case(p, "softmax", "numpy", shares=shares), {"X": "X.npy"}))
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


JOB = Job(Target("numpy", "numpy"), size=2)


def _corpus(place: Path) -> None:
    """What an interrupted campaign leaves."""
    given = step()
    p = Problem(given["theta"], given["b"][:, None], given["X"], np.eye(3)[:, given["Y"]])
    found = Finding(
        "softmax", "a column is off", "any", "disagree", "off by 3", case=cases.dumps(Case(p, "softmax", "numpy"))
    )
    ledger = Ledger(place / NAME, JOB)
    saved = ledger.save([found])
    ledger.add(Record(0, 2, {"softmax": 2}, {"softmax": 1.5}, tuple(saved), notes=("a note",)))
    ledger.add(Record(1, 2, {"softmax": 2}))


def _campaign(path: Path) -> object:
    ledger = Ledger(path, JOB)
    return ledger.known(), ledger.finished(), replayed(JOB, path), list(corpus.load(path))


ARRAYS = tuple((f"{NAME}/{name}.npy", "npy") for name in ("theta", "b", "X", "Y", "Z", "loss"))
ZARR_2 = (
    (f"{NAME}/*/.zarray", "json"),
    (f"{NAME}/X/.zattrs", "json"),
    (f"{NAME}/X/0.0", "bytes"),
    (f"{NAME}/Y/0", "bytes"),
)
ZARR_3 = ((f"{NAME}/*/zarr.json", "json"), (f"{NAME}/X/c/0/0", "bytes"))
CORPUS = ((f"{NAME}/cases/*.json", "json"), (f"{NAME}/findings/*.json", "json"), (f"{NAME}/progress/*.jsonl", "lines"))
KINDS = {
    "case": Kind(f"{NAME}.json", _case, cases.load, ((f"{NAME}.json", "json"), ("X.npy", "npy"))),
    "ranks": Kind(f"{NAME}.json", partial(_case, shares=Shares()), cases.load, ((f"{NAME}.json", "json"),)),
    "corpus": Kind(NAME, _corpus, _campaign, CORPUS),
    "folder": Kind(NAME, _folder, _audit, (*ARRAYS, (f"{NAME}/layout.json", "json"))),
    "parts": Kind(NAME, _parts, _audit, ((f"{NAME}/X.*.npy", "npy"),)),
    "npz": Kind(f"{NAME}.npz", lambda place: np.savez(place / NAME, **step()), _audit, ((f"{NAME}.npz", "bytes"),)),
    "safetensors": Kind(f"{NAME}.safetensors", _safetensors, _audit, ((f"{NAME}.safetensors", "safetensors"),)),
    "zarr 2": Kind(NAME, _zarr_2, _audit, ZARR_2),
    "zarr 3": Kind(NAME, _zarr_3, _audit, ZARR_3),
    "vectors": Kind(NAME, _vectors, _read_vectors, ((f"{NAME}/index.json", "json"),)),
    "vector": Kind(f"{NAME}.json", _vector, form.load, ((f"{NAME}.json", "json"),)),
    "answers": Kind(f"{NAME}.json", _answers, _read_answers, ((f"{NAME}.json", "json"),)),
    "settings": Kind(NAME, _settings, settings.configured, ((f"{NAME}/pyproject.toml", "text"),)),
}
