"""The forward of a torch layer, while another looks at what passes."""

from collections.abc import Callable
from functools import partial
from typing import Any


class Passing:
    """Stands in the place of a layer's forward, and hands on to `seen(X, ...)`, which calls `forward`, until `release`.

    A copy of the layer, by copy, pickle or torch.nn.DataParallel, has the forward that it had without: nobody looks at what passes
    there, and it computes with what it holds itself.
    """

    def __init__(self, layer: Any, seen: Callable[..., Any]) -> None:
        self._layer, self._seen, self.looking = layer, seen, True
        held = vars(layer)
        self.before, self.forward = held.get("forward"), layer.forward
        layer.forward = self
        for name, copied in COPIED.items():
            if hasattr(type(layer), name):
                held.setdefault(name, partial(copied, layer))

    def __call__(self, *given: Any, **named: Any) -> Any:
        """As torch.nn.Linear's, whose data may be named `input`."""
        if not self.looking:
            return self.forward(*given, **named)
        if not given and "input" in named:
            given = (named.pop("input"),)
        return self._seen(*given, **named)

    @property
    def __code__(self) -> Any:
        """As torch.export asks for it."""
        return self.forward.__code__

    def release(self) -> None:
        """The layer as it was; where another looks since, once that one has let go, too."""
        self.looking = False
        held = self._layer.__dict__
        while isinstance(last := held.get("forward"), Passing) and not last.looking:
            if last.before is None:
                del held["forward"]
            else:
                held["forward"] = last.before
        if not isinstance(last, Passing):
            _forget(held)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._layer, "forward")


def _state(layer: Any) -> Any:
    """What copy and pickle ask for."""
    kind: Any = type(layer)
    found = kind.__getstate__(layer)
    return _unseen(dict(found)) if isinstance(found, dict) else found


def _replica(layer: Any) -> Any:
    """What torch.nn.DataParallel asks for."""
    found = type(layer)._replicate_for_data_parallel(layer)
    _unseen(vars(found))
    return found


COPIED: dict[str, Callable[[Any], Any]] = {"__getstate__": _state, "_replicate_for_data_parallel": _replica}


def _unseen(held: dict[str, Any]) -> dict[str, Any]:
    """With the forward from before anybody looked, or that of its class."""
    before = held.pop("forward", None)
    while isinstance(before, Passing):
        before = before.before
    if before is not None:
        held["forward"] = before
    _forget(held)
    return held


def _forget(held: dict[str, Any]) -> None:
    for name, copied in COPIED.items():
        if getattr(held.get(name), "func", None) is copied:
            del held[name]
