"""A loss of one's own that is written in jax.numpy: the same as a specification in NumPy's notation, by way of its jaxpr."""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import update_wrapper
from importlib import import_module
from typing import Any

from gradcheck.law.own import Loss
from gradcheck.law.source import located


class Jnp:
    """A function of jax.numpy, to be called with arrays of any reading. Nothing imports JAX before that.

    `wide`: numbers as they are meant, whatever precision the text has them in.
    """

    def __init__(self, function: Callable[..., Any], *, wide: bool = False) -> None:
        update_wrapper(self, function)
        self.function, self.wide = function, wide
        self.__code__ = getattr(function, "__code__", None)

    def __call__(self, **given: Any) -> Any:
        return _read().value(self.function, *_apart(given), wide=self.wide)

    def flows(self, given: Mapping[str, Any], options: Mapping[str, Any], seed: Any) -> dict[str, Any]:
        """What JAX's own gradient program does to arrays that carry errors."""
        found: dict[str, Any] = _read().flows(self.function, given, options, seed)
        return found


def _apart(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays = {name: x for name, x in given.items() if hasattr(x, "shape") and name != "np"}
    return arrays, {name: x for name, x in given.items() if name not in arrays}


def _read() -> Any:
    return import_module("gradcheck.readings.jaxpr.read")


class Traced(Loss):
    """A loss whose equations JAX has traced."""

    differentiated = True

    def __init__(
        self, function: Callable[..., Any], *, name: str = "", holds: Iterable[str] = (), **options: Any
    ) -> None:
        found = function if isinstance(function, Jnp) else Jnp(function)
        super().__init__(found, name=name, holds=holds, **options)

    @property
    def exact(self) -> "Traced":
        """As its numbers are meant."""
        found = copy(self)
        found._set(function=Jnp(self.function.function, wide=True))
        return found

    def forget(self) -> None:
        if self.function:
            _read().door.forget(self.function.function)

    @property
    def word(self) -> str:
        """The name that the loss itself has in the file of the function: the function there is no specification in NumPy."""
        function = self.function.function if self.function else None
        code, space = getattr(function, "__code__", None), getattr(function, "__globals__", {})
        for name, value in space.items():
            if code and isinstance(value, Traced) and value.function and value.function.function is function:
                return located(code.co_filename, name)
        return ""
