"""How a kernel is named: `module:function[BLOCK=2](Z, Y, label_smoothing=smoothing, reduction="mean")`.

In round brackets stands what its wrapper is called with: Z, or X, theta and b, and Y; options of the loss by any of their names,
which problems vary; and whatever is the same for all, as Python writes it. In square ones stand constants of its modules, or of the
configurations that it is tuned over, that are replaced.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gradcheck.errors import Unusable
from gradcheck.implementations.told import ALIASES

LONGEST = 4096  # characters
ARRAYS = ("Z", "X", "theta", "b", "Y")
MOST = 1 << 20  # of a block
_WORD = re.compile(r"(?P<place>[^\[\](),]+)(?:\[(?P<blocks>[^\]]*)\])?(?:\((?P<call>.*)\))?", re.DOTALL)
_EXPECTED = "expected module:function, perhaps with [BLOCK=2] and with (Z, Y, …) behind it"


class Given(NamedTuple):
    """One argument: an array or an option of the loss by its name, or a constant. `key` is where it is given by keyword."""

    key: str
    name: str
    constant: Any = None


@dataclass(frozen=True)
class Call:
    """What the wrapper of a kernel is called with, in order."""

    given: tuple[Given, ...] = (Given("", "Z"), Given("", "Y"))

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays and options that it takes."""
        return tuple(each.name for each in self.given if each.name)

    def __str__(self) -> str:
        return ", ".join(f"{each.key}={_shown(each)}" if each.key else _shown(each) for each in self.given)

    @property
    def of_logits(self) -> bool:
        """Whether it is a loss of logits, and not of theta and X."""
        return "Z" in self.names

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the loss that problems vary, as they are called here."""
        return tuple(name for name in self.names if name in ALIASES)

    def arguments(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What is handed over by place, and by keyword."""
        found = [(each.key, values[each.name] if each.name else each.constant) for each in self.given]
        return [value for key, value in found if not key], {key: value for key, value in found if key}


@dataclass(frozen=True)
class Word:
    """A kernel as it is named: where it is, its call, and the blocks that are replaced."""

    place: str
    call: Call = Call()
    blocks: Mapping[str, int] = field(default_factory=dict)


def read(text: str) -> Word:
    """The word; `Unusable` where it is none."""
    found = _WORD.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None or not found["place"].strip():
        raise Unusable(f"kernel {text!r:.200} is not known; {_EXPECTED}")
    blocks = dict(block(each) for each in (found["blocks"] or "").split(",") if each.strip())
    return Word(found["place"].strip(), Call() if found["call"] is None else call(found["call"]), blocks)


def block(text: str) -> tuple[str, int]:
    """`NAME=N`."""
    name, _, number = (part.strip() for part in text.partition("="))
    return checked((name, int(number) if number.isdecimal() and len(number) < 16 else number))


def checked(given: tuple[Any, Any]) -> tuple[str, int]:
    """A block and its size, if they can be."""
    name, size = given
    if not (isinstance(name, str) and name.isidentifier() and type(size) is int and 0 < size <= MOST):
        raise Unusable(f"block {f'{name}={size}'!r:.60} is not known; expected NAME=N, such as BLOCK_SIZE=2")
    return name, size


def call(text: str) -> Call:
    """What stands between the round brackets."""
    try:
        parsed = ast.parse(f"_({text})", mode="eval").body
        assert isinstance(parsed, ast.Call) and isinstance(parsed.func, ast.Name)
        found = Call(tuple(_given(parsed)))
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        raise Unusable(
            f"call ({text:.200}) is not known; expected arguments, such as (Z, Y, None, label_smoothing)"
        ) from None
    wanted = {"Z", "Y"} if found.of_logits else {"X", "theta", "Y"}
    arrays = [name for name in found.names if name in ARRAYS]
    if not wanted <= set(arrays) <= wanted | (set() if found.of_logits else {"b"}) or len(arrays) > len(set(arrays)):
        raise Unusable(
            f"call ({text:.200}) names {', '.join(arrays) or 'no arrays'}; expected Z and Y, or X, theta, Y and perhaps b"
        )
    return found


def _shown(given: Given) -> str:
    return given.name or repr(given.constant)


def _given(parsed: ast.Call) -> Iterator[Given]:
    for key, node in [("", each) for each in parsed.args] + [(each.arg or "*", each.value) for each in parsed.keywords]:
        if key == "*" or isinstance(node, ast.Starred):
            raise ValueError("it has a star")
        if isinstance(node, ast.Name):
            if node.id not in (*ARRAYS, *ALIASES):
                raise Unusable(
                    f"a call names {node.id!r:.60}; expected any of {', '.join((*ARRAYS, *ALIASES))}, or a constant"
                )
            yield Given(key, node.id)
        else:
            yield Given(key, "", ast.literal_eval(node))
