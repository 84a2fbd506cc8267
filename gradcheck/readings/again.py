"""A loss that has been read once, of other arrays: the same primitives in the same order, without running its text again.

Only where nothing in the text hangs on numbers; who asks has to know that.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradcheck.law.functions import Values
from gradcheck.readings.balls import Balls
from gradcheck.readings.program import Program
from gradcheck.readings.tape import Variable

NUMBERS = (int, float, np.generic, np.ndarray)


class Step(NamedTuple):
    """One primitive; `places` has the place of each operand that is computed, and None for one that is a constant."""

    made: Variable
    places: tuple[int | None, ...]
    place: int


class Again:
    """The steps of a loss, and in which place each array stands that it is differentiated by.

    `exact` says whether constants are the same in any precision, and nothing is in it that it is not differentiated by.
    """

    def __init__(self, program: Program) -> None:
        self._places: dict[int, int] = {}
        self._steps: list[Step] = []
        self._needed: dict[frozenset[int], list[Step]] = {}
        self.exact = True
        leaves = {id(one) for one in program.variables.values() if one.function is None}
        self._result = self._entered(program.variable, leaves)
        found = {name: self._places.get(id(one)) for name, one in program.variables.items()}
        self._names = {name: place for name, place in found.items() if place is not None}

    def _entered(self, of: Variable, leaves: set[int]) -> int:
        """The place of a variable, after all that it is made of: a chain may be longer than Python recurses."""
        waiting, places = [of], self._places
        while waiting:
            one = waiting[-1]
            lacking = [x for x in one.operands if type(x) is Variable and id(x) not in places]
            if lacking and id(one) not in places:
                waiting += lacking
                continue
            waiting.pop()
            if id(one) in places:
                continue
            self.exact = self.exact and (id(one) in leaves if one.function is None else all(map(_exact, one.operands)))
            places[id(one)] = len(places)
            if one.function is not None:
                operands = tuple(places[id(x)] if type(x) is Variable else None for x in one.operands)
                self._steps.append(Step(one, operands, places[id(one)]))
        return places[id(of)]

    def loss(self, given: Mapping[str, Values]) -> Values:
        """Of other arrays, by name; of logits that are given nothing else need be."""
        state = {self._names[name]: array for name, array in given.items() if name in self._names}
        for made, places, place in self._of(frozenset(state)):
            operands = [
                operand if where is None else state[where] for operand, where in zip(made.operands, places, strict=True)
            ]
            state[place] = made.function(*operands, **made.options)
        return state[self._result]

    def _of(self, known: frozenset[int]) -> list[Step]:
        """The steps that it takes from there."""
        if known not in self._needed:
            wanted, found = {self._result}, []
            for step in reversed(self._steps):
                if step.place in wanted and step.place not in known:
                    wanted.update(where for where in step.places if where is not None)
                    found.append(step)
            self._needed[known] = found[::-1]
        return self._needed[known]


def _exact(operand: Any) -> bool:
    if type(operand) is Balls:
        return all(isinstance(entry, int | float) or entry.is_exact() for entry in operand.entries)
    return type(operand) is Variable or isinstance(operand, NUMBERS)
