"""How the gradients of a PyTorch loss are used, asked by `backward()` as training does: `gradcheck.implementations.uses`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcheck.errors import raised
from gradcheck.implementations.adapter import require_fits
from gradcheck.implementations.record import NotPosed
from gradcheck.implementations.torch_arrays import Array, alone, array, tensor
from gradcheck.printable import clipped

Tensors = dict[str, torch.Tensor]
Hook = Callable[[torch.Tensor], torch.Tensor]
ALL = frozenset({"theta", "b", "X"})


@dataclass(frozen=True)
class Traced:
    """The loss of one forward pass, and the tensors that it may have gradients of, by name."""

    loss: torch.Tensor
    variables: Tensors

    def backward(self, c: Array | float = 1.0, *, again: bool = False) -> None:
        """Of c times the loss; gradients are added to those that are there."""
        if (Z := self.variables.get("Z")) is not None and Z.requires_grad:
            Z.retain_grad()
        Handed.apply(self.loss, lambda: seed(self.loss, c)).backward(retain_graph=again)

    def gradients(self, like: Array) -> dict[str, Array]:
        """What has been added up since the last time; names of what has none are left out."""
        found = {key: each.grad for key, each in self.variables.items() if each.grad is not None}
        for each in self.variables.values():
            each.grad = None
        return {key: array(grad, like).copy() for key, grad in found.items()}


class Handed(torch.autograd.Function):  # type: ignore[misc]
    """Hands a loss its upstream gradient, of any strides, made anew each time: `backward(gradient)` would import SymPy."""

    @staticmethod
    def forward(ctx: Any, loss: torch.Tensor, made: Callable[[], torch.Tensor]) -> torch.Tensor:
        """A number, of no meaning."""
        ctx.made = made
        return loss.detach().sum()

    @staticmethod
    def backward(ctx: Any, *ones: torch.Tensor) -> Any:
        """What the loss is handed."""
        return ctx.made(), None


# The arrays of a call, its options, which of theta, b, X and Y need a gradient, and what becomes of the logits before the loss.
Trace = Callable[[tuple[Array, ...], Mapping[str, Any], frozenset[str], Hook | None], Traced]
# Of the parameters, X, Y and the options, as tensors, the loss.
Loss = Callable[..., torch.Tensor]


def seed(loss: torch.Tensor, c: Array | float) -> torch.Tensor:
    """An upstream gradient of the shape of the loss, with the strides of c: a number for all samples has a stride of 0."""
    given = np.asarray(c)
    require_fits(given, loss.ndim)
    step = given.strides[0] // given.itemsize if given.ndim else 0
    if not step:
        return torch.tensor(float(given.flat[0]), dtype=loss.dtype, device=loss.device).expand(loss.shape)
    base = torch.zeros(step * len(given), dtype=loss.dtype, device=loss.device)[::step]
    base[:] = torch.tensor(given.astype(np.float64).tolist(), dtype=loss.dtype, device=loss.device)
    return base


def uses(
    trace: Trace, loss: Loss, parameters: int, *, of_logits: bool, device: str = "cpu"
) -> dict[str, Callable[..., Any]]:
    """Every use that a loss of so many parameters can be asked for; of logits, where it is a function of these."""

    def upstream(*arrays: Any, **options: Any) -> dict[str, Array]:
        *given, c = arrays
        found = trace(tuple(given), options, ALL, None)
        found.backward(c)
        return found.gradients(given[0])

    def again(*arrays: Any, **options: Any) -> tuple[dict[str, Array], dict[str, Array] | str]:
        *given, c = arrays
        found = trace(tuple(given), options, ALL, None)
        found.backward(c, again=True)
        first = found.gradients(given[0])
        try:
            found.backward(c)
        except Exception as exception:  # of any kind: it is refused
            return first, raised(exception)
        return first, found.gradients(given[0])

    def through(*arrays: Array, **options: Any) -> dict[str, Array]:
        found = trace(arrays, options, ALL, torch.tanh)
        found.backward()
        return found.gradients(arrays[0])

    def left(*arrays: Array, **options: Any) -> tuple[Array, ...]:
        seen: list[torch.Tensor] = []

        def look(Z: torch.Tensor) -> torch.Tensor:
            seen.extend((Z.detach(), Z.detach().clone()))
            return Z

        found = trace(arrays, options, ALL, look)
        Z, before = seen
        after = Z.clone()
        found.backward()
        return tuple(array(each, arrays[0]) for each in (before, after, Z))

    def some(*arrays: Any, **options: Any) -> dict[str, Array]:
        *given, names = arrays
        found = trace(tuple(given), options, frozenset(names), None)
        found.backward()
        return found.gradients(given[0])

    def pieces(*arrays: Any, **options: Any) -> dict[str, Array]:
        held, (X, Y, c, X2, Y2, c2) = arrays[:parameters], arrays[parameters:]
        both = [trace((*held, *data), options, ALL, None) for data in ((X, Y), (X2, Y2))]
        found = []
        for each, factor in zip(both, (c, c2), strict=True):
            each.backward(factor)
            found.append(each.gradients(held[0]))
        one, other = found
        return {key: one[key] + other[key] for key in ("theta", "b") if key in one and key in other}

    def functional(*arrays: Array, **options: Any) -> dict[str, Array]:
        *given, Y, named = _tensors(arrays, options)
        keys = _keys(given, parameters)
        function = _refusing("torch.func.grad", torch.func.grad(lambda *t: loss(*t, Y, **named).sum(), _first(keys)))
        return {key: array(each, arrays[0]) for key, each in zip(keys, function(*given), strict=False)}

    def mapped(*arrays: Any, **options: Any) -> dict[str, Array]:
        *rest, (of_X, of_Y) = arrays
        *given, Y, named = _tensors(rest, options)
        keys = _keys(given, parameters)

        def one(*t: torch.Tensor) -> torch.Tensor:
            *held, x, y = t
            return loss(*held, x.unsqueeze(of_X), y.unsqueeze(of_Y), **named).sum()

        axes = (*(None,) * parameters, of_X, of_Y)
        found = _refusing("torch.func.vmap", torch.func.vmap(torch.func.grad(one, _first(keys)), axes))(*given, Y)
        summed = [each.sum(0) for each in found[:parameters]] + [each.movedim(0, of_X) for each in found[parameters:]]
        return {key: array(each, rest[0]) for key, each in zip(keys, summed, strict=True)}

    made: dict[str, Callable[..., Any]] = {"upstream": upstream, "again": again, "some": some, "pieces": pieces}
    made |= {"functional": functional, "mapped": mapped} | ({"through": through, "left": left} if of_logits else {})
    return {use: alone(function, device) for use, function in made.items()}


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a loss of tensors takes them."""
    return {key: tensor(each) if isinstance(each, np.ndarray) else each for key, each in options.items()}


def _tensors(arrays: Any, options: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*(tensor(each).detach() for each in arrays), given_options(options))


def _keys(given: list[torch.Tensor], parameters: int) -> tuple[str, ...]:
    """The names of what can have a gradient, in order: data may be whole numbers."""
    return (*("theta", "b")[:parameters], *(("X",) if given[-1].is_floating_point() else ()))


def _first(keys: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(range(len(keys)))


def _refusing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """What it does not take is not posed: to refuse is no mistake."""

    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as exception:  # of any kind
            raise NotPosed(f"{name} does not take this loss: {clipped(raised(exception), 120)}") from None

    return called
