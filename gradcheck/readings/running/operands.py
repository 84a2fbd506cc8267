"""What an operation is given, as `Parts` and a dtype: arrays that carry errors, arrays and numbers that do not."""

from typing import Any, Protocol

import numpy as np

from gradcheck import precision
from gradcheck.enclosure import Reals
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


def parts_of(operand: Any, p: Precision) -> Parts:
    """Value and error; arrays that are given have none, and Python's numbers their rounding to this precision."""
    if carries(operand):
        return Parts(operand.value, operand.error)
    if isinstance(operand, Condition):
        return operand.parts
    value = np.asarray(operand, dtype=np.float64)
    error = np.zeros_like(value)
    if isinstance(operand, int | float) and p.u > precision.FLOAT64.u and not _representable(float(operand), p):
        error += p.u * abs(value) + p.eta
    return Parts(value, error)


def _representable(number: float, p: Precision) -> bool:
    return not np.isfinite(number) or float(p.round(np.asarray(number))) == number


def dtype_of(*operands: Any) -> np.dtype:
    """The dtype of a result: Python's numbers take that of the arrays, and make whole ones real where they are not whole."""
    found = [item.dtype for item in operands if carries(item) or isinstance(item, np.ndarray)]
    dtype = np.result_type(*found) if found else FLOAT64
    return real(dtype) if any(isinstance(item, float) for item in operands) else dtype


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
