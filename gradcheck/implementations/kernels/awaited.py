"""An interpreter is set up when its package is imported for a kernel, and no other is: nobody else's code is interpreted for it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from gradcheck.errors import Unusable


class Awaited(MetaPathFinder):
    """Finds the packages of interpreters where Python does, once each."""

    def __init__(self, waiting: dict[str, Any]) -> None:
        self.waiting = waiting

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """A package with its switch set before it is imported, and prepared right after, before anything is taken from it."""
        interpreter = self.waiting.pop(name, None)
        spec = PathFinder.find_spec(name, path, target) if interpreter is not None else None
        if spec is None or spec.loader is None:
            return None
        os.environ[interpreter.SWITCH] = "1"
        loader: Any = spec.loader
        own = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            own(module)
            interpreter.prepare()

        loader.exec_module = exec_module
        return spec


@contextmanager
def awaited(interpreters: tuple[Any, ...]) -> Iterator[None]:
    """While a kernel is imported, those that it imports are prepared. One that is too late is told of where the kernel needs it."""
    switched = [each for each in interpreters if each.SWITCH]
    for each in switched:
        if each.PACKAGE in sys.modules:
            try:
                each.prepare()
            except Unusable:
                continue
    finder = Awaited({each.PACKAGE: each for each in switched if each.PACKAGE not in sys.modules})
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
