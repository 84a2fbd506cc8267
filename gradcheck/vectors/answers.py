"""Answers: what somebody's code computed for vectors, in one JSON file or a folder of them. Read with suspicion."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import cases
from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.precision import Precision
from gradcheck.vectors.certify import QUANTITIES
from gradcheck.vectors.form import entries, exact

SCHEMA = 1


class Unreadable(Exception):
    """An answer that is no array of numbers of the right shape; the message says what it is and what was expected."""


@dataclass(frozen=True)
class Answers:
    """vector -> quantity -> nested lists, as they were read; and who computed them, if the file says so."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    implementation: str = ""


def load(path: Path) -> Answers:
    """Read a file, or all files *.json of a folder; `Unusable` says what is wrong with one that holds no answers."""
    paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not paths:
        raise Unusable(f"the folder {path} holds no answers: there is no file *.json")
    found: dict[str, dict[str, Any]] = {}
    implementation = ""
    for each in paths:
        data = cases.parsed(each, "answers", SCHEMA)
        implementation = implementation or str(data.get("implementation") or "")
        for vector, quantity, given in _answers(each, data.get("answers")):
            known = found.setdefault(vector, {})
            if quantity in known:
                raise Unusable(f"{each} answers {quantity} of {vector}, which another file has answered")
            known[quantity] = given
    return Answers(found, implementation)


def _answers(path: Path, given: Any) -> Iterator[tuple[str, str, Any]]:
    """Each (vector, quantity, nested lists); a null is no answer."""
    if not isinstance(given, dict) or not all(isinstance(answer, dict) for answer in given.values()):
        raise Unusable(f"{path} is not an answers file: entry 'answers' must map vectors to quantities")
    for vector, answer in given.items():
        for quantity, lists in answer.items():
            if quantity not in QUANTITIES:
                raise Unusable(
                    f"{path} answers {quantity[:60]!r} of {vector[:60]}; expected any of {', '.join(QUANTITIES)}"
                )
            if lists is not None:
                yield vector, quantity, lists


def computed(given: Any, shape: tuple[int, ...], precision: Precision) -> Reals:
    """An answer as float64; `Unreadable` where it is of another shape, or holds what is no number."""
    if _shape(given) != shape:
        swapped = "; it is the transpose" if _shape(given) == shape[::-1] else ""
        raise Unreadable(f"shape {_shape(given)}; expected {shape}{swapped}")
    flat = list(entries(given, shape))
    if len(flat) != np.prod(shape, dtype=int):
        raise Unreadable(f"rows of unequal length; expected shape {shape}")
    places = np.ndindex(shape)
    return np.array([_number(e, p, precision) for e, p in zip(flat, places, strict=True)]).reshape(shape)


def _shape(given: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = ()
    while isinstance(given, list):
        shape, given = (*shape, len(given)), given[0] if given else None
    return shape


def _number(entry: Any, place: tuple[int, ...], precision: Precision) -> float:
    """A text is exact. A JSON number is the number of that precision next to it: what printing its fewest digits stands for."""
    if isinstance(entry, int | float) and not isinstance(entry, bool):
        try:
            return float(precision.round(np.asarray(entry, dtype=np.float64)))
        except OverflowError:  # a whole number beyond float64
            return float("inf") if entry > 0 else float("-inf")
    found = exact(entry)
    if found is None:
        where, shown = f"entry {list(place)}" if place else "the entry", repr(entry)
        shown = shown if len(shown) <= 40 else shown[:37] + "..."
        raise Unreadable(f"{where} is {shown}; expected a JSON number, or a hexadecimal float such as '0x1.8p+0'")
    return found
