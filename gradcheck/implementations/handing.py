"""How an implementation is handed its arrays, where that is not afresh: in the same memory again, or so that to use one raises.

Adapters lay arrays out anew, most of them as views. What they make and hand over goes through the `Handing` of the moment, so
that a target sees the memory, and the objects, that the code of a user would have handed it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from gradcheck.problem import Array

Key = tuple[Any, ...]


class Handing:
    """Afresh: each array as it was made."""

    def made(self, key: Key, array: Array) -> Array:
        """What an adapter made of an argument, where no view of it would do."""
        return array

    def passed(self, key: Key, arguments: tuple[Array, ...]) -> tuple[Array, ...]:
        """The arguments of a call, as the target takes them."""
        return arguments

    def framework(self, key: Key, array: Array, made: Any, write: Callable[[Any, Any], object]) -> Any:
        """What a framework made of an array; one that is kept is told of new numbers by `write(kept, made)`."""
        return made


class Again(Handing):
    """What an optimiser does: the same arrays at every call, with other numbers in them."""

    def __init__(self) -> None:
        self._kept: dict[Key, Any] = {}

    def made(self, key: Key, array: Array) -> Array:
        kept: Array = self._kept.setdefault(("made", *key, array.shape, array.dtype), array)
        if kept is not array:
            kept[...] = array
        return kept

    def passed(self, key: Key, arguments: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(self._same((*key, place), array) for place, array in enumerate(arguments))

    def _same(self, key: Key, array: Array) -> Array:
        """The same object, if it is of the same memory: each call makes new views of it."""
        kept = self._kept.get(key)
        if kept is None or _where(kept) != _where(array):
            kept = self._kept[key] = array
        return kept

    def framework(self, key: Key, array: Array, made: Any, write: Callable[[Any, Any], object]) -> Any:
        kept = self._kept.setdefault(("framework", *key, *_where(array)), made)
        if kept is not made:
            write(kept, made)
        return kept


def _where(array: Array) -> Key:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


class Unreadable(Handing):
    """One argument raises as soon as it enters into any arithmetic, and is otherwise as it should be.

    Code that raises by itself does so where shapes do not fit, at which native code may do anything. This array has the right
    shape and the right numbers: who does not look at its type computes with it.
    """

    def __init__(self, place: int) -> None:
        self.place, self.raised, self._armed = place, False, True

    def passed(self, key: Key, arguments: tuple[Array, ...]) -> tuple[Array, ...]:
        if self.place >= len(arguments):
            return arguments
        mine = arguments[self.place].view(_Raising)
        mine.handing = self
        return (*arguments[: self.place], mine, *arguments[self.place + 1 :])

    def over(self) -> None:
        """From now on it is an array like any other: whoever has kept it may use it."""
        self._armed = False

    def used(self) -> None:
        """It enters into arithmetic."""
        if self._armed:
            self.raised = True
            raise RuntimeError("an argument that cannot be used")


class _Raising(np.ndarray):
    handing: Unreadable | None = None

    def __array_finalize__(self, made_of: Any) -> None:
        self.handing = getattr(made_of, "handing", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        self._used()
        if options.get("out"):
            options["out"] = tuple(map(_plain, options["out"]))
        return getattr(ufunc, method)(*map(_plain, inputs), **options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        self._used()
        return super().__array_function__(function, types, arguments, options)

    def _used(self) -> None:
        if self.handing is not None:
            self.handing.used()


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Raising) else value


_AFRESH = Handing()
_now: ContextVar[Handing] = ContextVar("handing", default=_AFRESH)


def now() -> Handing:
    """How arrays are handed over at the moment."""
    return _now.get()


@contextmanager
def by(handing: Handing) -> Iterator[None]:
    """All calls within are handed their arrays so."""
    token = _now.set(handing)
    try:
        yield
    finally:
        _now.reset(token)
