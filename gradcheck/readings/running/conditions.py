"""Comparisons of what is known up to an error, and the choice between two by one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.enclosure import outward
from gradcheck.problem import Array
from gradcheck.readings.running.parts import Parts, floored


class Condition:
    """What a comparison says, entry by entry, and where the errors leave no doubt about it."""

    def __init__(self, value: Array, sure: Array) -> None:
        self.value, self.sure = value, sure

    def __invert__(self) -> "Condition":
        return Condition(~self.value, self.sure)

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(self.value & other.value, self.sure & other.sure)

    def sum(self) -> int:
        """In how many entries it holds; doubts are not heard."""
        return int(self.value.sum())

    @property
    def parts(self) -> Parts:
        """As numbers: 1 where it holds, otherwise 0."""
        return Parts(self.value.astype(float), np.where(self.sure, 0.0, 1.0))


def compared(function: Callable[[Any, Any], Any], x: Parts, y: Parts) -> Condition:
    """In doubt where the errors reach from one to the other."""
    within = x.error + y.error
    sure = (abs(x.value - y.value) > within) | (within == 0)
    return Condition(np.asarray(function(x.value, y.value)), np.asarray(sure))


def chosen(condition: Any, x: Parts, y: Parts) -> Parts:
    """Where the condition is in doubt it may be either, so that the error reaches from one to the other."""
    held = condition if isinstance(condition, Condition) else Condition(np.asarray(condition), np.asarray(True))
    value = np.where(held.value, x.value, y.value)
    sure = np.where(held.value, x.error, y.error)
    apart = np.where(x.value == y.value, 0.0, abs(x.value - y.value)) + x.error + y.error
    return floored(Parts(value, np.where(held.sure, sure, outward(apart))))


COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal)
