"""The text of a specification: its digest tells whether a loss has changed since a case of it was saved."""

import hashlib
import inspect
import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any


@dataclass(frozen=True)
class Source:
    """The name of a function, `focal.py:focal`, and the SHA-256 of its text and of what it uses of its file."""

    name: str
    origin: str
    digest: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Source":
        """Of a function; of what has no text, by what it is compiled to."""
        plain = inspect.unwrap(function)
        name = str(getattr(plain, "__name__", type(plain).__name__))
        code = getattr(plain, "__code__", None)
        file = os.path.basename(code.co_filename) if code else ""
        digest = hashlib.sha256()
        for text in _texts(plain, set()):
            digest.update(text.encode("utf-8", errors="backslashreplace") + b"\0")
        return cls(name, f"{file}:{name}"[:200], digest.hexdigest())


def _texts(function: Any, seen: set[int]) -> Iterator[str]:
    """Its text, and those of the functions and numbers of its module that it names."""
    seen.add(id(function))
    code = getattr(function, "__code__", None)
    try:
        yield textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        yield repr((code.co_code, code.co_consts, code.co_names)) if code else repr(type(function))
    for name in sorted(_names(code)) if code else ():
        value = getattr(function, "__globals__", {}).get(name)
        if isinstance(value, FunctionType) and value.__module__ == function.__module__ and id(value) not in seen:
            yield from _texts(value, seen)
        elif isinstance(value, bool | int | float | str | tuple):
            yield f"{name} = {value!r}"


def _names(code: CodeType) -> set[str]:
    return {
        *code.co_names,
        *(name for inner in code.co_consts if isinstance(inner, CodeType) for name in _names(inner)),
    }


def word(function: Any) -> str:
    """`path/to/focal.py:focal`, of a function that stands in a file by its own name; empty of any other."""
    code, name = getattr(function, "__code__", None), getattr(function, "__qualname__", "")
    if code is None or not name.isidentifier() or not os.path.isfile(code.co_filename):
        return ""
    if getattr(function, "__globals__", {}).get(name) is not function or not code.co_filename.endswith(".py"):
        return ""
    return located(code.co_filename, name)


def located(file: str, name: str) -> str:
    """What stands in a file, by its path from here, if it lies below."""
    near = os.path.relpath(file)
    return f"{file if near.startswith(os.pardir) else near}:{name}"
