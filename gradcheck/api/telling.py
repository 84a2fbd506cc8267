"""Arguments that there are not, told on one line with the nearest that there is."""

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, signature
from typing import ParamSpec, TypeVar

from gradcheck.errors import Unusable, near

P = ParamSpec("P")
R = TypeVar("R")


class NoSuchArgument(Unusable, TypeError):
    """A keyword argument of no such name."""


def refused(what: str, unknown: Iterable[str], known: Iterable[str]) -> NoSuchArgument:
    """The error that says which name is not known, and which one was meant or may be."""
    known, name = list(known), min(unknown)
    hint = near(name, known) or f"expected any of {', '.join(known)}"
    return NoSuchArgument(f"{what} has no argument {name!r}; {hint}")


def telling(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which says what was meant by an argument that it does not have."""
    found = signature(function).parameters.values()
    known = [one.name for one in found if one.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]

    @wraps(function)
    def called(*given: P.args, **named: P.kwargs) -> R:
        __tracebackhide__ = True
        unknown = set(named) - set(known)
        if unknown:
            raise refused(getattr(function, "__name__", "it"), unknown, known)
        return function(*given, **named)

    return called
