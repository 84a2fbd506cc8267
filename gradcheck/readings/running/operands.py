"""What an operation is given, as `Parts` and a dtype: arrays that carry errors, arrays and numbers that do not."""

from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from gradcheck import precision
from gradcheck.enclosure import Reals, outward
from gradcheck.precision import Precision
from gradcheck.problem import Array
from gradcheck.readings.running.conditions import Condition
from gradcheck.readings.running.parts import FLOAT64, Parts


class Carrying(Protocol):
    """An array that carries errors."""

    value: Reals
    error: Reals
    dtype: np.dtype


Operand = Carrying | Condition | Array | float | int


def carries(operand: Any) -> bool:
    """Whether it carries errors."""
    return hasattr(operand, "error")


def carrying(operand: Any) -> bool:
    """Whether it carries errors, is a comparison of what may, or holds such."""
    if isinstance(operand, tuple | list):
        return any(map(carrying, operand))
    return carries(operand) or isinstance(operand, Condition)


def parts_of(operand: Any, p: Precision) -> Parts:
    """Value and error; Python's numbers, and arrays of finer ones that are given, have that of their rounding to this precision."""
    if carries(operand):
        return Parts(operand.value, operand.error)
    if isinstance(operand, Condition):
        return operand.parts
    value = np.asarray(operand, dtype=np.float64)
    finer = isinstance(operand, int | float) or getattr(operand, "dtype", None) == np.float64
    return written(value, p) if finer else Parts(value, np.zeros_like(value))


def written(value: Reals, p: Precision) -> Parts:
    """Numbers of float64 in this precision: those that it does not have are rounded, or overflow."""
    if p.u <= precision.FLOAT64.u:
        return Parts(value, np.zeros_like(value))
    rounded = p.round(value).astype(np.float64)
    error = np.where(np.isfinite(rounded), p.u * abs(value) + p.eta, np.inf)
    return Parts(value, np.where((rounded == value) | np.isnan(value), 0.0, error))


def given(x: Parts, p: Precision) -> Parts:
    """An input that is read in a precision that is declared: off by that of itself, and lost where it underflows.

    Powers of 2, such as the 1 of a label, are as they were in any precision that can hold them.
    """
    with np.errstate(all="ignore"):
        lost = (p.reads + p.stored + p.reads * p.stored) * (abs(x.value) + x.error) + 2 * p.eta
        power = (abs(np.frexp(x.value)[0]) == 0.5) & (abs(x.value) >= p.tiny) & (abs(x.value) <= p.huge)
        sure = (x.error == 0) & ((x.value == 0) | ~np.isfinite(x.value) | power)
        over = abs(x.value) + x.error + lost > p.huge
        return Parts(x.value, np.where(sure, 0.0, np.where(over, np.inf, outward(x.error + lost))))


def dtype_of(*operands: Any) -> np.dtype:
    """The dtype of a result: Python's numbers take that of the arrays, and make whole ones real where they are not whole."""
    found = {item.dtype for item in operands if carries(item) or isinstance(item, np.ndarray)}
    dtype = found.pop() if len(found) == 1 else np.result_type(*found) if found else FLOAT64
    return real(dtype) if any(isinstance(item, float) for item in operands) else dtype


@lru_cache(maxsize=64)
def real(dtype: np.dtype) -> np.dtype:
    """Of a quotient or a function: float64, where that of its operands is whole."""
    return dtype if dtype.name in precision.NAMES else FLOAT64


def part(argument: Any, name: str) -> Any:
    """The same arguments with `value` or `error` in the place of each array that carries both; what does not has no error."""
    if carries(argument):
        return getattr(argument, name)
    if isinstance(argument, np.ndarray) and name == "error" and argument.dtype.kind == "f":
        return np.zeros_like(argument)
    if isinstance(argument, tuple | list):
        return type(argument)(part(item, name) for item in argument)
    return argument


def flat(arguments: Any) -> list[Any]:
    """Without the tuples and lists around them."""
    return [one for item in arguments for one in (flat(item) if isinstance(item, tuple | list) else [item])]
