"""The forward of a torch layer, while another looks at what passes."""

from collections.abc import Callable
from typing import Any


class Passing:
    """Stands in the place of a layer's forward, and hands on to `seen(X, ...)`.

    A copy of the layer, by copy.deepcopy or pickle, gets the forward of its class: nobody looks at what passes there.
    """

    def __init__(self, layer: Any, seen: Callable[..., Any]) -> None:
        self._layer, self._seen = layer, seen

    def __call__(self, *given: Any, **named: Any) -> Any:
        """As torch.nn.Linear's, whose data may be named `input`."""
        if not given and "input" in named:
            given = (named.pop("input"),)
        return self._seen(*given, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._layer, "forward")
