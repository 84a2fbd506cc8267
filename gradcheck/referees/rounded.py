"""A loss of one's own read with `Running` arrays: what rounding may do to it, and to its derivative."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law.own import Loss
from gradcheck.precision import FLOAT64, Precision
from gradcheck.problem import Problem
from gradcheck.readings.program import Program
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted
from gradcheck.referees.truth import magnitude

# Arithmetic that never rounds: read in it, errors are those of our own float64 alone, and values are of the truth.
EXACT = replace(FLOAT64, u=0.0, eta=0.0, tiny=0.0, huge=np.inf)
SHAPES = {"theta": 0, "b": 1, "X": 2, "D": 3, "Z": 3}  # of which array of the problem a quantity has the shape


def law_of(problem: Problem) -> Loss:
    """The loss, which is one's own."""
    law = problem.law
    assert isinstance(law, Loss)
    return law


def value_of(program: Program, quantity: str) -> Any:
    """The loss, or a gradient; None of what it does not depend on."""
    return program.loss if quantity == "loss" else program.gradient("Z" if quantity == "D" else quantity)


def unreached(problem: Problem, quantity: str) -> Enclosure:
    """What the loss does not depend on has a gradient of exactly 0; of what is no quantity of it nothing is known."""
    zero = np.zeros(problem.reals[SHAPES[quantity]].shape)
    return Enclosure(zero, zero + np.inf if quantity == "D" and not law_of(problem).of_Z else zero)


def known_to(bound: Reals) -> Reals:
    """Safe against its own evaluation; infinite where nothing is known."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(bound), np.inf, outward(bound, 2))


@dataclass(eq=False)
class Rounded:
    """The loss read with `Running` arrays in the precision that is granted; `seed` is what flows back to it."""

    problem: Problem
    granted: Precision
    seed: float = 1.0
    off: float = 0.0
    known: dict[str, Running] = field(default_factory=dict)

    def enclosed(self, quantity: str) -> Enclosure:
        """About the value in float64, where that is finite."""
        found = self.computed(quantity)
        known = np.isfinite(found.value) & np.isfinite(found.error)
        return Enclosure(np.where(known, found.value, 0.0), np.where(known, known_to(found.error), np.inf))

    def computed(self, quantity: str) -> Running:
        """Value and error of a quantity."""
        if quantity not in self.known:
            with np.errstate(all="ignore"), self._arithmetic():
                self.known[quantity] = self._computed(quantity)
        return self.known[quantity]

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Arrays of float64 that a text makes of constants are no reason to compute in float64."""
        with granted(FLOAT64.dtype, self.granted, self.problem.theta.dtype):
            yield

    @cached_property
    def _program(self) -> Program:
        p = self.problem
        law = law_of(p).exact if self.granted is EXACT else law_of(p)
        given = dict(zip(("theta", "b", "X", "Y"), map(_entered, _given(p)), strict=True))
        found = Program(law, given, logits=self._logits if law.of_Z else None)
        if self.seed != 1 or self.off:
            by = np.asarray(self.seed)
            found.seeded(Running(by, np.abs(by) * self.off, p.theta.dtype))
        return found

    @cached_property
    def _logits(self) -> Running:
        """As the bounds grant them, and with float64's own error."""
        p, size = self.problem, magnitude(self.problem)
        theta, b, X, _ = p.reals
        own = bounds.logits_error(size, p.d, FLOAT64)
        if self.granted is not EXACT:
            own = own + bounds.logits_error(size, p.d, self.granted, bounds.operands(p, self.granted))
        return Running(theta @ X + b, own, p.theta.dtype)

    def _computed(self, quantity: str) -> Running:
        if quantity == "Z":
            return self._logits
        found: Running | None = value_of(self._program, quantity)
        if found is not None:
            return found
        nothing = unreached(self.problem, quantity)
        return Running(nothing.midpoint, nothing.radius, self.problem.theta.dtype)


def _given(problem: Problem) -> tuple[np.ndarray, ...]:
    return problem.theta, problem.b, problem.X, problem.Y


def _entered(array: np.ndarray) -> Running:
    """An input, read in the precision that is granted."""
    return Running.given(Running.exact(array))
