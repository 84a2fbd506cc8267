"""Attributes that have other values while a kernel is imported or called, and their own again afterwards."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from gradcheck.errors import Unusable, near
from gradcheck.implementations.kernels.awaited import awaited


class Replaced(NamedTuple):
    """`holder.name`, or `holder[name]` where it is a dictionary, is `value` for a while."""

    holder: Any
    name: str
    value: Any


@contextmanager
def patched(every: tuple[Replaced, ...]) -> Iterator[None]:
    """All of these for the duration."""
    own = [_get(each.holder, each.name) for each in every]
    try:
        for holder, name, value in every:
            _set(holder, name, value)
        yield
    finally:
        for (holder, name, _), value in zip(every, own, strict=True):
            _set(holder, name, value)


def _get(holder: Any, name: str) -> Any:
    return holder[name] if isinstance(holder, dict) else getattr(holder, name)


def _set(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = value
    else:
        setattr(holder, name, value)


class Within:
    """A function that is called while these are in their places, and what it imports is interpreted; it has the attributes of its
    own.
    """

    def __init__(self, function: Any, every: tuple[Replaced, ...], interpreters: tuple[Any, ...] = ()) -> None:
        self.function, self.every, self.interpreters = function, every, interpreters

    def __call__(self, *given: Any, **named: Any) -> Any:
        with awaited(self.interpreters), patched(self.every):
            return self.function(*given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["function"], name)


def together(module: ModuleType) -> list[ModuleType]:
    """The modules of its package, itself among them."""
    own = module.__name__.split(".")[0]
    found = (
        each for name, each in sorted(sys.modules.items()) if name.split(".")[0] == own and isinstance(each, ModuleType)
    )
    return list(dict.fromkeys((module, *found)))


def blocks(modules: list[ModuleType], given: Mapping[str, int]) -> Iterator[Replaced]:
    """Block sizes, each in every module that has it, and in what kernels are tuned over or choose by a rule."""
    places = [place for module in modules for place in _places(module)] if given else []
    for name, value in given.items():
        found = [Replaced(holder, name, made(value)) for holder, key, made in places if key == name]
        if not found:
            known = {key for _, key, _ in places if key.isupper()}
            hint = near(name, known) or f"it has {', '.join(sorted(known)[:8]) or 'none'}"
            raise Unusable(
                f"{modules[0].__name__.removeprefix('gradcheck_target_')} has no block size {name!r:.60}; {hint}"
            )
        yield from found


Place = tuple[
    Any, str, Callable[[int], Any]
]  # what holds a block size, by which name, and what stands there for a size


def _places(module: ModuleType) -> Iterator[Place]:
    """Whole numbers of the module, and of its kernels, of which each wraps another."""
    yield from ((module, name, int) for name, value in list(vars(module).items()) if type(value) is int)
    for value in list(vars(module).values()):
        kernel: Any = value
        while type(kernel).__module__.startswith("triton.") and hasattr(kernel, "fn"):
            yield from _of_kernel(kernel)
            kernel = kernel.fn


def _of_kernel(kernel: Any) -> Iterator[Place]:
    """`triton.autotune` keeps a list of configurations, and `triton.heuristics` a rule for each name."""
    for config in getattr(kernel, "configs", ()):
        yield from ((config.kwargs, name, int) for name, value in config.kwargs.items() if type(value) is int)
    rules = getattr(kernel, "values", None)
    for name in rules if isinstance(rules, dict) else ():
        yield rules, name, _always


def _always(size: int) -> Callable[[Any], int]:
    return lambda arguments: size
