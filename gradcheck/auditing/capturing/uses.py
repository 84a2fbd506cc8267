"""What a torch layer takes and gives, call by call, with the gradient of each use alone. Imports no framework."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradcheck.auditing.capturing import product
from gradcheck.auditing.capturing.order import Order, Place
from gradcheck.auditing.capturing.parameter import Numbers, Parameter
from gradcheck.auditing.passes import Gradients, Passes
from gradcheck.auditing.passing import Passing
from gradcheck.errors import typed


@dataclass(eq=False)
class Call:
    """Data X and logits Z of one call, with the gradients that have come back to them."""

    X: Any
    Z: Any
    gradients: Gradients
    place: Place
    data: Numbers
    logits: Numbers

    @classmethod
    def of(cls, X: Any, Z: Any, passes: Passes, place: Place) -> "Call":
        """Watched from now on."""
        call = cls(X, Z, Gradients(passes), place, Numbers(X, part=True), Numbers(Z))
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
        return self.logits.changed


class Uses:
    """The calls of a layer with a weight (L, d), and a bias (L,) or none: its forward computes with aliases until `close`."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.calls, self._order = layer, list[Call](), Order()
        held = {name: layer._parameters.get(name) for name in ("weight", "bias")}
        self.passes = Passes(held.values())
        self.parameters = {name: Parameter(one, self.passes) for name, one in held.items() if one is not None}
        self.computed, self.others, self.unrecorded, self.odd = False, False, False, ""
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
        if any(parameter.numbers.written for parameter in self.parameters.values()):
            self._begin()
        X = self._taken(given)
        aliases = {name: parameter.alias(held[name]) for name, parameter in self.parameters.items()}
        try:
            held.update(aliases)
            Z = self._passing.forward(X)
        finally:
            # never what another who looks has put there: threads call a layer at a time
            held.update({name: parameter.tensor for name, parameter in self.parameters.items()})
        if not hasattr(Z, "grad_fn"):
            self.odd = self.odd or f"its forward gives {typed(Z)}"
        elif Z.requires_grad:
            if not self._own:
                self.odd = self.odd or product.odd(Z, X, aliases["weight"], aliases.get("bias"))
            self.calls.append(Call.of(X, Z, self.passes, self._order.of(Z.grad_fn)))
        else:
            self.unrecorded = True
            self._order.unrecorded()
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
            parameter.begin(anew=True)

    def came(self, fit: Callable[[list[Call]], bool]) -> tuple[list[Call], set[int | None]]:
        """The calls that the step is of, and its backward passes; `Unusable` where nothing says which.

        Where .grad was cleared between them, as before a step that a loss scaler repeats, and what is told does not `fit` all calls
        but those since, it is those.
        """
        own = [parameter.own for parameter in self.parameters.values()]
        passes = self.passes.of([call.gradients for call in self.calls], own)
        since = passes - self.passes.cleared
        whole, last = self._of(passes), self._of(since)
        return (last, since) if since != passes and not fit(whole) and fit(last) else (whole, passes)

    def _of(self, passes: set[int | None]) -> list[Call]:
        """Those that these passes came to, in the order of the forward pass."""
        came = [call for call in self.calls if "grad_Z" in call.gradients.sums(passes)]
        return sorted(came, key=lambda call: call.place)

    def close(self) -> None:
        """The layer as it was."""
        self._passing.release()
        self.passes.close()
        for parameter in self.parameters.values():
            parameter.close()
