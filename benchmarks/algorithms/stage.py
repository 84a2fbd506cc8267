"""One stage of an implementation, and the tables in which stages of a kind stand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NEEDS = {
    "": "nothing that docs/bounds.md does not grant",
    "merged": "a log-sum-exp merged from parts, each rounded, at a depth of at most log2 L, rounded up",
    "merged L": "the same at a depth of L - 1",
    "prescaled": "logits multiplied by log2 e, and rounded, before the maximum is subtracted",
    "twice": "the maximum subtracted from log-probabilities again: one more rounding of m - z",
    "rest": "an entry as minus the sum of the others, with the roundings of that sum",
}


@dataclass(frozen=True)
class Stage:
    """A function, what it computes in one line, and the grant (`NEEDS`) without which it may exceed the bounds."""

    function: Callable[..., Any]
    what: str
    needs: str = ""


@dataclass(frozen=True)
class Table:
    """The stages of one kind, by name, in the order in which they were entered."""

    stages: dict[str, Stage]

    def enter(self, what: str, needs: str = "", name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Enter a function under its own name, or another."""

        def entered(function: Callable[..., Any]) -> Callable[..., Any]:
            self.stages[name or function.__name__] = Stage(function, what, needs)
            return function

        return entered


def number(value: float, like: Array) -> Array:
    """A number rounded once to the dtype of an array: bfloat16 and a Python float would be float32."""
    return np.asarray(value).astype(like.dtype)


def wide(values: Array) -> Array:
    """The same numbers where more than twice as many bits are at hand: longdouble is the best there is for float64."""
    return values.astype(np.longdouble if values.dtype.itemsize == 8 else np.float64)
