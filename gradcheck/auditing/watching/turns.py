"""Calls that are judged and whose gradients have not all come: those of one step, each until its graph is gone."""

import weakref
from typing import Any

from gradcheck.auditing.watching.turn import Turn


class Turns:
    """In the order of the calls. A graph that is gone takes its hooks with it, and so it is known to be gone."""

    def __init__(self) -> None:
        self._hooks: dict[Turn, weakref.ref[Any]] = {}

    def add(self, turn: Turn, function: Any) -> None:
        """One more, whose logits `function` made."""

        def flowed(gradients: tuple[Any, ...]) -> None:
            turn.logits(gradients)

        function.register_prehook(flowed)  # what reaches the product, after every hook of the tensor
        self._hooks[turn] = weakref.ref(flowed)

    def take(self, turn: Turn) -> list[Turn]:
        """This one, where it is still waited for."""
        return [turn] if self._hooks.pop(turn, None) is not None else []

    def over(self, *, every: bool = False) -> list[Turn]:
        """Those that nothing will flow back to any more, or `every` one."""
        gone = [turn for turn, hook in self._hooks.items() if every or hook() is None]
        for turn in gone:
            del self._hooks[turn]
        return gone

    @property
    def waiting(self) -> bool:
        """Whether to one of them nothing has flowed back yet: a call that is made now may be of the same step."""
        return any(not turn.began for turn in self._hooks)

    def repeated(self) -> bool:
        """Whether the call that is made now is one of them again, for gradient checkpointing."""
        return any([turn.repeated() for turn in self._hooks])
