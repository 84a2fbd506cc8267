"""Numbers that a loss makes of numbers of its own, indices say: themselves where nothing is rounded."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, copysign, floor, isfinite, trunc
from typing import Any

import numpy as np

from gradcheck.readings.jaxpr.kinds import floating, known
from gradcheck.readings.jaxpr.step import Step

EXACT: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "neg": lambda x: -x,
    "floor": floor,
    "ceil": ceil,
    "clamp": lambda low, x, high: min(max(x, low), high),
    "max": max,
    "min": min,
}

SIGNED = ("neg", "mul", "ceil")  # which make -0 of numbers that are not


def folded(step: Step, operands: list[Any]) -> Any:
    """What an equation makes of numbers, exactly; None where that is rounded, or where they are no numbers of its own."""
    by = trunc if step.name == "convert_element_type" and step.dtype.kind in "iu" else EXACT.get(step.name)
    if by is None or step.shape != () or all(map(known, operands)):
        return None
    numbers = [number for x in operands if (number := _number(step, x)) is not None and isfinite(number)]
    if len(numbers) < len(operands):
        return None
    exact = by(*map(Fraction, numbers))
    if not floating(step.dtype):
        return np.asarray(int(exact), dtype=step.dtype)
    found = float(exact)
    if not found and (step.name in SIGNED or any(number == 0 and copysign(1, number) < 0 for number in numbers)):
        return None  # which may be -0
    kept = Fraction(found) == exact and float(np.asarray(found).astype(step.dtype)) == found
    return step.reading.constant(found, step.dtype) if kept else None


def _number(step: Step, x: Any) -> float | None:
    return float(x) if known(x) and np.ndim(x) == 0 else step.number(x)
