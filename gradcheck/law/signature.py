"""How a specification of a loss is called: which arrays it takes, and which options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.printable import clipped

ARRAYS = ("theta", "b", "X", "Z", "Y")
SPACE = "np"  # the parameter that is given the functions a loss may be written in
EXPECTED = "expected some of theta, b, X and Y, or Z and Y, then np and options with defaults"
_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
LARGEST = 2**1023
LONGEST, MOST = 200, 64  # characters of a text, and options, that data may name


@dataclass(frozen=True)
class Taken:
    """The arrays that it takes, in order, its options, and whether it is given the functions."""

    arrays: tuple[str, ...]
    options: dict[str, Any]
    space: bool
    defaults: dict[str, Any]


def read(function: Callable[..., Any], given: Mapping[str, Any]) -> Taken:
    """What the parameters of a function say; `Unusable` in one line where it is no specification."""
    name = clipped(str(getattr(function, "__name__", function)), 60)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        shown = getattr(function, "__wrapped__", function)
        raise Unusable(f"a loss is {shown!r:.60}; expected a function of arrays") from None
    arrays = tuple(p.name for p in parameters if p.name in ARRAYS and p.kind in _KINDS)
    options: dict[str, Any] = {}
    for p in parameters:
        if p.name in arrays and p.default is not p.empty:  # an option that is called as an array is
            raise Unusable(f"the loss {name} has a default of {p.name}, which is an array; call the option otherwise")
        if p.name in arrays or (p.name == SPACE and p.kind in _KINDS):
            continue
        if p.kind not in _KINDS or (p.default is p.empty and p.name not in given and p.kind is _KINDS[0]):
            raise Unusable(f"the loss {name} has a parameter {p.name}; {EXPECTED}")
        if p.default is p.empty and p.name not in given:
            raise Unusable(f"the loss {name} needs {p.name}, which has no default: --loss-option {p.name}=VALUE")
        options[p.name] = value(name, p.name, given.get(p.name, p.default))
    if not set(arrays) - {"Y"}:
        raise Unusable(f"the loss {name} is a function of {', '.join(arrays) or 'no arrays'}; {EXPECTED}")
    if unknown := sorted(set(given) - set(options)):
        raise Unusable(f"the loss {name} has no option {unknown[0]!r:.60}; it has {', '.join(options) or 'none'}")
    usual = {p.name: p.default for p in parameters if p.name in options and p.default is not p.empty}
    return Taken(arrays, options, any(p.name == SPACE for p in parameters), usual)


def value(loss: str, name: str, given: Any) -> Any:
    """The value of an option: a number, a word, or a list of numbers, so that it can be written down."""
    if isinstance(given, list | tuple) and len(given) <= 2**20 and all(type(entry) in (int, float) for entry in given):
        return tuple(given)
    if given is None:
        return None
    given = given.item() if isinstance(given, numpy.generic) else given
    kind = next((kind for kind in (bool, int, float, str) if isinstance(given, kind)), None)
    if kind is int and abs(given) > LARGEST:
        raise Unusable(f"the option {name} of the loss {loss} is larger than any number of float64")
    if kind and not (kind is str and len(given) > LONGEST):
        return str.__str__(given) if kind is str else kind(given)  # a plain one, of an enumeration too
    raise Unusable(
        f"the option {name} of the loss {loss} is {given!r:.60}; expected a number, a word or a list of numbers"
    )


def named(given: Mapping[str, Any]) -> dict[str, Any]:
    """What data say of a loss: its name, where it came from, the digest of its text, and its options."""
    texts = {key: given.get(key) for key in ("loss", "from", "digest")}
    for key, text in texts.items():
        if not isinstance(text, str) or len(text) > LONGEST:
            raise Unusable(f"law {key} is {text!r:.60}; expected a text of at most {LONGEST} characters")
    options, unknown = given.get("options", {}), sorted(set(given) - {*texts, "options"})
    if unknown or not isinstance(options, dict) or len(options) > MOST:
        raise Unusable(f"law has {unknown or options!r:.60}; expected loss, from, digest and options")
    name = clipped(str(texts["loss"]), 60)
    found = {str(key): value(name, str(key), entry) for key, entry in options.items()}
    return {"name": name, "origin": texts["from"], "digest": texts["digest"], "options": found}
