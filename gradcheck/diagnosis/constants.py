"""Parts of a loss of one's own that are taken for constants when it is differentiated: the commonest mistake by hand.

(1 - p)^2 of the focal loss, a weight that depends on the logits, a norm, the second use of a tensor: for each use of what the text
makes there is one candidate, the derivative of the text without what flows back through that use.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.diagnosis.candidates import Candidate
from gradcheck.diagnosis.own import Written
from gradcheck.law.functions import Values
from gradcheck.mistakes import Mistake
from gradcheck.problem import Problem
from gradcheck.readings.program import Program
from gradcheck.readings.tape import Variable
from gradcheck.referees.rounded import law_of

MOST = 64  # uses that are tried
LONGEST = 64  # letters of a part as it is told
SIGNS = {"add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "matmul": " @ "}
INNER = {"add", "subtract", "negative"}  # which have parentheses around them in a product
FIX = "differentiate it, too: the derivative of a product has a term for each of its factors"


class Holding(Written):
    """The text, differentiated with one part as a constant."""

    number = 0

    def _program(self, **arrays: Values) -> Program:
        program = super()._program(**arrays)
        program.hold(self.number)
        return program


def singles(problem: Problem) -> Iterator[Candidate]:
    """One for each use of a variable in the text, as it is of this problem."""
    law = law_of(problem)
    theta, b, X, Y = problem.reals
    given = {"Z": theta @ X + b, "Y": Y} if law.of_logits else {"theta": theta, "b": b, "X": X, "Y": Y}
    with np.errstate(all="ignore"):
        program = Program(law, given)
        found = program.uses[:MOST]
    names = {id(variable): name for name, variable in program.variables.items()}
    names |= {id(array): name for name, array in program.arrays.items()}
    several = Counter(id(user.operands[place]) for user, place in found)
    for number, (user, place) in enumerate(found):
        part = user.operands[place]
        if part is program.variables.get("Z") and several[id(part)] == 1:
            continue  # nothing would be left
        where = f" of {said(user, names)}" if several[id(part)] > 1 else ""
        what = f"{said(part, names)} is taken for a constant in the derivative{where}"
        model = type("Holding", (Holding,), {"number": number, "__doc__": what})
        yield Candidate((Mistake("part_taken_for_a_constant", "calculus", model, what, FIX),), what, model)


def said(part: Any, names: dict[int, str], *, inside: bool = False) -> str:
    """A part of a text as its author would write it, shortened in the middle where it is long."""
    found = names.get(id(part)) or (_said(part, names, inside) if isinstance(part, Variable) else _constant(part))
    return found if len(found) <= LONGEST else f"{found[: LONGEST // 2 - 1]}…{found[-LONGEST // 2 :]}"


def _said(part: Variable, names: dict[int, str], inside: bool) -> str:
    name, operands = str(part.function), part.operands
    if name in SIGNS and len(operands) == 2:
        product = name not in INNER
        left, right = operands
        text = f"{said(left, names, inside=product)}{SIGNS[name]}{said(right, names, inside=product or name == 'subtract')}"
        return f"({text})" if inside and not product else text
    if name == "negative":
        return f"-{said(operands[0], names, inside=True)}"
    if name == "power":
        made = operands[0].function if isinstance(operands[0], Variable) else None
        base = said(operands[0], names)
        return f"{f'({base})' if str(made) in (*SIGNS, 'negative', name) else base}**{part.options['exponent']:g}"
    return f"{name}({', '.join(said(one, names) for one in operands)})"


def _constant(part: Any) -> str:
    if isinstance(part, int | float):
        return f"{part:g}"
    return "…" if np.ndim(part) else f"{float(np.asarray(part)):g}"
