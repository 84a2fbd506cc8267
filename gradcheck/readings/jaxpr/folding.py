"""Numbers that a loss makes of numbers of its own, indices say: themselves where nothing is rounded."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, isfinite, trunc
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


def folded(step: Step, operands: list[Any]) -> Any:
    """What an equation makes of numbers, exactly; None where that is rounded, or where they are no numbers of its own."""
    by = trunc if step.name == "convert_element_type" and step.dtype.kind in "iu" else EXACT.get(step.name)
    if by is None or step.shape != () or all(map(known, operands)):
        return None
    numbers = [_number(step, x) for x in operands]
    if any(number is None or not isfinite(number) for number in numbers):
        return None
    exact = by(*(Fraction(number) for number in numbers if number is not None))
    if not floating(step.dtype):
        return np.asarray(int(exact), dtype=step.dtype)
    found = float(exact)
    if not found and step.name in ("neg", "mul"):  # which may be -0
        return None
    kept = Fraction(found) == exact and float(np.asarray(found).astype(step.dtype)) == found
    return step.reading.constant(found, step.dtype) if kept else None


def _number(step: Step, x: Any) -> float | None:
    return float(x) if known(x) and np.ndim(x) == 0 else step.number(x)
