"""The forward of a torch layer, while another looks at what passes."""

from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Any


class Passing:
    """Stands in the place of a layer's forward, and hands on to `seen(X, ...)`, which calls `forward`, until `release`.

    A copy of the layer, by copy, pickle or torch.nn.DataParallel, has the forward that it had without: nobody looks at what passes
    there, and it computes with what it holds itself. Not so what takes over `vars(layer)` as they are, which computes as the layer.
    """

    def __init__(self, layer: Any, seen: Callable[..., Any]) -> None:
        self._layer, self._seen, self.looking = layer, seen, True
        self._kind = type(layer)
        self.before, self.forward = vars(layer).get("forward"), layer.forward
        layer.forward = self
        _look(self._kind)

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
        with LOCK:
            if not self.looking:
                return
            self.looking = False
        held = self._layer.__dict__
        while isinstance(last := held.get("forward"), Passing) and not last.looking:
            if last.before is None:
                del held["forward"]
            else:
                held["forward"] = last.before
        _let_go(self._kind)


def _look(kind: type) -> None:
    """Its copies are made by ours, while anybody looks at a layer of it."""
    with LOCK:
        LOOKED[kind] += 1
        if LOOKED[kind] == 1:
            for name, copied in COPIED.items():
                if hasattr(kind, name):
                    KEPT[kind, name] = vars(kind).get(name), copied(getattr(kind, name))
                    setattr(kind, name, KEPT[kind, name][1])


def _let_go(kind: type) -> None:
    """Its methods as they were, once nobody does."""
    with LOCK:
        LOOKED[kind] -= 1
        if LOOKED[kind]:
            return
        del LOOKED[kind]
        for name in COPIED:
            own, ours = KEPT.pop((kind, name), (None, None))
            if ours is None or vars(kind).get(name) is not ours:
                continue  # somebody has put another there since
            if own is None:
                delattr(kind, name)
            else:
                setattr(kind, name, own)


def _state(before: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What copy and pickle ask for."""

    def state(layer: Any) -> Any:
        found = before(layer)
        return _unseen(dict(found)) if isinstance(found, dict) else found

    return state


def _replica(before: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What torch.nn.DataParallel asks for."""

    def replica(layer: Any) -> Any:
        found = before(layer)
        _unseen(vars(found))
        return found

    return replica


LOCK = Lock()
LOOKED: Counter[type] = Counter()  # how many look at layers of a class
KEPT: dict[tuple[type, str], Any] = {}  # the method that a class had itself, if any, and ours
COPIED: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "__getstate__": _state,
    "_replicate_for_data_parallel": _replica,
}


def _unseen(held: dict[str, Any]) -> dict[str, Any]:
    """With the forward from before anybody looked, or that of its class."""
    before = held.get("forward")
    if isinstance(before, Passing):
        del held["forward"]
        while isinstance(before, Passing):
            before = before.before
        if before is not None:
            held["forward"] = before
    return held
