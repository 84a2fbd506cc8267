"""What a grader's problem computes, described by its user once: from its inputs to operators, one for each of its outputs."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradcheck import tensors
from gradcheck.asserted import explained
from gradcheck.asserted.said import Explained
from gradcheck.ops.description import Op

# `lambda x, y: ops.cross_entropy(x, y)`, or a list where there are several outputs, each an operator or (operator, wrt).
Described = Callable[..., Any]


class Answers(tuple[Explained, ...]):
    """What is said of each output: true where rounding explains all of them. `str()` says what it does not explain, or why
    none was judged.
    """

    why = "nothing of it is described, and nothing was judged"

    @classmethod
    def none(cls, why: str) -> "Answers":
        """None was judged."""
        found = cls()
        found.why = why
        return found

    def __bool__(self) -> bool:
        return bool(len(self)) and all(found.agrees for found in self)

    def __str__(self) -> str:
        if not len(self):
            return self.why
        return "\n".join(str(found) for found in self if not found.agrees)


def outputs(given: Any) -> list[Any]:
    """One array, or several, in the order that a grader has them."""
    if isinstance(given, dict):
        return list(given.values())
    return list(given) if isinstance(given, list | tuple) else [given]


def kept(inputs: Any) -> Any:
    """Inputs as they are now, in memory of their own: who is called with them may write to them, and is not judged by that."""
    if isinstance(inputs, dict):
        return {name: kept(one) for name, one in inputs.items()}
    if isinstance(inputs, list | tuple):
        return [kept(one) for one in inputs]
    return np.array(tensors.array(inputs)) if hasattr(inputs, "shape") else inputs


def answers(described: Described, inputs: Any, output: Any, **declared: Any) -> Answers:
    """What rounding explains of these outputs."""
    called = partial(described, **inputs) if isinstance(inputs, dict) else partial(described, *_listed(inputs))
    meant, found = _meant(called()), outputs(output)
    if len(meant) != len(found):
        return Answers.none(f"outputs given: {len(found)}, described: {len(meant)}; expected as many")
    return Answers(
        explained(array, op, wrt, **declared) for (op, wrt), array in zip(meant, found, strict=True) if op is not None
    )


def _listed(inputs: Any) -> Iterable[Any]:
    return inputs if isinstance(inputs, list | tuple) else [inputs]


def _meant(said: Any) -> Sequence[tuple[Op | None, str | None]]:
    """Operators, each with what it is differentiated by; None for an output of which nothing is described."""
    listed = said if isinstance(said, list) else [said]
    return [one if isinstance(one, tuple) else (one, None) for one in listed]
