"""A loss of one's own, read from its text in the arithmetic of the arrays that are given, and backward by the tape.

What is wrong with a specification itself is one line here, whoever reads it: it raises, it returns no number, it is a constant.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable, kind
from gradcheck.errors import text as words
from gradcheck.law import text
from gradcheck.law.functions import Values, like
from gradcheck.law.own import Loss
from gradcheck.readings import factors
from gradcheck.readings.blame import blamed
from gradcheck.readings.constants import Option
from gradcheck.readings.numerals import read_by
from gradcheck.readings.primitives.arithmetic import ADD, MATMUL
from gradcheck.readings.tape import Gradients, Use, Variable, uses
from gradcheck.silence import silent

PARAMETERS = ("theta", "b", "X", "Z")  # of which a loss may have a gradient


class Program:
    """The text of a loss, of arrays of one reading by name: its value, and its gradients."""

    def __init__(
        self, law: Loss, arrays: Mapping[str, Values], wrt: tuple[str, ...] = PARAMETERS, logits: Values | None = None
    ) -> None:
        """Of a loss that is put after logits these may be given; derivatives go back through them all the same."""
        self.law, self.arrays = law, dict(arrays)
        self._held: Use | None = None
        self.variables = {name: Variable(array) for name, array in arrays.items() if name in wrt}
        if law.of_Z and "Z" not in arrays:
            of = [self.variables.get(k, arrays[k]) for k in ("theta", "b", "X")]
            self.variables["Z"] = text.logits(*of) if logits is None else _made_of(logits, *of)

    @cached_property
    def _loss(self) -> Variable:
        given = {**self.arrays, **self.variables}
        found = called(self.law, given, _reader(self.arrays))
        if not isinstance(found, Variable):
            raise Unusable(
                self.law.line("is no function of its arguments: it returns what is the same for all of them")
            )
        return found

    @property
    def largest(self) -> int:
        """The entries of the largest array that it makes, or of all that flow into one: a loop makes many of these."""
        met, most = Counter[int](), 0
        for user, place in self.uses:
            one = user.operands[place]
            met[id(one)] += 1
            most = max(most, prod(one.shape) * met[id(one)])
        return most

    @property
    def factor(self) -> float:
        """At least 1: the largest product of constants in it."""
        return factors.largest(self._loss)

    def seeded(self, by: Values) -> None:
        """What flows back begins with this number."""
        self._loss = self._loss * by

    @property
    def loss(self) -> Values:
        """A number."""
        return self._loss.array

    @cached_property
    def uses(self) -> list[Use]:
        """Where each variable that it makes is used."""
        return list(uses(self._loss))

    def hold(self, number: int) -> None:
        """Take what is used there, the use of that number, for a constant when gradients are asked for."""
        self._held = self.uses[number] if number < len(self.uses) else None

    @cached_property
    def _gradients(self) -> Gradients:
        return Gradients(self._loss, self._held)

    def gradient(self, name: str) -> Values | None:
        """With respect to `theta`, `b`, `X` or `Z`; None where the loss is not made of it."""
        variable = self.variables.get(name)
        if variable is None or not self._gradients.reaches(variable):
            return None
        with blamed(self.law, backward=True):
            found = self._gradients[variable]
        return like(found, variable.dtype) if isinstance(found, np.ndarray) else found


def _made_of(logits: Values, theta: Values, b: Values, X: Values) -> Variable:
    """`theta X + b` that is known: neither derivative asks what the product is."""
    return Variable(logits, ADD, (Variable(logits, MATMUL, (theta, X)), b))


def called(law: Loss, given: Mapping[str, Values], read: Any = None) -> Any:
    """What the specification returns, a number of whatever reading; `Unusable` where it returns none."""
    if law.function is None:
        raise Unusable(
            f"the loss {law.name} is named by data, which nothing runs; say where it is: --loss {law.origin}"
        )
    options: dict[str, Any] = {name: _option(value, read) for name, value in law.options.items()}
    if law.takes.space:
        options["np"] = space()
    with blamed(law), silent(), read_by(read):  # standard output is for results
        found = law.function(**{name: given[name] for name in law.takes.arrays}, **options)
        shape = getattr(found, "shape", None if not isinstance(found, int | float) or isinstance(found, bool) else ())
    if shape is None:
        raise Unusable(law.line(f"returns {kind(found)} {words(found, repr)[:40]}; expected one number"))
    if isinstance(found, complex) or getattr(getattr(found, "dtype", None), "kind", "f") == "c":
        raise Unusable(law.line("returns a complex number; expected a real one"))
    if shape != ():
        raise Unusable(law.line(f"returns an array of shape {shape}; expected one number, such as its sum or mean"))
    return found


def space() -> Any:
    """What a specification is given as np."""
    return import_module("gradcheck.numpy")


def _reader(arrays: Mapping[str, Values]) -> Any:
    """What makes numbers of the reading; along a line those of balls."""
    return next((array.numbers for array in arrays.values() if hasattr(array, "numbers")), None)


def _option(value: Any, read: Any) -> Any:
    """A number, so that what is made of it is not rounded by Python before a reading sees it."""
    if type(value) is not float or read is None:
        return value
    found = Option(value)
    found.read = read
    return found


def plain(law: Loss, arrays: Mapping[str, Reals]) -> float:
    """The value in float64."""
    given = dict(arrays)
    if law.of_Z and "Z" not in given:
        given["Z"] = np.asarray(text.logits(given["theta"], given["b"], given["X"]))
    with np.errstate(all="ignore"):
        return float(called(law, given))
