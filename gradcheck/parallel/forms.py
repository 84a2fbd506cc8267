"""The functions that ranks can be of: which arrays one takes, and of which kind, what it asks for by keyword, what it returns."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

import numpy as np

from gradcheck.errors import Unusable, typed
from gradcheck.implementations import told
from gradcheck.law import CrossEntropy

PLACES = ("rank", "ranks", "pieces", "first", "last", "classes", "tokens")  # what a function may ask for by keyword
FORMS = {2: "loss(Z, y)", 4: "loss(theta, b, X, y)"}
RETURNED = ("loss", "theta", "b", "X", "Z")
_GIVEN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Form:
    """A function of `count` arrays and these keywords; of tensors, or, where its annotations say so, of `plain` NumPy arrays."""

    function: Callable[..., Any]
    count: int
    keywords: tuple[str, ...]
    plain: bool = False

    def options(self, said: Mapping[str, Any], law: CrossEntropy, dtype: np.dtype) -> dict[str, Any]:
        """What it asks for by keyword: its place, and options of the loss."""
        places = {name: said[name] for name in self.keywords if name in PLACES}
        return {**places, **{name: told.value(name, law, dtype) for name in self.keywords if name in told.ALIASES}}


def of(word: str, found: Any) -> Form:
    """The form of a function; `Unusable` says of what form it must be."""
    if not callable(found):
        raise Unusable(f"{word} is {typed(found)}; expected a function {' or '.join(FORMS.values())}")
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        raise Unusable(f"the parameters of {word} cannot be read; expected a function of Python") from None
    needed = [p for p in parameters if p.kind in _GIVEN and p.default is p.empty]
    plain = any(_of_numpy(p.annotation) for p in needed)
    if len(needed) not in FORMS or (plain and len(needed) == min(FORMS)):
        expected = FORMS[4] if plain else " or ".join(FORMS.values())
        raise Unusable(f"{word} takes {len(needed)} {'NumPy ' * plain}arrays; expected {expected}")
    others = [p for p in parameters if p not in needed and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    unknown = [p.name for p in others if p.default is p.empty and p.name not in (*PLACES, *told.ALIASES)]
    if unknown:
        raise Unusable(f"{word} needs {unknown[0]!r:.60}; expected any of {', '.join((*PLACES, *told.ALIASES))}")
    names = tuple(p.name for p in others if p.name in (*PLACES, *told.ALIASES))
    return Form(found, len(needed), names, plain)


def _of_numpy(annotation: Any) -> bool:
    """As `np.ndarray`, `NDArray[np.float64]`, or the text of either."""
    if isinstance(annotation, str):
        return annotation.partition("[")[0].rpartition(".")[2] in ("ndarray", "NDArray")
    return (get_origin(annotation) or annotation) is np.ndarray


def collected(pieces: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The results of all pieces, each with a number; gradients of parameters are added up over them, as `backward()` does."""
    found: dict[str, Any] = {}
    for k, results in enumerate(pieces):
        for name in RETURNED:
            if results.get(name) is not None:
                if name in ("theta", "b"):
                    found[name] = found[name] + results[name] if name in found else results[name]
                else:
                    found[f"{name}{k}"] = results[name]
    return found
