"""The table of mistakes: each is a named wrong model, and has two uses. It is caught, and it is recognised."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck import sentences
from gradcheck.implementations import Implementation
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN
from gradcheck.mistakes.stages import Model

GROUPS = {
    "scale": "factors: n, L, 2",
    "sign": "signs",
    "axis": "axes, transposition, broadcasting",
    "labels": "labels and masses",
    "softmax": "softmax and its Jacobian",
    "loss": "the loss beside a right gradient",
    "stability": "overflow, underflow, clipping, added constants",
    "precision": "precision lost inside",
    "memory": "memory, order and state",
    "penalty": "terms that belong to another loss",
}


# The equations of each gradient, as the checks of their values name them.
LOGITS, THETA, BIAS = (10, 19), (11, 12, 13, 17), (14, 16, 18)
GRADIENT = (*LOGITS, *THETA, *BIAS)


@dataclass(frozen=True)
class Mistake:
    """What is wrong: `model` computes it, `what` says it, `fix` how it is mended, and `seen` where it was.

    `equations` are those that it breaks. It shows in problems of `regimes` (all but the opt-in ones by default). `common`
    marks those that are tried in pairs.
    `unforeseeable` says why what it returns cannot be predicted from its inputs, so that it is told by its conduct. `law` is the
    loss that it is made in.
    """

    name: str
    group: str
    model: type[Model]
    what: str
    fix: str
    equations: tuple[int, ...] = ()
    seen: str = ""
    regimes: tuple[str, ...] = ()
    common: bool = False
    unforeseeable: str = ""
    law: CrossEntropy = PLAIN

    @property
    def grid(self) -> str:
        """The coarser precision whose numbers it returns; empty where it returns those of the parameters."""
        return self.model.coarse

    def concerns(self, law: CrossEntropy) -> bool:
        """Whether this loss has the options in which it is made."""
        return self.law.plain or self.law.said.keys() <= law.said.keys()

    def implementation(self) -> Implementation:
        """The wrong code, afresh: some of it remembers."""
        return self.model(self.law).implementation(self.name)

    def and_(self, other: "Mistake") -> type[Model]:
        """Code with both: this one is done to what the other leaves."""
        return type(f"{self.name}_and_{other.name}", (self.model, other.model), {})

    @property
    def usual(self) -> tuple[str, type[Model]]:
        """In words, and the model, of the value that it has by itself."""
        return self.what.replace("{value}", str(self.model.value)), self.model

    def variants(self) -> Iterator[tuple[str, type[Model]]]:
        """What each value of its parameter makes of it, in words, and the model."""
        if not self.model.choices:
            yield self.what, self.model
        for value in self.model.choices:
            key = self.model, value
            if key not in _VARIANTS:  # a class that is made and thrown away has every cache of attributes emptied
                _VARIANTS.setdefault(key, type(self.name, (self.model,), {"value": value}))
            yield self.what.replace("{value}", str(value)), _VARIANTS[key]


# The same class whenever it is asked for, so that what it makes of a problem is worked out once.
_VARIANTS: dict[tuple[type[Model], Any], type[Model]] = {}
MISTAKES: dict[str, Mistake] = {}
PAPER: Mapping[str, Any] = {}  # options of the paper's loss


def mistake(
    group: str, *, fix: str, law: Mapping[str, Any] = PAPER, **more: object
) -> Callable[[type[Model]], type[Model]]:
    """Enter a model into the table under its own name; the first line of its docstring says what it computes."""

    def enter(model: type[Model]) -> type[Model]:
        name = model.__name__
        what = sentences.first(model).removesuffix(".")
        if name in MISTAKES or group not in GROUPS or not what:
            raise ValueError(
                f"mistake {name} in group {group!r}: entered twice, of no known group, or without a docstring"
            )
        MISTAKES[name] = Mistake(name, group, model, what, fix, law=CrossEntropy(**law), **more)  # type: ignore[arg-type]
        return model

    return enter
