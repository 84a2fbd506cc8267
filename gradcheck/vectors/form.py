"""The form of one vector: a JSON file with a problem, as in a case, and the certified quantities. schema.json says the same.

Numbers are hexadecimal floats, which are exact in every language that can read C's `%a`; infinities are the texts inf and -inf.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import cases
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.errors import Unusable
from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES
from gradcheck.vectors.certify import LATER, QUANTITIES, Certified

NUMBER = re.compile(r"[+-]?(0[xX]([0-9a-fA-F]+(\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][+-]?[0-9]{1,5}|inf|nan)")


@dataclass(frozen=True, eq=False)
class Vector:
    """A problem, the regime that it was posed for, and the certified value of every quantity."""

    name: str
    regime: str
    problem: Problem
    quantities: Mapping[str, Certified]

    @classmethod
    def of(cls, problem: Problem, regime: str, quantities: Mapping[str, Certified]) -> "Vector":
        """Named after its dtype, its regime and a digest of the problem, so that answers find no other problem."""
        return cls(f"{problem.precision.name}-{regime}-{problem.digest[:8]}", regime, problem, quantities)

    @property
    def opt_in(self) -> bool:
        """Whether its regime is outside the paper's contract."""
        return REGIMES[self.regime].opt_in


# ---- numbers ----


def hexadecimal(value: float) -> str:
    """As `float.hex`, without the zeros at the end of the significand."""
    significand, power, exponent = float(value).hex().partition("p")
    return (significand.rstrip("0").rstrip(".") if "." in significand else significand) + power + exponent


def exact(text: object) -> float | None:
    """What a text such as 0x1.8p+0, -inf or nan stands for; None where it is no such text. A decimal fraction is none."""
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        return None
    try:
        return float.fromhex(text)
    except OverflowError:  # beyond float64
        return -math.inf if text.startswith("-") else math.inf


# ---- writing ----


def dumps(vector: Vector) -> str:
    """The text of a vector: one row of an array on a line."""
    p = vector.problem
    head = {
        "gradcheck_vector": cases.schema(p.law),
        "name": vector.name,
        "regime": vector.regime,
        "opt_in": vector.opt_in,
        "dtype": p.precision.name,
        "memory": p.memory,
        **cases.said(p.law),
    }
    entries = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()] + cases.arrays(p)
    found = ",\n".join(f'  "{name}": {{\n{_fields(c)}\n  }}' for name, c in vector.quantities.items())
    return "{\n" + ",\n".join([*entries, f' "quantities": {{\n{found}\n }}']) + "\n}\n"


def _fields(c: Certified) -> str:
    parts = {"value": c.enclosure.midpoint, "radius": c.enclosure.radius, "allowed": c.allowed}
    return ",\n".join(f'   "{name}": {_nested(np.asarray(array))}' for name, array in parts.items())


def _nested(array: Reals) -> str:
    if array.ndim == 0:
        return f'"{hexadecimal(float(array))}"'
    rows = ("    [" + ", ".join(f'"{hexadecimal(entry)}"' for entry in row) + "]" for row in array)
    return "[\n" + ",\n".join(rows) + "\n   ]"


# ---- reading ----


def load(path: Path) -> Vector:
    """Read a vector; `Unusable` says what is wrong with a file that is none."""
    data = cases.parsed(path, "vector", *cases.SCHEMAS)
    cases.require_texts(path, "vector", data, ("name", "regime", "dtype", "memory"))
    if data["regime"] not in REGIMES:
        raise Unusable(f"{path}: regime {data['regime'][:60]!r} is not known to this version of gradcheck")
    problem, given = cases.posed(path, "vector", data), data.get("quantities")
    if not isinstance(given, dict) or {*given} | LATER != {*QUANTITIES}:
        raise Unusable(f"{path} is not a vector file: quantities must be {', '.join(QUANTITIES)}")
    shapes = {name: quantity.shape(problem.L, problem.d, problem.n) for name, quantity in QUANTITIES.items()}
    found = {name: _certified(f"{path}: {name}", given[name], shapes[name]) for name in QUANTITIES if name in given}
    return Vector(data["name"], data["regime"], problem, found)


def _certified(where: str, given: Any, shape: tuple[int, ...]) -> Certified:
    if not isinstance(given, dict) or sorted(given) != ["allowed", "radius", "value"]:
        raise Unusable(f"{where} is not made of value, radius and allowed")
    value, radius, allowed = (_array(f"{where}: {key}", given[key], shape) for key in ("value", "radius", "allowed"))
    if not ((radius >= 0).all() and (allowed >= 0).all() and not np.isnan(value).any()):
        raise Unusable(f"{where} has a negative radius or allowance, or a value that is not a number")
    return Certified(Enclosure(value, radius), allowed)


def _array(where: str, given: Any, shape: tuple[int, ...]) -> Reals:
    numbers = [exact(entry) for entry in entries(given, shape)]
    if len(numbers) != math.prod(shape) or None in numbers:
        raise Unusable(f"{where} is not an array of shape {shape} of hexadecimal floats")
    return np.array(numbers, dtype=np.float64).reshape(shape)


def entries(given: Any, shape: tuple[int, ...]) -> Iterator[Any]:
    """The entries of nested lists, row by row; nothing of what has another shape."""
    if not shape:
        yield given
    elif isinstance(given, list) and len(given) == shape[0]:
        for part in given:
            yield from entries(part, shape[1:])
