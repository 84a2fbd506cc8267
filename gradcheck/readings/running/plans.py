"""What a reading does to running arrays, noted as it is done, so that it can be done to others of the same shapes: a plan.

A text takes longer to be read, forward and backward, than what it says takes to be done to a few numbers. A plan is the list of
what was done: the same operations in the same order, so that what comes of it is the same, bit for bit. It stands for the text
wherever nothing hung on the numbers themselves. So there is none where they were compared, looked at or written over, nor where
an array was met that is neither given nor made by an operation that is noted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gradcheck.precision import Precision
from gradcheck.readings.running.parts import Parts, truthful

NUMBERS = (int, float, np.generic, np.ndarray)  # operands that a text has written down, or made of a shape
Array = TypeVar("Array")


class Step(NamedTuple):
    """One operation, of the places of its operands; without a precision it only moves entries. `name` and `shape` say which, and
    of what shape its result is.
    """

    rounding: Callable[..., Parts]
    p: Precision | None
    options: Mapping[str, Any]
    operands: tuple[int, ...]
    place: int
    name: str = ""
    shape: tuple[int, ...] = ()


@dataclass(eq=False)
class Plan:
    """All steps, what is constant in them, and in which place each quantity is; None of one that the loss does not depend on."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)  # of what is given
    steps: list[Step] = field(default_factory=list)
    constants: dict[int, Any] = field(default_factory=dict)
    results: dict[str, tuple[int, np.dtype] | None] = field(default_factory=dict)
    ends: bool = False  # whether what comes after these results hangs on numbers
    alike: dict[str, Any] = field(default_factory=dict)  # what is known of permutations
    _needed: dict[str, list[Step]] = field(default_factory=dict)

    def done(self, quantity: str, state: dict[int, Any]) -> tuple[Any, Any, np.dtype] | None:
        """The same of what `state` has in the places of what is given; it keeps what has been worked out."""
        result = self.results[quantity]
        if result is None:
            return None
        for rounding, p, options, operands, place, *_ in self._of(quantity, result[0]):
            if place in state:
                continue
            parts = [state[operand] for operand in operands]
            if p is None:
                state[place] = rounding(*parts)
                continue
            found = rounding(*parts, p, **options)
            state[place] = truthful(found, parts) if p.truthful else found
        found = state[result[0]]
        return found.value, found.error, result[1]

    def _of(self, quantity: str, place: int) -> list[Step]:
        """The steps that a quantity takes."""
        if quantity not in self._needed:
            wanted, found = {place}, []
            for step in reversed(self.steps):
                if step.place in wanted:
                    wanted.update(step.operands)
                    found.append(step)
            self._needed[quantity] = found[::-1]
        return self._needed[quantity]


class Recording:
    """Notes a reading of arrays that are `given`, in the places in which they stand, as far as there is a plan of it."""

    def __init__(self, given: Sequence[Any]) -> None:
        self.plan = Plan(shapes=[array.shape for array in given])
        self.places = {id(array): place for place, array in enumerate(given)}
        self._held: list[Any] = list(given)  # what is known by its address must be kept

    def spoil(self) -> None:
        """What comes next hangs on numbers."""
        self.plan.ends = True

    def constant(self, array: Any) -> None:
        """An array that is made of no other."""
        self.plan.constants[self._entered(array)] = array

    def note(  # noqa: PLR0917 - what is noted
        self,
        found: Any,
        rounding: Callable[..., Parts],
        p: Precision | None,
        options: Mapping[str, Any],
        operands: Sequence[Any],
        parts: Sequence[Any],
        name: str = "",
    ) -> None:
        """What an operation has come to, and the operation: its operands as they were, and in parts."""
        if self.plan.ends:
            return
        places = []
        for operand, part in zip(operands, parts, strict=True):
            if isinstance(operand, NUMBERS):
                places.append(self._entered(operand))
                self.plan.constants[places[-1]] = Parts(part.value.copy(), part.error.copy())
            elif id(operand) in self.places:
                places.append(self.places[id(operand)])
            else:
                self.spoil()
                return
        place = self._entered(found)
        self.plan.steps.append(Step(rounding, p, options, tuple(places), place, name, found.shape))

    def _entered(self, array: Any) -> int:
        self._held.append(array)
        place = self.places[id(array)] = len(self._held) - 1
        return place

    def result(self, quantity: str, found: Any) -> None:
        """What a quantity has come to."""
        if not self.plan.ends and (found is None or id(found) in self.places):
            self.plan.results[quantity] = None if found is None else (self.places[id(found)], found.dtype)
        else:
            self.spoil()


def moving(function: Callable[..., Any], **options: Any) -> Callable[..., Parts]:
    """What is done to values and errors alike."""

    def moved(*x: Any) -> Parts:
        value, error = (function(*(getattr(one, name) for one in x), **options) for name in Parts._fields)
        return Parts(np.asarray(value), np.asarray(error))

    return moved


RECORDING: ContextVar[Recording | None] = ContextVar("RECORDING", default=None)


@contextmanager
def noted(recording: Recording | None) -> Iterator[None]:
    """Within it, what is done to running arrays is noted."""
    before = RECORDING.set(recording)
    try:
        yield
    finally:
        RECORDING.reset(before)


def made(found: Array, *how: Any) -> Array:
    """The result of an operation: noted is how, as `Recording.note` takes it."""
    recording = RECORDING.get()
    if recording is not None:
        recording.note(found, *how)
    return found


def constant(array: Array) -> Array:
    """What is made of no other array."""
    recording = RECORDING.get()
    if recording is not None:
        recording.constant(array)
    return array


def spoil() -> None:
    """Numbers are looked at."""
    recording = RECORDING.get()
    if recording is not None:
        recording.spoil()


# ---- the plans of a run ----


@dataclass(eq=False)
class Plans:
    """Of each loss, shape and precision the plan; of which losses and shapes there is one of the loss itself; and what hangs on
    these and on labels alone.
    """

    known: dict[Any, Plan] = field(default_factory=dict)
    straight: set[Any] = field(default_factory=set)
    factors: dict[Any, float] = field(default_factory=dict)


MOST = 1024  # of each: a choice of memory


def room(kept: dict[Any, Any]) -> dict[Any, Any]:
    """With room for one more: emptied where there is none."""
    if len(kept) >= MOST:
        kept.clear()
    return kept


PLANS: ContextVar[Plans | None] = ContextVar("PLANS", default=None)


@contextmanager
def kept() -> Iterator[None]:
    """Within it, plans are kept: for one run, so that a text that has changed since is read anew."""
    before = PLANS.set(Plans())
    try:
        yield
    finally:
        PLANS.reset(before)
