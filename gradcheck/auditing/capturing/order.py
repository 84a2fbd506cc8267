"""Where calls stand in the forward pass, whenever they are made: checkpointing makes them again in the backward pass, last first.

A call that is made again has the place of the function that is evaluated then, which is its checkpoint's, and was made in the
forward pass. A checkpoint within another is itself made again where that is evaluated, and has a place within the other's. So
numbers are compared of functions alone that one thread made in the order of the forward pass. Imports no framework.
"""

import sys
from typing import Any

from gradcheck.auditing.passes import backward_pass

Place = tuple[int, ...]


class Order:
    """Of the calls of one layer. `_within` is the place of the function that began each backward pass; `_last` of the checkpoint
    that is made again, with checkpoints in it: what these compute first has no gradient, and so it is known that they are there.
    """

    def __init__(self) -> None:
        self._within: dict[int | None, Place] = {}
        self._last: Place = ()

    def of(self, function: Any) -> Place:
        """Of a call whose logits `function` made."""
        return (*self._evaluated(), int(function._sequence_nr()))

    def unrecorded(self) -> None:
        """A call without a gradient: in a backward pass, the first of a checkpoint in the one that is evaluated."""
        self._last = self._evaluated()
        if self._last:  # what is begun once this pass is over is not within it
            sys.modules["torch"].autograd.Variable._execution_engine.queue_callback(self._forget)

    def _evaluated(self) -> Place:
        """Of the function that is evaluated; outside of backward passes there is none, and what was within one is forgotten."""
        asked = getattr(sys.modules["torch"]._C, "_current_autograd_node", None)
        function = None if asked is None else asked()
        if function is None:
            self._forget()
            return ()
        return (*self._within.setdefault(backward_pass(), self._last), int(function._sequence_nr()))

    def _forget(self) -> None:
        self._last = ()
