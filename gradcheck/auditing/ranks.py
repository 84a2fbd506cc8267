"""Dumps of ranks that train together, folders rank.0, rank.1 and so on, as one step: each has its classes, or its samples."""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.arithmetic import FIELDS as ROUNDING
from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.divisors import shares, summed
from gradcheck.auditing.dump import NEEDED
from gradcheck.auditing.rows import cuts
from gradcheck.auditing.sliced import Parts, Summed
from gradcheck.auditing.stated import factor_of
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import FIELDS, SAMPLES

HOW = ("classes", "samples")
REDUCED = ("", "sum", "mean")  # what was done to gradients between the ranks: nothing yet, or what an all-reduce does
MOST = 4096
OF_CLASSES = ("theta", "b", "Z", "A", "grad_theta", "grad_b", "grad_Z")
OF_SAMPLES = ("X", "Y", "Z", "A", "grad_Z", "grad_X", "upstream", "lse")
ENTRIES = 2**22  # that are compared at a time

Arrays = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Ranks:
    """What several folders hold together; `said` is what that changes of what they say, `classes` or `parts` what each has."""

    arrays: Arrays
    said: Mapping[str, Any]
    classes: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    path: str = field(default="", compare=False)


def folders(path: Path) -> list[Path]:
    """Those of the ranks, in order; none where it is the folder of one dump."""
    found = list(itertools.islice(path.glob("rank.*"), MOST + 1)) if path.is_dir() else []
    if len(found) > MOST:
        raise Unusable(f"{path} holds more than {MOST} folders of ranks; expected fewer")
    if found and {folder.name for folder in found} != {f"rank.{r}" for r in range(len(found))}:
        names = ", ".join(sorted(folder.name for folder in found)[:8])
        raise Unusable(f"{path} holds {names}; expected rank.0, rank.1 and so on, without a gap")
    return [path / f"rank.{r}" for r in range(len(found))]


def said(path: Path, each: list[dict[str, Any]]) -> dict[str, Any]:
    """What all of them say; a gradient that one of them has shared is shared."""
    shared: list[Any] = []
    for one in each:
        found = one.get("shared", [])
        shared += [name for name in found if name not in shared] if isinstance(found, list) else [found]
    each = [{**one, **({"shared": shared} if shared else {})} for one in each]
    for r, one in enumerate(each):
        if one != each[0]:
            raise Unusable(
                f"{path}: the layout.json of rank {r} says something else than that of rank 0; expected the same"
            )
        if one.get("ranks") not in HOW or one.get("reduced", "") not in REDUCED:
            raise Unusable(
                f"{path}: layout.json of rank {r} does not say what ranks share; expected ranks: {' or '.join(HOW)}"
            )
    return each[0]


def joined(path: Path, given: Mapping[str, Any], each: Callable[[Path], Mapping[str, Any]]) -> Ranks:
    """The step that they made."""
    found = [dict(each(folder)) for folder in folders(path)]
    for r, arrays in enumerate(found):
        if set(arrays) != set(found[0]):
            more = ", ".join(sorted(set(arrays) ^ set(found[0])))
            raise Unusable(f"{path}: rank {r} and rank 0 do not hold the same arrays ({more}); expected the same")
        _require_shapes(path, r, arrays)
    Arithmetic(**{name: given[name] for name in ROUNDING if name in given})  # or it is refused
    factor_of(given.get("factor", 1.0), str(path))
    return (_classes if given["ranks"] == "classes" else _samples)(str(path), given, found)


def _require_shapes(path: Path, r: int, arrays: Arrays) -> None:
    """`Unusable` where arrays are not of as many dimensions as those of a dump have, whatever their sizes."""
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise Unusable(f"{path}: rank {r} lacks {', '.join(missing)}; expected theta, b, X, Y in every rank")
    for name, array in arrays.items():
        most = {"loss": (0, 1), "Y": (1, 2), "b": (1, 2), "grad_b": (1, 2), "lse": (1,), "upstream": (1,)}.get(
            name, (2,)
        )
        if len(array.shape) not in most or 0 in array.shape or (name == "loss" and math.prod(array.shape) != 1):
            raise Unusable(
                f"{path}: {name} of rank {r} has shape {tuple(array.shape)}; expected what a dump has, and not empty"
            )


def _classes(path: str, given: Mapping[str, Any], found: list[Arrays]) -> Ranks:
    """Rows of classes of one product; samples, labels and results are shared."""
    for name in ("X", "Y", "upstream"):
        _require_same(path, name, found, "expected the same samples in every rank that has its own classes")
    rows = given.get("samples") == "rows"
    whole = dict(found[0])
    for name in whole:
        stored = tuple(arrays[name] for arrays in found)
        if name in OF_CLASSES:
            axis = int(rows and name in ("Z", "A", "grad_Z"))
            whole[name] = _beside(path, name, stored, axis)
        elif name == "grad_X" and _differs(stored) is not None:
            whole[name] = Summed(_alike(path, name, stored))
        elif name in ("loss", "lse"):
            whole[name] = np.stack([np.asarray(one[...]).reshape(-1) for one in _alike(path, name, stored)])
    if "loss" in whole:
        whole["loss"] = whole["loss"].reshape(-1)
    exchanged = "grad_X" in whole and not isinstance(whole["grad_X"], Summed)
    said = {"pieces": max(len(found), given.get("pieces", 1))} if exchanged else {}
    return Ranks(whole, said, classes=tuple(int(arrays["theta"].shape[0]) for arrays in found))


def _samples(path: str, given: Mapping[str, Any], found: list[Arrays]) -> Ranks:
    """Samples of one batch; the parameters are shared, and gradients and losses are added up."""
    k, reduced = len(found), given.get("reduced", "")
    for name in ("theta", "b"):
        _require_same(path, name, found, "expected the same parameters in every rank that has its own samples")
    for name in ("grad_theta", "grad_b") if reduced else ():
        _require_same(path, name, found, f"yet reduced={reduced!r} says that ranks have exchanged theirs")
    rows, whole = given.get("samples") == "rows", dict(found[0])
    for name in whole:
        stored = tuple(arrays[name] for arrays in found)
        if name in OF_SAMPLES:
            axis = 0 if rows or len(stored[0].shape) == 1 else 1
            beside = _beside(path, name, stored, axis)
            apart = reduced == "mean" and name in ("grad_Z", "grad_X")  # which no rank exchanges
            whole[name] = Summed((beside,), over=k) if apart else beside
        elif name in ("grad_theta", "grad_b") and not reduced:
            whole[name] = Summed(_alike(path, name, stored))
    changed: dict[str, Any] = {"factor": given.get("factor", 1.0) / k} if reduced == "mean" else {}
    changed |= {"pieces": max(k, given.get("pieces", 1))} if reduced else {}  # as they were added up
    law = CrossEntropy(**{name: given[name] for name in FIELDS if name in given})
    changed |= {"l2": k * law.l2} if law.l2 else {}  # the loss of each has the penalty
    each = [np.ones(1)] * k
    if law.reduction == "mean" and not isinstance(law.mean_of, int):  # each has a mean of its own
        if "upstream" in whole:
            raise Unusable(
                f"{path}: upstream beside a mean of each rank; expected reduction sum, or a count that all divide by"
            )
        each = shares([_labels(arrays["Y"], rows=rows) for arrays in found], law)
        whole["upstream"] = np.concatenate(each)
        changed |= {"reduction": "sum", "mean_of": SAMPLES}
    if "loss" in whole:
        whole["loss"] = summed(
            [np.asarray(one["loss"]).astype(np.float64).reshape(()) for one in found], each, penalty=bool(law.l2)
        )
    whole = {name: array for name, array in whole.items() if array is not None}
    return Ranks(whole, changed, parts=tuple(_count(arrays["X"], rows=rows) for arrays in found))


def _labels(Y: Any, *, rows: bool) -> Any:
    """(n,), or (n, L)."""
    whole = np.asarray(Y[...] if not isinstance(Y, Parts) else Y[:])
    return whole if whole.ndim == 1 or rows else whole.T


def _count(X: Any, *, rows: bool) -> int:
    return int(X.shape[0 if rows else 1])


def _alike(path: str, name: str, stored: tuple[Any, ...]) -> tuple[Any, ...]:
    for r, one in enumerate(stored):
        if one.shape != stored[0].shape or one.dtype != stored[0].dtype:
            raise Unusable(
                f"{path}: {name} of rank {r} has shape {tuple(one.shape)} and dtype {one.dtype}; expected "
                f"{tuple(stored[0].shape)} and {stored[0].dtype}, as that of rank 0"
            )
    return stored


def _beside(path: str, name: str, stored: tuple[Any, ...], axis: int) -> Any:
    """One after the other; vectors are small."""
    for r, one in enumerate(stored):
        others = [tuple(np.delete(a.shape, axis)) if len(a.shape) > axis else None for a in (one, stored[0])]
        if len(one.shape) != len(stored[0].shape) or others[0] != others[1] or one.dtype != stored[0].dtype:
            raise Unusable(
                f"{path}: {name} of rank {r} has shape {tuple(one.shape)} and dtype {one.dtype}; expected it to continue that of "
                f"rank 0, {tuple(stored[0].shape)} and {stored[0].dtype}"
            )
    return np.concatenate([np.asarray(one[:]) for one in stored]) if len(stored[0].shape) == 1 else Parts(stored, axis)


def _require_same(path: str, name: str, found: list[Arrays], expected: str) -> None:
    if name not in found[0]:
        return
    r = _differs(tuple(arrays[name] for arrays in found))
    if r is not None:
        raise Unusable(f"{path}: rank {r} has another {name} than rank 0; {expected}")


def _differs(stored: tuple[Any, ...]) -> int | None:
    """The first rank that has something else than rank 0."""
    first = stored[0]
    for r, one in enumerate(stored[1:], 1):
        if one.shape != first.shape or one.dtype != first.dtype:
            return r
        each = max(1, ENTRIES // max(1, int(np.prod(first.shape[1:]))))
        parts = [...] if not first.shape else cuts(first.shape[0], each)
        if not all(np.asarray(one[p]).tobytes() == np.asarray(first[p]).tobytes() for p in parts):
            return r
    return None
