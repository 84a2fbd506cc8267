"""What was computed: an operator applied to its inputs, and what is known of what it returns. Calls nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import precision
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.errors import Unusable, near
from gradcheck.ops.views import View
from gradcheck.precision import Precision
from gradcheck.problem import Array

# What others call the inputs.
ALIASES = {"logits": "Z", "weight": "theta", "w": "theta", "W": "theta", "bias": "b", "x": "X", "z": "Z"}


@dataclass(frozen=True)
class Grants:
    """How the code is declared to round, and what its gradient filter may leave out: entries of A below `filtered`.

    `once`: each result is written down once, in the precision of its array; `inside` is what it is computed in, `array` that of
    the array.
    """

    inside: Precision
    array: Precision
    once: bool = False
    filtered: float = 0.0


@dataclass(frozen=True, eq=False)
class Limits:
    """Of some rows of a result, from `start` on: what they must be, and what rounding may do; where `zero`, 0 is right, too."""

    start: int
    truth: Enclosure
    allowed: Reals
    zero: NDArray[np.bool_] | None = None


def coarsest(inputs: Mapping[str, Array]) -> Precision:
    """The coarsest precision of some arrays."""
    return max((precision.of(array.dtype) for array in inputs.values()), key=lambda p: p.u)


@dataclass(frozen=True, eq=False)
class Probed:
    """What an audit takes (`arrays`), and what it calls the array that is judged (`name`), with samples in rows where `turned`."""

    name: str
    arrays: Mapping[str, Any]
    turned: bool


Judge = Callable[["Op", str, Grants], Iterator[Limits]]


@dataclass(frozen=True, eq=False)
class Op:
    """An operator and its `inputs` by name. `views` says how its value ("") and each gradient that is known of it are seen.

    `judge` gives what is known of one of these, some rows at a time. `about` are options that reports print; `wrong` gives what
    some rows would be under other options, for a cause.
    """

    name: str
    inputs: Mapping[str, Array]
    views: Mapping[str, View]
    judge: Judge
    about: Mapping[str, Any] = field(default_factory=dict)
    stored: str = ""  # what arrays between two steps are written down in, where nothing else is declared
    wrong: Callable[[str, Grants, slice], Iterator[tuple[str, Reals]]] | None = None
    labels: Array | None = None
    inner: int = 0  # terms of its longest sum
    probed: Callable[[str], Probed | None] = lambda wrt: None  # where there is too much to be judged entry by entry

    def view(self, wrt: str | None) -> tuple[str, View]:
        """Its quantity of that name; `Unusable` for one that is not known."""
        given = "" if wrt is None else wrt
        name = given if not isinstance(given, str) or given in self.views else ALIASES.get(given, given)
        if not isinstance(given, str) or name not in self.views:
            known = [key for key in self.views if key]
            value = ["nothing"] if "" in self.views else []
            hint = near(str(wrt), known) or f"expected {' or '.join(value + known)}"
            if not known and {str(name), str(given)} & set(self.inputs):
                hint = "its gradient is of what flows back to it: give upstream= to the operator"
            raise Unusable(f"{self.name}: wrt={wrt!r:.60} is not known; {hint}")
        return str(name), self.views[str(name)]

    @property
    def precision(self) -> Precision:
        """The coarsest of its inputs."""
        return coarsest(self.inputs)

    def symbol(self, wrt: str) -> str:
        """What is judged, in words."""
        return f"∂{self.name}/∂{'θ' if wrt == 'theta' else wrt}" if wrt else self.name

    def __repr__(self) -> str:
        shown = [f"{name} {array.dtype.name}{list(array.shape)}" for name, array in self.inputs.items()]
        shown += [f"{name}={value!r}" if len(repr(value)) < 40 else f"{name}=…" for name, value in self.about.items()]
        return f"{self.name}({', '.join(shown)})"
