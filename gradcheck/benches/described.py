"""What a grader's problem computes, described by its user once: from its inputs to operators, one for each of its outputs."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from gradcheck.asserted import explained
from gradcheck.asserted.said import Explained
from gradcheck.errors import Unusable
from gradcheck.ops.description import Op

# `lambda x, y: ops.cross_entropy(x, y)`, or a list where there are several outputs, each an operator or (operator, wrt).
Described = Callable[..., Any]


class Answers(tuple[Explained, ...]):
    """What is said of each output: true where rounding explains all of them. `str()` says what it does not explain."""

    def __bool__(self) -> bool:
        return bool(len(self)) and all(found.agrees for found in self)

    def __str__(self) -> str:
        if not len(self):
            return "nothing of it is described, and nothing was judged"
        return "\n".join(str(found) for found in self if not found.agrees)


def outputs(given: Any) -> list[Any]:
    """One array, or several, in the order that a grader has them."""
    if isinstance(given, dict):
        return list(given.values())
    return list(given) if isinstance(given, list | tuple) else [given]


def answers(described: Described, inputs: Any, output: Any, **declared: Any) -> Answers:
    """What rounding explains of these outputs."""
    called = partial(described, **inputs) if isinstance(inputs, dict) else partial(described, *_listed(inputs))
    meant, found = _meant(called()), outputs(output)
    if len(meant) != len(found):
        raise Unusable(f"{len(found)} outputs are given, and {len(meant)} are described; expected an operator for each")
    return Answers(
        explained(array, op, wrt, **declared) for (op, wrt), array in zip(meant, found, strict=True) if op is not None
    )


def _listed(inputs: Any) -> Iterable[Any]:
    return inputs if isinstance(inputs, list | tuple) else [inputs]


def _meant(said: Any) -> Sequence[tuple[Op | None, str | None]]:
    """Operators, each with what it is differentiated by; None for an output of which nothing is described."""
    listed = said if isinstance(said, list) else [said]
    return [one if isinstance(one, tuple) else (one, None) for one in listed]
