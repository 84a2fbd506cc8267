"""One mutant, in a process of its own: how its code gets there, and what the process says."""

import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

PATIENCE = 10  # times as long on the clock as of a processor: a busy machine kills no mutant


def limited(seconds: float) -> None:
    """From now on this process has so long; it is ended by a signal after that."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)


def forked(work: Callable[[], str], seconds: float) -> str:
    """What `work` returns in a child without output; `timed out` or `crashed` where it returns nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        limited(seconds)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        try:
            os.write(writer, work().encode())
        except BaseException as exception:
            os.write(writer, f"raised {type(exception).__name__}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said or ("timed out" if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGPROF) else "crashed")


def codes(code: CodeType) -> Iterator[CodeType]:
    """Of functions and methods of a module."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from codes(each)


def replace_code(path: str, function: str, text: str) -> None:
    """Give every function of that name in that file, wherever it is kept, the code of the mutated text."""
    new = next(c for c in codes(compile(text, path, "exec")) if c.co_qualname == function)
    for found in gc.get_objects():
        if isinstance(found, FunctionType):
            code = found.__code__
            if (code.co_qualname, code.co_filename) == (function, path):
                found.__code__ = new


def caches() -> list[Any]:
    """Functions of gradcheck that keep what they returned: a mutant of theirs would not be asked for it again."""
    kept = [found for found in gc.get_objects() if isinstance(found, functools._lru_cache_wrapper)]
    return [found for found in kept if (found.__module__ or "").startswith("gradcheck")]


def identical(kept: Any) -> bool:
    """Whether what it returned is compared by identity, with constants of modules, and must stay what it is."""
    return bool(kept.__module__ == "gradcheck.precision")


class Mutated(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Imports one module from a mutated text."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        found = None
        if name == self.name:
            places = [str(Path(self.path).parent)] if self.path.endswith("__init__.py") else None
            found = importlib.util.spec_from_file_location(
                name, self.path, loader=self, submodule_search_locations=places
            )
        return found

    def get_code(self, name: str) -> CodeType:
        return compile(self.text, self.path, "exec")
