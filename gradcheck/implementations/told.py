"""Functions that are told which loss is meant: which options they take, by which names, and with which values they are called.

Options are keyword arguments. What a program of the protocol is told is the whole law (`Implementation.told`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import FIELDS, NO_CLASS

if TYPE_CHECKING:
    from gradcheck.implementations.record import Implementation

ADDRESSED = ("loss", "gradients")  # the functions that have to do with labels
KWONLY, ANY = "__kwdefaults__", 0x08  # where defaults stand, and the flag of code that takes **options

# The names by which code takes an option, each with the field of the law.
ALIASES = {
    "class_weight": "class_weight",
    "weight": "class_weight",
    "ignore": "ignore",
    "ignore_index": "ignore",
    "smoothing": "smoothing",
    "label_smoothing": "smoothing",
    "softcap": "softcap",
    "z_loss": "z_loss",
    "scale": "scale",
    "temperature": "scale",
    "l2": "l2",
    "lse_square_scale": "z_loss",
}


def keyword_only(function: Any) -> dict[str, bool]:
    """The options that are keyword-only parameters of a function, and whether each has a default."""
    code = getattr(function, "__code__", None)
    if code is None or not code.co_kwonlyargcount:
        return {}
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = getattr(function, KWONLY) or {}
    return {name: name in defaults for name in names if name in ALIASES}


def found(functions: Iterable[Any]) -> tuple[str, ...]:
    """The fields that every one of these functions takes as a keyword-only argument: what problems may vary."""
    taken = [{ALIASES[name] for name in keyword_only(function)} for function in functions]
    return tuple(field for field in FIELDS if taken and all(field in fields for fields in taken))


def unvaried(implementation: "Implementation") -> Iterator[tuple[str, str]]:
    """Options that `loss` or `gradients` has, and that problems do not vary; and what would let them."""
    taken = {*fields(implementation.takes.options), *implementation.law.said}
    functions = [f for f in (implementation.loss, implementation.gradients) if f is not None]
    some = () if implementation.told or implementation.adapted else functions
    for name in dict.fromkeys(name for function in some for name in _parameters(function)):
        if ALIASES[name] not in taken:
            yield name, "keyword-only in loss and gradients"


def _parameters(function: Any) -> Iterator[str]:
    code = getattr(function, "__code__", None)
    if code is not None:
        yield from (n for n in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if n in ALIASES)


def fields(takes: Iterable[str]) -> tuple[str, ...]:
    """The fields of options by any of their names, in order; `Unusable` for a name that is none."""
    takes = (takes,) if isinstance(takes, str) else tuple(takes)
    for name in takes:
        if name not in ALIASES:
            raise Unusable(f"takes names {name!r:.60}; expected any of {', '.join(ALIASES)}")
    return tuple(field for field in FIELDS if field in {ALIASES[name] for name in takes})


def names(function: Any, takes: tuple[str, ...]) -> tuple[str, ...]:
    """By which names a function is handed options: its own, or those of `takes` where it does not say what it takes.

    An option that has a default and is not in `takes` is left to it.
    """
    own = keyword_only(function)
    if own:
        varied = fields(takes)
        return tuple(name for name, default in own.items() if not default or ALIASES[name] in varied)
    return takes


def value(name: str, law: CrossEntropy, dtype: np.dtype) -> Any:
    """What an option is given as: a weight for each class as an array of the problem's dtype, anything else as a number."""
    given = getattr(law, ALIASES[name])
    if ALIASES[name] == "class_weight":
        return np.array(given).astype(dtype) if given else None
    if name == "temperature":
        return 1 / given
    return NO_CLASS if ALIASES[name] == "ignore" and given is None else given


def calling(implementation: "Implementation", name: str) -> Callable[..., Any]:
    """The function of that name, to be called with the law and its arrays."""
    return handing(implementation, getattr(implementation, name))


def handing(implementation: "Implementation", function: Any) -> Callable[..., Any]:
    """The same of any function of this implementation."""
    if implementation.told:
        return lambda law, *arrays: function(*arrays, law=law)
    options = names(function, implementation.takes.options)
    if not options:
        return lambda law, *arrays: function(*arrays)
    return lambda law, *arrays: function(*arrays, **{key: value(key, law, arrays[0].dtype) for key in options})


class Bound:
    """A function that takes the law, and the law of one problem."""

    def __init__(self, function: Any, law: CrossEntropy) -> None:
        self.function, self.law = function, law

    def __call__(self, *arrays: Any) -> Any:
        return self.function(*arrays, law=self.law)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["function"], name)
