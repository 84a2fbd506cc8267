"""The truth of a loss of one's own, and what rounding may add to it: its text, read with balls and with `Running` arrays.

Balls have as many bits as it takes for their radii to be small beside what is allowed, up to `MOST_BITS`: where they stay wide, as
at a kink, nothing is known, and the verdict is inconclusive. Knows no closed form of anything.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import ETA64, U64, Enclosure, Reals
from gradcheck.precision import FLOAT64, Precision
from gradcheck.problem import Problem
from gradcheck.readings.balls import Balls
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.program import Program
from gradcheck.readings.running import Running
from gradcheck.readings.working import working
from gradcheck.referees.ball import bits_for, enclose
from gradcheck.referees.rounded import EXACT, Rounded, factor, known_to, law_of, unknown, unreached, value_of
from gradcheck.referees.traced import rounded
from gradcheck.referees.truth import Truth, magnitude

MOST_BITS = 4096
BALL_ENTRIES = 512  # of Z and theta: larger problems are read in float64
SMALL = 2.0**-6  # of what is allowed: a radius that nobody sees


@dataclass(eq=False)
class Reading:
    """The loss read with balls, at the precision that it takes; each quantity enclosed as sharply as was asked for."""

    problem: Problem
    size: Reals
    programs: dict[int, Program] = field(default_factory=dict)
    known: dict[str, Enclosure] = field(default_factory=dict)

    def enclosed(self, quantity: str, allowed: Reals) -> Enclosure:
        """With radii that are small beside what is allowed, where that can be had."""
        if self.large and quantity not in self.known:
            found = self.float64.enclosed(quantity)
            if (np.isfinite(found.radius) | ~np.isfinite(allowed)).all():
                self.known[quantity] = found
        if self.large and quantity in self.known:
            return self.known[quantity]
        bits = max(self.programs, default=self.bits)
        found = self.known.get(quantity) or self._at(quantity, bits)
        while (wide := _wide(found, allowed)).any() and 2 * bits <= MOST_BITS:
            bits *= 2
            before, found = found, self._at(quantity, bits)
            if not (found.radius < before.radius / 2)[wide].any():  # as at a kink, of which no precision knows more
                break
        self.known[quantity] = found
        return found

    @cached_property
    def bits(self) -> int:
        """To begin with."""
        return bits_for(self.size)

    @cached_property
    def large(self) -> bool:
        """Whether float64 is to do: as rigorous, less sharp, and the time of it hardly grows. A choice of cost."""
        return self.problem.L * (self.problem.n + self.problem.d) > BALL_ENTRIES

    @cached_property
    def float64(self) -> "Rounded":
        """The same read in float64: "float64 is an implementation, too" (docs/bounds.md, section 7)."""
        p = self.problem
        return Rounded(p if p.precision is FLOAT64 else p.with_arrays(*p.reals), EXACT)

    def first(self) -> Program | None:
        """The program that is read first, and mostly alone; None where float64 is to do."""
        if self.large:
            return None
        bits = max(self.programs, default=self.bits)
        with working(bits):
            program = self._program(bits)
            with suppress(Doubt):
                program.loss  # noqa: B018  # read here, in this precision
            return program

    def _program(self, bits: int) -> Program:
        if bits not in self.programs:
            self.programs[bits] = Program(law_of(self.problem), arrays(self.problem, Balls.exact))
        return self.programs[bits]

    def _at(self, quantity: str, bits: int) -> Enclosure:
        with working(bits):
            program = self._program(bits)
            if quantity == "Z":
                return enclose(program.variables["Z"].array if "Z" in program.variables else self._logits(program))
            try:
                found = value_of(program, quantity)
            except Doubt:  # what ties beyond doubt has no one value, or none that is known
                return unknown(self.problem, quantity)
            return unreached(self.problem, quantity) if found is None else enclose(found)

    def _logits(self, program: Program) -> Balls:
        theta, b, X = (program.arrays[name] for name in ("theta", "b", "X"))
        found: Balls = theta @ X + b
        return found


def _wide(found: Enclosure, allowed: Reals) -> Any:
    """Where a radius is not small beside what is allowed, nor as small as float64 can tell."""
    limit = (
        np.maximum(SMALL * np.where(np.isfinite(allowed), allowed, np.inf), 4 * U64 * abs(found.midpoint)) + 4 * ETA64
    )
    return np.asarray(found.radius > limit)


def arrays(problem: Problem, read: object) -> Mapping[str, object]:
    """The arrays of a problem by name, as a reading has them."""
    return {name: read(array) for name, array in zip(("theta", "b", "X", "Y"), problem.reals, strict=True)}  # type: ignore[operator]


@dataclass(frozen=True, eq=False)
class Own(Truth):
    """What `Truth` offers, of a loss that is known by its text alone. It has no softmax of its own."""

    reading: Reading | None = None

    # ---- the truth ----

    def enclosure(self, quantity: str) -> Enclosure:
        """Of `loss` (), `Z` and `D` (L, n), `theta` (L, d), `b` (L, 1) or `X` (d, n)."""
        if quantity not in self._enclosures:
            assert self.reading is not None
            self.reading.first()
            self._enclosures[quantity] = self.reading.enclosed(quantity, self._computed(quantity).error)
        return self._enclosures[quantity]

    @cached_property
    def _enclosures(self) -> dict[str, Enclosure]:
        """As sharp as this truth asks for: another one of the same reading may ask for more."""
        return {}

    def computed(self, quantity: str) -> tuple[Enclosure, Reals]:
        """What correct code may return: about the value in float64, of which the truth is known to be one. Half the cost."""
        found = self._computed(quantity)
        value, error = found.value, found.error
        known = np.isfinite(value)
        if not known.all():
            value, error = np.where(known, value, 0.0), np.where(known, error, np.inf)
        value, allowed = np.asarray(value), known_to(error)
        if self.granted.returned:
            allowed = bounds.returned(allowed, abs(value) + allowed, self.granted)
        return Enclosure(value, np.zeros_like(value)), allowed

    def permuted(self, law: str, quantity: str, places: tuple[Any, ...]) -> tuple[Enclosure, Reals] | None:
        """The same of this problem with its classes or its samples in another order, where the text treats all of them alike."""
        found, allowed = self.computed(quantity)
        if self._rounded.follows(law, quantity):
            return found.take(*places), np.asarray(allowed[places])
        return None

    # ---- what rounding may do ----

    def allowed(self, quantity: str) -> Reals:
        """The rounding bound (absolute), about the midpoint of the enclosure."""
        return self._about(quantity, self._computed(quantity))

    def careful(self, quantity: str) -> Reals:
        """How careful code may be is not known: no more is asked of any."""
        return self.allowed(quantity)

    def upstream(self, quantity: str, c: Reals, size: Reals, operations: int = 1) -> Reals:
        """Of c times the gradients, of one number c, which may be multiplied in anywhere on the way back.

        The program is read with a seed of c that is off by so many roundings, which reach whatever c is multiplied with
        later; what underflows before that is multiplied by c, too.
        """
        p, by = self._grows, float(abs(c[0]))
        wider = replace(p, eta=p.eta * max(1.0, by))
        seeded = rounded(self.problem, wider, float(c[0]), bounds.relative(p, operations)).computed(quantity)
        midpoint = self.enclosure(quantity).midpoint * c[0]
        apart = abs(seeded.value - midpoint) + 2 * U64 * abs(midpoint)
        return known_to(seeded.error + apart)

    @cached_property
    def _grows(self) -> Precision:
        """What is granted, where what underflows may be multiplied by a constant of the text: code may multiply it in anywhere."""
        by = factor(self.problem, self._factor)
        return _losing(self.granted, by) if by > 1 else self.granted

    def _factor(self) -> float:
        p, known = self.problem, self.reading and next(iter(self.reading.programs.values()), None)
        with np.errstate(all="ignore"):
            if known:
                with suppress(Doubt):
                    return known.factor
            return Program(law_of(p), arrays(p, np.asarray)).factor

    @cached_property
    def _rounded(self) -> "Rounded":
        return rounded(self.problem, self._grows, size=self.magnitude)

    def _computed(self, quantity: str) -> Running:
        return self._rounded.computed(quantity)

    def _about(self, quantity: str, found: Running) -> Reals:
        """What is known of the value in float64, about the midpoint."""
        bound = known_to(found.error + abs(found.value - self.enclosure(quantity).midpoint))
        if self.granted.returned:
            bound = bounds.returned(bound, self.enclosure(quantity).magnitude, self.granted)
        return bound


@lru_cache(maxsize=256)
def _losing(p: Precision, by: float) -> Precision:
    """The same, where so many times as much is lost to underflow."""
    return replace(p, eta=p.eta * by)


def truth(problem: Problem) -> Own:
    """The exact values of a problem whose loss is one's own, each read when it is asked for."""
    size = magnitude(problem)
    reading = Reading(problem, size)
    return Own(problem, reading, size, None, reading)  # type: ignore[arg-type]
