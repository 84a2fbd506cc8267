"""What a torch layer takes and gives, call by call, with the gradient of each use alone. Imports no framework."""

from dataclasses import dataclass
from typing import Any

from gradcheck.auditing.capturing import product
from gradcheck.auditing.passes import Gradients, Passes, backward_pass, empty, place
from gradcheck.auditing.passing import Passing

KEPT = 2  # samples whose logits are kept, to see whether a loss has overwritten them


@dataclass(eq=False)
class Call:
    """Data X and logits Z of one call, with the gradients that have come back to them."""

    X: Any
    Z: Any
    gradients: Gradients
    place: int
    version: int = 0
    first: Any = None

    @classmethod
    def of(cls, X: Any, Z: Any, passes: Passes) -> "Call":
        """Watched from now on."""
        first = Z.detach().reshape(-1, Z.shape[-1])[:KEPT].clone()
        call = cls(X, Z, Gradients(passes), place(Z.grad_fn), version=Z._version, first=first)
        if X.requires_grad:
            X.register_hook(call.gradients.adding("grad_X"))
        add = call.gradients.adding("grad_Z", copied=False)

        def flowed(gradients: tuple[Any, ...]) -> None:
            """What reaches the product, after every hook of the logits."""
            if gradients[0] is not None:
                passes.flows(gradients[0], call.gradients)
                add(gradients[0])

        Z.register_hook(passes.recorded)  # of torch.autograd.grad(loss, Z), which goes no further
        Z.grad_fn.register_prehook(flowed)
        return call

    @property
    def overwritten(self) -> bool:
        """Whether the logits are not what the layer gave: some losses write their gradient there."""
        now = self.Z.detach().reshape(-1, self.Z.shape[-1])[:KEPT]
        return self.Z._version != self.version or not _same(now, self.first)


def _same(one: Any, other: Any) -> bool:
    """Number by number, NaN as itself."""
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


class Parameter:
    """A parameter, its gradient by the uses that are seen, and whether others used it in the same step."""

    def __init__(self, tensor: Any, passes: Passes) -> None:
        self.tensor, self._passes = tensor, passes
        self._handle = tensor.register_hook(self._whole) if tensor.requires_grad else None
        if self._handle is not None:  # before hooks of others: what they do is in .grad, and is no other use
            hooks = tensor._backward_hooks
            for other in [key for key in hooks if key != self._handle.id]:
                hooks[other] = hooks.pop(other)  # in the order of the dictionary, which autograd goes by
        self.begin()

    def begin(self) -> None:
        """A step begins."""
        self.own = Gradients(self._passes)
        self._shared: set[int | None] = set()  # passes in which .grad has more than what is seen
        self.version = self.tensor._version

    @property
    def changed(self) -> bool:
        """Whether the numbers are others than they were when the step began."""
        return bool(self.tensor._version != self.version)

    def named(self, held: Any) -> bool:
        """Whether what the layer holds is this, or the alias of another that looks at it."""
        return held is self.tensor or getattr(held, "_base", None) is self.tensor

    def alias(self, held: Any) -> Any:
        """The same numbers by another name: what flows back to it comes from one use alone."""
        if not held.requires_grad:
            return held
        made = held.view_as(held)
        if made.requires_grad:
            made.register_hook(self.own.adding("grad"))
        return made

    def _whole(self, gradient: Any) -> None:
        """What comes to the parameter in a backward pass, before it is added to .grad."""
        before = not (self._passes.arrived or empty(self.tensor.grad))  # of steps that were not seen
        seen = self.own.now.get("grad")
        if before or seen is None or gradient.is_sparse or seen.shape != gradient.shape or not _same(seen, gradient):
            self._shared.add(backward_pass())

    def close(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._handle.remove()

    def gradient(self, factors: set[float], passes: set[int | None], *, local: bool) -> Any:
        """What training has of these passes, where this use is all that it is of; otherwise that of this use alone.

        So it is where others used it, where it was divided by a loss scale since, cleared, or added up over ranks (`local`).
        """
        own, there = self.own.sums(passes).get("grad"), self.tensor.grad
        if own is None or self._shared & passes or local or there is None or there.shape != own.shape:
            return own
        if not passes & self._passes.arrived and empty(there):  # taken by torch.autograd.grad
            return own
        scaled = len(factors) == 1 and factors != {1.0}
        if scaled and bool((there * next(iter(factors)) == own).all()):
            return own
        return there


class Uses:
    """The calls of a layer with a weight (L, d), and a bias (L,) or none: its forward computes with aliases until `close`."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.calls = layer, list[Call]()
        held = {name: layer._parameters.get(name) for name in ("weight", "bias")}
        self.passes = Passes(held.values())
        self.parameters = {name: Parameter(one, self.passes) for name, one in held.items() if one is not None}
        self.computed, self.others, self.odd = False, False, ""
        self._own = product.own(layer)
        self._passing = Passing(layer, self._watched)

    def _watched(self, given: Any, *more: Any, **named: Any) -> Any:
        if more or named or not hasattr(given, "is_floating_point"):
            self.odd = self.odd or "its forward takes more than X"
            return self._passing.forward(given, *more, **named)
        held = self.layer._parameters
        self.computed |= any(name not in held for name in self.parameters)
        others = not all(parameter.named(held.get(name)) for name, parameter in self.parameters.items())
        if self.computed or others:  # as torch.func.functional_call has them
            self.others |= others
            return self._passing.forward(given)
        if any(parameter.changed for parameter in self.parameters.values()):
            self._begin()
        X, aliases = (
            self._taken(given),
            {name: parameter.alias(held[name]) for name, parameter in self.parameters.items()},
        )
        kept = {name: held[name] for name in self.parameters}
        try:
            held.update(aliases)
            Z = self._passing.forward(X)
        finally:
            held.update(kept)
        if not hasattr(Z, "grad_fn"):
            self.odd = self.odd or f"its forward gives a {type(Z).__name__}"
        elif Z.requires_grad:
            if not self._own:
                self.odd = self.odd or product.odd(Z, X, aliases["weight"], aliases.get("bias"))
            self.calls.append(Call.of(X, Z, self.passes))
        return Z

    def _taken(self, given: Any) -> Any:
        """X by another name; where the forward may do with it what it likes, with a gradient, by which it is seen what that is."""
        weight = self.parameters["weight"].tensor
        if not self._own and weight.requires_grad and given.is_floating_point():
            given = given if given.requires_grad else given.detach().requires_grad_()
        return given.view_as(given) if getattr(given, "requires_grad", False) else given

    def _begin(self) -> None:
        """Another step: nothing of the one before is kept."""
        self.calls.clear()
        self.passes.begin()
        self.odd = ""
        for parameter in self.parameters.values():
            parameter.begin()

    def came(self) -> tuple[list[Call], set[int | None]]:
        """The calls that the step is of, and its backward passes; `Unusable` where nothing says which."""
        own = [parameter.own for parameter in self.parameters.values()]
        passes = self.passes.of([call.gradients for call in self.calls], own)
        came = [call for call in self.calls if "grad_Z" in call.gradients.sums(passes)]
        return sorted(came, key=lambda call: call.place), passes

    def close(self) -> None:
        """The layer as it was."""
        self._passing.release()
        self.passes.close()
        for parameter in self.parameters.values():
            parameter.close()
