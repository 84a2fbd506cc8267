"""What one rank computes: a function of tensors, called with its share, and its gradients by `backward()`. The door to PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gradcheck.errors import Unusable, typed
from gradcheck.implementations.torch_arrays import Array, array, tensor
from gradcheck.law import CrossEntropy
from gradcheck.parallel.forms import RETURNED, Form, collected


@dataclass(frozen=True)
class Step:
    """A function `loss(Z, y)` of logits, or `loss(theta, b, X, y)`, which returns the loss, or a mapping with gradients, too."""

    form: Form

    def __call__(self, given: Mapping[str, Array], said: Mapping[str, Any], law: CrossEntropy) -> dict[str, Array]:
        """The results of all pieces; gradients of parameters are what was returned, or what `backward()` has come to."""
        like = given["theta"]
        theta, b = (tensor(given[name]).clone().requires_grad_() for name in ("theta", "b"))
        asked = self.form.options(said, law, like.dtype)
        options = {name: tensor(value) if hasattr(value, "dtype") else value for name, value in asked.items()}
        data = [(tensor(given[f"X{k}"]).clone(), tensor(given[f"Y{k}"]).clone()) for k in range(said["pieces"])]
        found = collected(self._piece(theta, b, X.requires_grad_(), y, options) for X, y in data)
        return {name: array(each, like) for name, each in found.items()}

    def _piece(self, theta: Any, b: Any, X: Any, y: Any, options: dict[str, Any]) -> dict[str, Any]:
        """One forward and one backward pass, with no gradient of the pieces before."""
        leaves = {"theta": theta, "b": b}
        theta.grad = b.grad = None
        caught: dict[str, torch.Tensor] = {}
        if self.form.count == 2:
            Z = torch.nn.functional.linear(X, theta, b)
            Z.register_hook(lambda gradient: caught.update(Z=gradient.clone()))
            loss = self.form.function(Z, y, **options)
        else:
            loss = self.form.function(theta, b, X, y, **options)
        if isinstance(loss, Mapping):  # what it returns is meant, and not what its own `backward()` has left
            returned = {name: _tensor(name, loss[name]) for name in RETURNED if loss.get(name) is not None}
            return {name: each.grad for name, each in leaves.items()} | returned
        value = _tensor("loss", loss)
        loss.sum().backward()
        added = {n: torch.zeros_like(each) if each.grad is None else each.grad for n, each in leaves.items()}
        return {"loss": value, "X": X.grad, **caught, **added}


def _tensor(name: str, value: Any) -> torch.Tensor:
    """A copy: it may be a buffer that the next piece is written to."""
    if not isinstance(value, torch.Tensor):
        raise Unusable(f"returned {typed(value)} as {name}; expected a tensor")
    return value.detach().clone()
