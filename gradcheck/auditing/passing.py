"""The forward of a torch layer, while another looks at what passes."""

from collections.abc import Callable
from typing import Any


class Passing:
    """Stands in the place of a layer's forward, and hands on to `seen(X, ...)`, which calls `forward`, until `release`.

    A copy of the layer, by copy.deepcopy or pickle, gets the forward of its class: nobody looks at what passes there.
    """

    def __init__(self, layer: Any, seen: Callable[..., Any]) -> None:
        self._layer, self._seen, self.looking = layer, seen, True
        self.before, self.forward = vars(layer).get("forward"), layer.forward
        layer.forward = self

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

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._layer, "forward")
