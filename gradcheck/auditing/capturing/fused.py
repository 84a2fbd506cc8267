"""A step of a torch loss that calls no layer: the gradients of X, W and b by this loss alone, found in its graph."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradcheck.auditing import flags
from gradcheck.auditing.capturing.parameter import REUSED, STEPPED, Numbers
from gradcheck.auditing.capturing.place import Place
from gradcheck.auditing.capturing.step import _told
from gradcheck.auditing.given import require_numbers
from gradcheck.auditing.passes import Gradients, Passes
from gradcheck.errors import Unusable, typed
from gradcheck.tensors import array

COMPUTED = "the loss was computed"
NAMES = ("grad_X", "grad_theta", "grad_b")


class Fused:
    """X (…, d), W (L, d), b (L,) or None, labels, and a loss that was computed from them and has not gone backward yet."""

    def __init__(self, given: tuple[Any, Any, Any], labels: Any, loss: Any, place: Place) -> None:
        place.require()
        X, W, _ = given
        for name, tensor in zip("XWb", given, strict=True):
            require_numbers(name, tensor)
            if tensor is not None and not hasattr(tensor, "_version"):
                raise Unusable(f"{name} is {typed(tensor)}; expected a tensor of torch")
        if getattr(W, "ndim", 0) != 2 or getattr(X, "ndim", 0) < 1 or X.shape[-1] != W.shape[1]:
            shapes = " and ".join(str(tuple(getattr(tensor, "shape", ()))) for tensor in (X, W))
            raise Unusable(f"X and W have shapes {shapes}; expected (…, d) and (L, d)")
        self._given, self._loss, self._place = given, loss, place
        self._labels = labels.clone() if hasattr(labels, "_version") else labels
        self._passes = Passes(given[1:])
        self._gradients = Gradients(self._passes)
        self._numbers = [None if tensor is None else Numbers(tensor, part=tensor is X) for tensor in given]
        if getattr(loss, "grad_fn", None) is None:
            raise Unusable("the loss has no graph; expected one loss of X, W and b, before loss.backward()")
        self._handles = list(_watched(loss, dict(zip(NAMES, given, strict=True)), self._taken))
        if not self._handles:
            raise Unusable("the loss does not follow from X, W or b; expected the tensors that it was computed from")

    def _taken(self, name: str) -> Any:
        """A hook of what one of them is handed: more than one function may hand it a part."""
        add = self._gradients.adding(name)

        def hook(gradient: Any) -> None:
            if gradient is not None:
                self._passes.flows(gradient, self._gradients)
                add(gradient)

        return hook

    def write(self, **told: Any) -> Path:
        """Write the dump, once `loss.backward()` has run, before the weights change; what is said beside is as in `Step.write`.

        Returns the folder. Raises `Unusable` where no gradient has come from the loss, or X, W or b was changed since.

            >>> import tempfile, gradcheck, torch
            >>> X, W, y = torch.randn(30, 8), torch.randn(50, 8, requires_grad=True), torch.randint(50, (30,))
            >>> loss = torch.nn.functional.cross_entropy(X @ W.T, y)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     step = gradcheck.capture.fused(X, W, None, y, loss, folder + "/dump")
            ...     (loss * 1024).backward()
            ...     gradcheck.audit(step.write(factor=1024)).status
            0
        """
        for handle in self._handles:
            handle.remove()
        self._passes.close()
        X, W, b = self._given
        gradients = self._gradients.sums(self._passes.of([self._gradients], []))
        if not gradients:
            raise Unusable(
                "no gradient has come from the loss; expected capture.fused before loss.backward(), and write() after it"
            )
        data, *parameters = (numbers is not None and numbers.changed for numbers in self._numbers)
        if any(parameters):
            raise Unusable(STEPPED.format("W or b", COMPUTED))
        if data:
            raise Unusable(REUSED.format("X was", COMPUTED))
        bias = b if b is not None else W.detach().new_zeros(W.shape[0])
        arrays = {"theta": W, "b": bias} | {name: gradients[name] for name in NAMES[1:] if name in gradients}
        call = {"X": array(X)} | ({"grad_X": array(gradients["grad_X"])} if "grad_X" in gradients else {})
        return self._place.write(
            {name: array(value) for name, value in arrays.items()},
            [call],
            _told(self._labels, self._loss, told),
            flags.said([W]),
        )


def _watched(loss: Any, inputs: dict[str, Any], taken: Any) -> Iterator[Any]:
    """Hooks on each function of the graph that hands a gradient to one of these, and not on what lies beyond them."""
    ends = {name: _end(tensor) for name, tensor in inputs.items() if tensor is not None and tensor.requires_grad}
    stops, seen, waiting = {node for node, _ in ends.values()}, set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen or node in stops:
            continue
        seen.add(node)
        for place, edge in enumerate(node.next_functions):
            for name, end in ends.items():
                if edge == end:
                    yield node.register_hook(_taking(place, taken(name)))
            waiting.append(edge[0])


def _end(tensor: Any) -> tuple[Any, int]:
    """Where its gradient arrives: the function that made it, or that adds up a leaf's."""
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_nr
    return tensor.view_as(tensor).grad_fn.next_functions[0]


def _taking(place: int, hook: Any) -> Any:
    def take(given: Any, _: Any) -> None:
        hook(given[place])

    return take
