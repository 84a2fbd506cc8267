"""The constants of a text: code may multiply them in anywhere, and so also after what is small has underflowed."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from gradcheck.law.functions import values
from gradcheck.readings.running.conditions import Condition
from gradcheck.readings.tape import Variable, uses


def largest(of: Variable) -> float:
    """At least 1: the largest product of constants that stands on one way from what it is made of to a number."""
    met = {id(of): 1.0}
    for user in _ordered(of):
        here = met[id(user)]
        for place, operand in enumerate(user.operands):
            if type(operand) is Variable:
                met[id(operand)] = max(met.get(id(operand), 1.0), here * _factor(user, place))
    found = max(met.values())
    return found if np.isfinite(found) else np.inf


def _factor(user: Variable, place: int) -> float:
    """What flows back through this use is multiplied by, where that is a constant above 1."""
    name = str(user.function)
    if name == "power":
        return max(1.0, abs(user.options["exponent"]))
    if name not in ("multiply", "divide") or type(user.operands[1 - place]) is Variable:
        return 1.0
    other = user.operands[1 - place]
    other = other.value if isinstance(other, Condition) else values(getattr(other, "array", other))
    other = abs(np.asarray(other, dtype=np.float64))
    if name == "multiply":
        return float(max(1.0, other.max(initial=0.0)))
    least = other[other > 0].min(initial=np.inf) if place == 0 else np.inf
    return float(max(1.0, 1 / least))


def _ordered(of: Variable) -> Iterator[Variable]:
    """Each variable that a number is made of, after all that use it."""
    left = Counter(id(user.operands[place]) for user, place in uses(of))
    ready = [of]
    while ready:
        user = ready.pop()
        yield user
        for operand in user.operands:
            if type(operand) is Variable:
                left[id(operand)] -= 1
                if not left[id(operand)]:
                    ready.append(operand)
