"""What a torch layer takes and gives, call by call, with the gradient of each use alone. Imports no framework."""

from dataclasses import dataclass, field
from typing import Any

from gradcheck.auditing.passing import Passing

KEPT = 2  # samples whose logits are kept, to see whether a loss has overwritten them


@dataclass(eq=False)
class Call:
    """Data X and logits Z of one call, with the gradients that have come back to them."""

    X: Any
    Z: Any
    gradients: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    first: Any = None
    twice: bool = False

    @classmethod
    def of(cls, X: Any, Z: Any) -> "Call":
        """Watched from now on."""
        call = cls(X, Z, version=Z._version, first=Z.detach().reshape(-1, Z.shape[-1])[:KEPT].clone())
        if X.requires_grad:
            X.register_hook(adding(call.gradients, "grad_X"))
        Z.grad_fn.register_prehook(call.flowed(adding(call.gradients, "grad_Z", copied=False)))
        return call

    def flowed(self, add: Any) -> Any:
        """A hook of what reaches the product, after every hook of the logits; `twice` where it is differentiated itself."""

        def hook(gradients: tuple[Any, ...]) -> None:
            if gradients[0] is not None:
                self.twice |= bool(gradients[0].requires_grad)
                add(gradients[0])

        return hook

    @property
    def overwritten(self) -> bool:
        """Whether the logits are not what the layer gave: some losses write their gradient there."""
        now = self.Z.detach().reshape(-1, self.Z.shape[-1])[:KEPT]
        return self.Z._version != self.version or not _same(now, self.first)


def _same(one: Any, other: Any) -> bool:
    """Number by number, NaN as itself."""
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def adding(into: dict[str, Any], *names: str, copied: bool = True) -> Any:
    """A hook that adds up what comes, in the order in which it comes; a copy, where it may become a .grad that is written to."""

    def hook(gradient: Any) -> None:
        made = gradient.clone() if copied and any(name not in into for name in names) else gradient
        for name in names:
            into[name] = into[name] + made if name in into else made

    return hook


class Parameter:
    """A parameter, its gradient by the uses that are seen, and whether others used it in the same step."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
        self._handle = tensor.register_hook(self._whole) if tensor.requires_grad else None
        self.begin()

    def begin(self) -> None:
        """A step begins."""
        self.own: dict[str, Any] = {}  # in all, and since the last backward pass ended
        self.shared, self.begun = False, False
        self.version = self.tensor._version

    @property
    def changed(self) -> bool:
        """Whether the numbers are others than they were when the step began."""
        return bool(self.tensor._version != self.version)

    def alias(self) -> Any:
        """The same numbers by another name: what flows back to it comes from one use alone."""
        if not self.tensor.requires_grad:
            return self.tensor
        made = self.tensor.view_as(self.tensor)
        if made.requires_grad:
            made.register_hook(adding(self.own, "grad", "since"))
        return made

    def _whole(self, gradient: Any) -> None:
        """What comes to the parameter in a backward pass, before it is added to .grad."""
        if not self.begun:
            self.begun = True  # what is there already is of steps that were not seen
            before = self.tensor.grad
            self.shared = before is not None and bool((before != 0).any())
        seen = self.own.pop("since", None)
        if seen is None or gradient.is_sparse or seen.shape != gradient.shape or not _same(seen, gradient):
            self.shared = True

    def close(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._handle.remove()

    def gradient(self, factors: set[float], *, local: bool) -> Any:
        """What training has, where this use is all that it is of; otherwise that of this use alone.

        So it is where others used it, where it was divided by a loss scale since, cleared, or added up over ranks (`local`).
        """
        own, there = self.own.get("grad"), self.tensor.grad
        if own is None or self.shared or local or there is None or there.shape != own.shape:
            return own
        scaled = len(factors) == 1 and factors != {1.0}
        if scaled and bool((there * next(iter(factors)) == own).all()):
            return own
        return there


class Uses:
    """The calls of a layer with a weight (L, d), and a bias (L,) or none: its forward computes with aliases until `close`."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.calls = layer, list[Call]()
        self.parameters = {
            name: Parameter(layer._parameters[name])
            for name in ("weight", "bias")
            if layer._parameters.get(name) is not None
        }
        self.computed = False
        self._passing = Passing(layer, self._watched)

    def _watched(self, given: Any) -> Any:
        self.computed |= any(name not in self.layer._parameters for name in self.parameters)
        if self.computed:
            return self._passing.forward(given)
        if any(parameter.changed for parameter in self.parameters.values()):
            self._begin()
        X = given.view_as(given) if getattr(given, "requires_grad", False) else given
        held = self.layer._parameters
        kept = {name: held[name] for name in self.parameters}
        try:
            held.update({name: parameter.alias() for name, parameter in self.parameters.items()})
            Z = self._passing.forward(X)
        finally:
            held.update(kept)
        if getattr(Z, "requires_grad", False):
            self.calls.append(Call.of(X, Z))
        return Z

    def _begin(self) -> None:
        """Another step: nothing of the one before is kept."""
        self.calls.clear()
        for parameter in self.parameters.values():
            parameter.begin()

    def close(self) -> None:
        """The layer as it was."""
        self._passing.release()
        for parameter in self.parameters.values():
            parameter.close()
