"""Backward passes of one step, told apart: of which are the gradients that training has. Imports no framework.

A pass of `backward` arrives in .grad; a look at a gradient, or a search for an adversary, by torch.autograd.grad, does not, and is
none of the step. Where nothing arrives there, the pass that a weight had a gradient in is the one.
"""

import sys
from collections.abc import Iterable
from typing import Any

from gradcheck.errors import Unusable

AGAIN = (
    "the gradient was differentiated itself (create_graph=True), and what flows back is not of the loss alone; "
    "expected a step without a penalty on gradients"
)
SEVERAL = (
    "gradients were taken more than once, and none is in .grad, so that nothing says which of them the step is of; expected "
    "loss.backward(), or one torch.autograd.grad"
)


def backward_pass() -> int | None:
    """The number of the backward pass that is going on, as torch's own checkpointing asks for it; None outside of one."""
    asked = getattr(sys.modules["torch"]._C, "_current_graph_task_id", None)
    found = -1 if asked is None else int(asked())
    return None if found == -1 else found


def empty(gradient: Any) -> bool:
    """Whether a .grad holds nothing: there is none, or it was set to zeros."""
    return gradient is None or not bool((gradient.to_dense() if gradient.is_sparse else gradient).any())


class Passes:
    """Those that have arrived in .grad of the first of these tensors that has one, since the step began or was begun anew."""

    def __init__(self, tensors: Iterable[Any]) -> None:
        leaf = next((one for one in tensors if one is not None and one.requires_grad and one.is_leaf), None)
        self._leaf: Any = leaf
        self._handles = []
        if leaf is not None:
            self._handles += [leaf.register_hook(self._arrives)]
            self._handles += [leaf.register_post_accumulate_grad_hook(self._has_arrived)]
        self.begin()

    def begin(self) -> None:
        """A step begins."""
        self.arrived: set[int | None] = set()
        self.cleared: set[int | None] = set()  # what had arrived when .grad was cleared, or is kept elsewhere
        self._version: int | None = None
        self._repeated: set[int | None] = set()
        self._again: set[int | None] = set()
        self.going: set[int | None] = set()  # what goes on, though others within it do

    def goes(self) -> None:
        """A pass goes on, until torch says that it is over."""
        now = backward_pass()
        if now is not None and now not in self.going:
            self.going.add(now)
            sys.modules["torch"].autograd.Variable._execution_engine.queue_callback(lambda: self.going.discard(now))

    def flows(self, gradient: Any, gradients: "Gradients") -> None:
        """A gradient comes to a call of which these are kept: whether one of another pass is there."""
        self.recorded(gradient)
        if self.arrived & gradients.passes - {backward_pass()}:
            self._repeated.add(backward_pass())

    def recorded(self, gradient: Any) -> None:
        """A gradient that may be differentiated itself: what flows back through it is of that pass."""
        if gradient is not None and gradient.requires_grad:
            gradient.register_hook(lambda _: self._again.add(backward_pass()))

    def _arrives(self, _: Any) -> None:
        """Where .grad was cleared since this call has flowed back, that was a trial, and the step begins anew."""
        if not (self.arrived and empty(self._leaf.grad)):
            return
        self.cleared = set(self.arrived)
        if backward_pass() in self._repeated:
            self.arrived.clear()

    def _has_arrived(self, leaf: Any) -> None:
        self.arrived.add(backward_pass())
        self._version = None if leaf.grad is None else leaf.grad._version

    @property
    def written(self) -> bool:
        """Whether .grad was written to since the last has arrived there, as by clipping."""
        there = None if self._leaf is None else self._leaf.grad
        return bool(self.arrived) and there is not None and there._version != self._version

    def of(self, calls: list["Gradients"], weights: list["Gradients"]) -> set[int | None]:
        """The passes that the step is of; `Unusable` where nothing says which, or where one is of gradients, too."""
        came, weighed = (set[int | None]().union(*(one.passes for one in some)) for some in (calls, weights))
        arrived = self.arrived & came
        found = arrived or weighed or came
        if not arrived and any(len(found & one.passes) > 1 for one in calls):
            raise Unusable(SEVERAL)
        if self._again & found:
            raise Unusable(AGAIN)
        return found

    def close(self) -> None:
        """Watch no more."""
        for handle in self._handles:
            handle.remove()


class Gradients:
    """Gradients by name, added up in the order in which they come, of each pass apart until it has arrived."""

    def __init__(self, passes: Passes) -> None:
        self._passes, self._of = passes, dict[int | None, dict[str, Any]]()

    @property
    def passes(self) -> set[int | None]:
        """Those in which any has come; of several that have arrived in .grad before it was cleared, or since, the last."""
        return set(self._of)

    @property
    def now(self) -> dict[str, Any]:
        """Of the pass that is going on."""
        return self._of.get(backward_pass(), {})

    def adding(self, name: str, *, copied: bool = True) -> Any:
        """A hook that adds what comes; a copy, where it may become a .grad that is written to."""

        def hook(gradient: Any) -> None:
            now = backward_pass()
            if now not in self._of:
                self._passes.goes()
                self._settle()
            into = self._of.setdefault(now, {})
            into[name] = into[name] + gradient if name in into else gradient.clone() if copied else gradient

        return hook

    def _settle(self) -> None:
        """What has arrived before .grad was cleared is one, and what has since; what has not, and is over, is nothing."""
        arrived = [one for one in self._of if one in self._passes.arrived]
        parts = [[one for one in arrived if (one in self._passes.cleared) is before] for before in (True, False)]
        if arrived:
            going = {one: self._of[one] for one in self._of if one in self._passes.going and one not in arrived}
            self._of = {part[-1]: self.sums(set(part)) for part in parts if part} | going

    def sums(self, passes: set[int | None]) -> dict[str, Any]:
        """Over these passes."""
        found: dict[str, Any] = {}
        for gradients in (self._of[one] for one in self._of if one in passes):
            for name, gradient in gradients.items():
                found[name] = found[name] + gradient if name in found else gradient
        return found
