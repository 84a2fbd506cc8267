"""What rounding may do to a loss that JAX has traced: to its equations and what the tape makes of them, or to the program that
JAX differentiates them to, whichever is more.

JAX's program is granted where it is one: where it and the tape are, but for rounding, of one value. A rule of a derivative that
is wrong is granted nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals, outward
from gradcheck.law.signature import SPACE
from gradcheck.precision import Precision
from gradcheck.problem import Problem
from gradcheck.readings.blame import blamed
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted
from gradcheck.referees.rounded import Rounded, law_of


@dataclass(eq=False)
class Either(Rounded):
    """Of both programs."""

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Every other dtype is meant as it is."""
        with granted(self.problem.theta.dtype, self.granted):
            yield

    def _computed(self, quantity: str) -> Running:
        found = super()._computed(quantity)
        other = None if quantity in ("loss", "Z") else self._flows.get("Z" if quantity == "D" else quantity)
        return found if other is None else either(found, other)

    @cached_property
    def _flows(self) -> Mapping[str, Running]:
        """What flows back from the loss by JAX's program; by Z as the tape has it."""
        p, program = self.problem, self._program
        law: Any = program.law
        held = {**program.arrays, **{name: variable.array for name, variable in program.variables.items()}}
        by = np.asarray(self.seed)
        seed = Running(by, np.abs(by) * self.off, p.theta.dtype)
        options = {**law.options, **({SPACE: None} if law.takes.space else {})}  # which JAX's own is given for
        with blamed(law, backward=True):
            found: dict[str, Running] = law.function.flows({k: held[k] for k in law.takes.arrays}, options, seed)
        if "Z" in found:
            D = found["Z"]
            through = {"theta": D @ held["X"].T, "b": D.sum(axis=1, keepdims=True), "X": held["theta"].T @ D}
            found.update({name: found[name] + flow if name in found else flow for name, flow in through.items()})
        return found


def either(one: Running, other: Running) -> Running:
    """What one of two programs of the same value may come to; the first alone where they cannot be of the same."""
    apart = abs(one.value - other.value)
    if (apart > outward(one.error + other.error)).any():
        return one
    more = np.where(one.value == other.value, other.error, outward(other.error + apart))
    return Running(one.value, np.fmax(one.error, np.where(np.isnan(more), np.inf, more)), one.dtype)


def rounded(
    problem: Problem, granted: Precision, seed: float = 1.0, off: float = 0.0, size: Reals | None = None
) -> Rounded:
    """What may be done to the loss in that precision: to its text, or also to another program of its gradient."""
    kind = Either if law_of(problem).differentiated else Rounded
    return kind(problem, granted, seed, off, size)
