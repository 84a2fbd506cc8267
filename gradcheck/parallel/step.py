"""What one rank computes: a function of tensors, called with its share, and its gradients by `backward()`. The door to PyTorch."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gradcheck.errors import Unusable
from gradcheck.implementations import told
from gradcheck.implementations.torch_arrays import Array, array, tensor
from gradcheck.law import CrossEntropy

PLACES = ("rank", "ranks", "pieces", "first", "last", "classes", "tokens")  # what a function may ask for by keyword
FORMS = {2: "loss(Z, y)", 4: "loss(theta, b, X, y)"}
RETURNED = ("loss", "theta", "b", "X", "Z")
_GIVEN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Step:
    """A function `loss(Z, y)` of logits, or `loss(theta, b, X, y)`, which returns the loss, or a mapping with gradients, too."""

    function: Callable[..., Any]
    count: int
    keywords: tuple[str, ...]

    def __call__(self, given: Mapping[str, Array], said: Mapping[str, Any], law: CrossEntropy) -> dict[str, Array]:
        """The results of all pieces; gradients of parameters are added up over them, as `backward()` does."""
        like = given["theta"]
        theta, b = (tensor(given[name]).clone().requires_grad_() for name in ("theta", "b"))
        options = self._options(said, law, given["theta"])
        found: dict[str, Array] = {}
        sums: dict[str, torch.Tensor] = {}
        for k in range(said["pieces"]):
            X, y = tensor(given[f"X{k}"]).clone().requires_grad_(), tensor(given[f"Y{k}"]).clone()
            results = self._piece(theta, b, X, y, options)
            for name in RETURNED:
                if results.get(name) is None:
                    continue
                if name in ("theta", "b"):
                    sums[name] = sums[name] + results[name] if name in sums else results[name]
                else:
                    found[f"{name}{k}"] = array(results[name], like)
        sums |= {name: each.grad for name, each in (("theta", theta), ("b", b)) if each.grad is not None}
        return {**found, **{name: array(each, like) for name, each in sums.items()}}

    def _piece(self, theta: Any, b: Any, X: Any, y: Any, options: dict[str, Any]) -> dict[str, Any]:
        """One forward and one backward pass."""
        caught: dict[str, torch.Tensor] = {}
        if self.count == 2:
            Z = torch.nn.functional.linear(X, theta, b)
            Z.register_hook(lambda gradient: caught.update(Z=gradient.clone()))
            loss = self.function(Z, y, **options)
        else:
            loss = self.function(theta, b, X, y, **options)
        if isinstance(loss, Mapping):
            return {name: _tensor(name, loss[name]) for name in RETURNED if name in loss}
        loss = _tensor("loss", loss)
        loss.sum().backward()
        return {"loss": loss, "X": X.grad, **caught}

    def _options(self, said: Mapping[str, Any], law: CrossEntropy, like: Array) -> dict[str, Any]:
        """What it asks for by keyword: its place, and options of the loss."""
        places = {name: said[name] for name in self.keywords if name in PLACES}
        named = {name: told.value(name, law, like.dtype) for name in self.keywords if name in told.ALIASES}
        return {**places, **{name: tensor(v) if hasattr(v, "dtype") else v for name, v in named.items()}}


def _tensor(name: str, value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}; expected a tensor")
    return value


def of(word: str, found: Any) -> Step:
    """The step of a function; `Unusable` says of what form it must be."""
    if not callable(found):
        raise Unusable(f"{word} is a {type(found).__name__}; expected a function {' or '.join(FORMS.values())}")
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        raise Unusable(f"the parameters of {word} cannot be read; expected a function of Python") from None
    needed = [p for p in parameters if p.kind in _GIVEN and p.default is p.empty]
    if len(needed) not in FORMS:
        raise Unusable(f"{word} takes {len(needed)} arrays; expected {' or '.join(FORMS.values())}")
    others = [p for p in parameters if p not in needed and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    unknown = [p.name for p in others if p.default is p.empty and p.name not in (*PLACES, *told.ALIASES)]
    if unknown:
        raise Unusable(f"{word} needs {unknown[0]!r:.60}; expected any of {', '.join((*PLACES, *told.ALIASES))}")
    return Step(found, len(needed), tuple(p.name for p in others if p.name in (*PLACES, *told.ALIASES)))
