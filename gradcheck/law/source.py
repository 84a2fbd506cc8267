"""The text of a specification: its digest tells whether a loss has changed since a case of it was saved."""

import hashlib
import inspect
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
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
        for text in _texts(plain, {}):
            digest.update(text.encode("utf-8", errors="backslashreplace") + b"\0")
        return cls(name, f"{file}:{name}"[:200], digest.hexdigest())


def _texts(function: Any, seen: dict[int, Any]) -> Iterator[str]:
    """Its text, and what it is made with: what it names of its module, encloses, has as defaults, or is bound to."""
    seen[id(function)] = function  # kept, as what is known by its address must be
    code = getattr(function, "__code__", None)
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError, IndexError):
        text = ""
    yield text or (_compiled(code) if code else repr(type(function)))
    if code and text.count("lambda") > 1:  # of several in one line the text does not say which
        yield _compiled(code)
    for name, value in _enclosed(function, code):
        yield from _value(name, value, seen)


def _enclosed(function: Any, code: CodeType | None) -> Iterator[tuple[str, Any]]:
    space = getattr(function, "__globals__", {})
    if code is None:  # an object that is called: a partial function, or one with its own __call__
        yield "call", getattr(function, "func", inspect.getattr_static(type(function), "__call__", None))
        yield "args", [getattr(function, "args", ()), getattr(function, "keywords", {}), _state(function)]
        return
    for name in sorted(_names(code)):
        value = space.get(name, ...)
        if not isinstance(value, FunctionType) or value.__module__ == function.__module__:
            yield name, value
    for name, cell in zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=False):
        with suppress(ValueError):  # of a name that has no value yet
            yield name, cell.cell_contents
    yield "defaults", [getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None)]
    if getattr(function, "__self__", None) is not None:
        yield "self", _state(function.__self__)


def _state(thing: Any) -> Any:
    return getattr(thing, "__dict__", None) if not isinstance(thing, type) else None


def _value(name: str, value: Any, seen: dict[int, Any]) -> Iterator[str]:
    """A number, a text, an array, a function, or a collection of these; of anything else nothing is said."""
    if isinstance(value, bool | int | float | complex | str | bytes | None):
        yield f"{name} = {value!r}"
    elif hasattr(value, "tobytes") and hasattr(value, "dtype"):
        yield f"{name} = {value.dtype} {value.shape} {value.tobytes().hex()}"
    elif id(value) in seen:
        return
    elif isinstance(value, FunctionType | partial):
        yield from _texts(value, seen)
    elif isinstance(value, dict | list | tuple):
        seen[id(value)] = value
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _value(f"{name}[{key!r:.60}]", entry, seen)


def _compiled(code: CodeType) -> str:
    inner = [
        _compiled(part)
        if isinstance(part, CodeType)
        else sorted(map(repr, part))
        if isinstance(part, frozenset)
        else repr(part)
        for part in code.co_consts
    ]
    return repr((code.co_code, inner, code.co_names, code.co_varnames))


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
