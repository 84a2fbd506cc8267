"""A loss of one's own read with `Running` arrays: what rounding may do to it, and to its derivative."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law.own import Loss
from gradcheck.precision import FLOAT64, Precision
from gradcheck.problem import Problem
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.program import Program
from gradcheck.readings.running import Running
from gradcheck.readings.running.alike import follows
from gradcheck.readings.running.parts import granted, quiet
from gradcheck.readings.running.plans import PLANS, Plan, Recording, noted, room
from gradcheck.referees.truth import magnitude

# Arithmetic that never rounds: read in it, errors are those of our own float64 alone, and values are of the truth.
EXACT = replace(FLOAT64, u=0.0, eta=0.0, tiny=0.0, huge=np.inf)
LARGE = 4096  # numbers of a problem: a choice of cost
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


def unknown(problem: Problem, quantity: str) -> Enclosure:
    """Of what rounding, or a tie, may turn."""
    shape = () if quantity == "loss" else problem.reals[SHAPES[quantity]].shape
    return Enclosure(np.zeros(shape), np.full(shape, np.inf))


def known_to(bound: Reals) -> Reals:
    """Safe against its own evaluation; infinite where nothing is known."""
    unknown = np.isnan(bound)
    return np.where(unknown, np.inf, outward(bound, 2)) if unknown.any() else np.asarray(outward(bound, 2))


def seen(problem: Problem) -> tuple[Any, ...]:
    """The loss, and the sides of what its text is given: where that is logits and labels alone, not how many features there are."""
    law = law_of(problem)
    return law, problem.L, problem.n, 0 if law.of_logits else problem.d


def factor(problem: Problem, read: Callable[[], float]) -> float:
    """The largest product of constants of a loss, which is `read`: of labels alone, where nothing of its text hangs on numbers."""
    plans, text = PLANS.get(), seen(problem)
    if plans is None or text not in plans.straight:
        return read()
    key = text, sha256(problem.reals[3].tobytes()).digest()
    if key not in plans.factors:
        room(plans.factors)[key] = read()
    return plans.factors[key]


@dataclass(eq=False)
class Rounded:
    """The loss read with `Running` arrays in the precision that is granted; `seed` is what flows back to it."""

    problem: Problem
    granted: Precision
    seed: float = 1.0
    off: float = 0.0
    size: Reals | None = None  # `magnitude` of the problem, where that is known already
    known: dict[str, Running] = field(default_factory=dict)
    _state: dict[int, Any] = field(default_factory=dict)

    def enclosed(self, quantity: str) -> Enclosure:
        """About the value in float64, where that is finite."""
        found = self.computed(quantity)
        known = np.isfinite(found.value) & np.isfinite(found.error)
        return Enclosure(np.where(known, found.value, 0.0), np.where(known, known_to(found.error), np.inf))

    def computed(self, quantity: str) -> Running:
        """Value and error of a quantity."""
        if quantity not in self.known:
            with quiet():
                found = self._by_plan(quantity)
                self.known[quantity] = self._read(quantity) if found is None else found
        return self.known[quantity]

    def _read(self, quantity: str) -> Running:
        with self._arithmetic(), noted(self._recording if quantity != "Z" else None):
            try:
                return self._computed(quantity)
            except Doubt:  # correct code may take the one or the other
                return self._unknown(quantity)

    # ---- by what was done to another problem of this shape ----

    def _by_plan(self, quantity: str) -> Running | None:
        """The same as is read, where a plan of this loss and shape is known; none where the text is being read already."""
        plan = None if "_program" in self.__dict__ else self._plan
        if plan is None or quantity not in plan.results:
            return None
        if not self._state:
            self._state.update(plan.constants | dict(enumerate(self._given)))
        found = plan.done(quantity, self._state)
        return self._unreached(quantity) if found is None else Running(*found)

    def follows(self, law: str, quantity: str) -> bool:
        """Whether a quantity, which has been read, is known to be permuted as the classes or the samples are."""
        read = self._recording if "_program" in self.__dict__ else None
        plan = self._plan if read is None else read.plan
        return plan is not None and follows(plan, law, quantity)

    @property
    def _plan(self) -> Plan | None:
        plans = PLANS.get() if self._plannable else None
        return None if plans is None else plans.known.get(self._key)

    @cached_property
    def _plannable(self) -> bool:
        """A text that JAX has traced looks at numbers by ways of its own; of large arrays it is not the reading that takes long."""
        law, plain = law_of(self.problem), self.seed == 1 and not self.off
        return plain and not law.differentiated and self.problem.entries <= LARGE

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        return seen(self.problem), self.problem.theta.dtype, self.granted

    @cached_property
    def _recording(self) -> Recording | None:
        """What notes the reading of the text, where more of a plan is to be had."""
        if not self._plannable or PLANS.get() is None or (self._plan and self._plan.ends):
            return None
        return Recording(self._given)

    def _keep(self, quantity: str, found: Running | None) -> None:
        plans, recording = PLANS.get(), self._recording
        if plans is not None and recording is not None:
            recording.result(quantity, found)
            known = plans.known.get(self._key)
            if known is None or recording.plan.ends or len(known.results) <= len(recording.plan.results):
                room(plans.known)[self._key] = recording.plan
            if "loss" in recording.plan.results:
                plans.straight.add(self._key[0])

    @cached_property
    def _given(self) -> list[Running]:
        """What is read: theta, b, X and Y, and Z of a loss that is put after logits."""
        with self._arithmetic():
            found = list(map(_entered, _given(self.problem)))
        return [*found, self._logits] if law_of(self.problem).of_Z else found

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Arrays of float64 that a text makes of constants are no reason to compute in float64."""
        with granted(FLOAT64.dtype, self.granted, self.problem.theta.dtype):
            yield

    @cached_property
    def _program(self) -> Program:
        p = self.problem
        law = law_of(p).exact if self.granted is EXACT else law_of(p)
        given = dict(zip(("theta", "b", "X", "Y"), self._given, strict=False))
        found = Program(law, given, logits=self._logits if law.of_Z else None)
        if self.seed != 1 or self.off:
            by = np.asarray(self.seed)
            found.seeded(Running(by, np.abs(by) * self.off, p.theta.dtype))
        return found

    @cached_property
    def _logits(self) -> Running:
        """As the bounds grant them, and with float64's own error."""
        p, size = self.problem, magnitude(self.problem) if self.size is None else self.size
        theta, b, X, _ = p.reals
        own = bounds.logits_error(size, p.d, FLOAT64)
        if self.granted is not EXACT:
            own = own + bounds.logits_error(size, p.d, self.granted, bounds.operands(p, self.granted))
        return Running(theta @ X + b, own, p.theta.dtype)

    def _computed(self, quantity: str) -> Running:
        if quantity == "Z":
            return self._logits
        found: Running | None = value_of(self._program, quantity)
        self._keep(quantity, found)
        return self._unreached(quantity) if found is None else found

    def _unknown(self, quantity: str) -> Running:
        nothing = unknown(self.problem, quantity)
        return Running(nothing.midpoint + np.nan, nothing.radius, self.problem.theta.dtype)

    def _unreached(self, quantity: str) -> Running:
        nothing = unreached(self.problem, quantity)
        return Running(nothing.midpoint, nothing.radius, self.problem.theta.dtype)


def _given(problem: Problem) -> tuple[np.ndarray, ...]:
    return problem.theta, problem.b, problem.X, problem.Y


def _entered(array: np.ndarray) -> Running:
    """An input, read in the precision that is granted."""
    return Running.given(Running.exact(array))
