"""A torch layer that is watched: every so many calls one is judged where it is, and everything else passes through."""

import sys
import warnings
from pathlib import Path
from typing import Any

from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.aliases import aliased, whole
from gradcheck.auditing.findings import NAMES
from gradcheck.auditing.matrices.door import unrecorded
from gradcheck.auditing.passes import backward_pass
from gradcheck.auditing.passing import Passing
from gradcheck.auditing.watching.found import Found, Lines, Seen, line
from gradcheck.auditing.watching.turn import Turn
from gradcheck.auditing.watching.turns import Turns
from gradcheck.errors import Disagreement, DisagreementWarning, Unusable, UnusualWarning, a, unplaced

ON = ("warn", "raise", "keep")
NO_GRADIENT = "no gradients are recorded there (torch.no_grad, or the first pass of gradient checkpointing)"
EVAL = "the layer is in eval mode"
LOST = "nothing flowed back to the layer while there was a graph, or before the watch was closed"
OTHER = "the layer is not what it was: its weight is computed from others (pruning, a parametrization)"
NONE = "neither the layer nor its data require a gradient"
UNFINISHED = "not every gradient came back to the layer"


class Watch:
    """A torch.nn.Linear as it is trained. `found` is what was found so far; `close`, or the end of a `with`, lets go of it."""

    def __init__(
        self, layer: Any, *, every: int, probes: int, to: Path | None, on: str, arithmetic: Arithmetic
    ) -> None:
        require(layer)
        if not isinstance(on, str) or on not in ON:
            raise Unusable(f"on={on!r:.40}; expected {', '.join(ON)}")
        for name, value in (("every", every), ("probes", probes)):
            if type(value) is not int or value < 1:
                raise Unusable(f"{name}={value!r:.40}; expected a whole number from 1")
        self._layer, self._every, self._probes, self._on, self._declared = layer, every, probes, on, arithmetic
        self._found, self._lines, self._next = Found(), Lines(to), 0
        self._recorded = False  # whether the last call outside of a backward pass was
        self._turns = Turns()
        self._warned = False
        self._passing = Passing(layer, self._watched)
        self._forward = self._passing.forward

    @property
    def found(self) -> Found:
        """A `Found`, so far; a call whose gradients have not come is not counted yet.

        >>> import gradcheck, torch
        >>> watch = gradcheck.watch(torch.nn.Linear(8, 50))
        >>> watch.found.calls, watch.found.wrong
        (0, [])
        """
        return self._found

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """The layer as it was; once more does nothing.

        >>> import gradcheck, torch
        >>> watch = gradcheck.watch(torch.nn.Linear(8, 50))
        >>> watch.close()
        """
        self._passing.release()
        self._end(self._turns.over(every=True))

    # ---- what passes ----

    def _watched(self, X: Any) -> Any:
        torch = sys.modules["torch"]
        if torch.compiler.is_compiling():  # traced without us, which is told by the count of calls
            return self._forward(X)
        reason = unwatched(self._layer)
        if reason:
            self._found.skipped[reason] += 1
            return self._forward(X)
        self._end(self._turns.over())
        within = backward_pass() is not None
        # again, for checkpointing: by one that waits, or since what was called before has been recorded
        if self._turns.repeated() or (within and self._recorded):
            return self._forward(X)
        number, self._found.calls = self._found.calls, self._found.calls + 1
        due = number >= self._next
        if due:
            self._next = number + self._every
        Z = self._judged(number, X, due=due) if due or self._turns.waiting else self._forward(X)
        self._recorded = self._recorded if within else getattr(Z, "grad_fn", None) is not None
        return Z

    def _judged(self, number: int, X: Any, *, due: bool) -> Any:
        """One that is due, or one beside it: whatever is called before anything has flowed back may be of the same step."""
        held = self._layer._parameters
        kept = {name: whole(held[name]) for name in ("weight", "bias") if name in held}
        other = X.view_as(X) if X.requires_grad else X
        alias = aliased(held["weight"])
        try:
            held["weight"] = alias
            Z = self._forward(other)
        finally:
            held.update(kept)
        try:
            with unrecorded(sys.modules["torch"]):
                turn = Turn.of(number, (alias, kept.get("bias"), other), Z, self._declared, self._probes)
        except Unusable as problem:
            self._skip(number, str(problem))
            return Z
        except Exception as problem:  # a tensor of a kind that we cannot read must not end the training
            self._skip(number, f"an array cannot be read: {unplaced(problem)}")
            return Z
        if Z.grad_fn is None:
            self._skip(number, NONE)
            return Z
        turn.due = due
        self._turns.add(turn, Z.grad_fn)
        for name, tensor in (("grad_theta", alias), ("grad_X", other)):
            if tensor.requires_grad:
                tensor.register_hook(self._hook(turn, name))
        return Z

    def _hook(self, turn: Turn, name: str) -> Any:
        def hook(gradient: Any) -> None:
            if turn.gradient(name, gradient):
                self._end(self._turns.take(turn))

        return hook

    # ---- what is found ----

    def _skip(self, number: int, reason: str) -> None:
        self._found.skipped[reason] += 1
        self._lines.write({"call": number, "skipped": reason})

    def _end(self, turns: list[Turn]) -> None:
        """Calls that were judged are over: all of it has come, or nothing will any more."""
        for turn in turns:
            self._conclude(turn)
        self._tell([Seen(turn.number, one.quantity, e) for turn in turns for one in turn.judged for e in one.entries])

    def _conclude(self, turn: Turn) -> None:
        if turn.failed or not turn.began or turn.waits:
            self._skip(turn.number, turn.failed or (UNFINISHED if turn.began else LOST))
            if turn.due and not turn.began:  # the next makes up for it
                self._next = self._found.calls
            return
        self._lines.write(line(turn.number, turn.judged))
        unknown = [one for one in turn.judged if one.unknown]
        self._found.judged += not unknown
        for one in unknown[:1]:
            self._found.inconclusive[f"{NAMES[one.quantity]}: {one.unknown}"] += 1

    def _tell(self, seen: list[Seen]) -> None:
        for one in seen:
            self._found.add(one)
        wrong, odd = [one for one in seen if one.wrong], [one for one in seen if not one.wrong]
        if wrong and self._on == "raise":
            raise Disagreement("\n".join(map(str, wrong)))
        if self._on == "keep":
            return
        for one in wrong:
            warnings.warn(str(one), DisagreementWarning, stacklevel=2)
        if odd and not self._warned:  # the first alone: the others are in `found`
            self._warned = True
            warnings.warn(str(odd[0]), UnusualWarning, stacklevel=2)


def unwatched(layer: Any) -> str:
    """Why a call that is made now is not judged, or nothing."""
    if not layer.training:
        return EVAL
    if not sys.modules["torch"].is_grad_enabled():
        return NO_GRADIENT
    return OTHER if layer._parameters.get("weight") is None else ""


def require(layer: Any) -> None:
    """`Unusable` where this is no layer that can be watched, in a line that says what to do."""
    kind = type(layer).__name__
    linear = getattr(getattr(sys.modules.get("torch"), "nn", None), "Linear", None)
    if hasattr(layer, "_orig_mod") or getattr(layer, "_compiled_call_impl", None) is not None:
        raise Unusable(
            f"the {kind} is compiled, and cannot be watched; expected the layer before torch.compile, in a model that is not"
        )
    if linear is None or not isinstance(layer, linear) or type(layer).forward is not linear.forward:
        raise Unusable(
            f"{a(kind)} cannot be watched; expected the torch.nn.Linear that gives the logits, with its own forward"
        )
    replaced = vars(layer).get("forward")
    own = getattr(replaced, "__func__", None) is linear.forward and getattr(replaced, "__self__", None) is layer
    if not (replaced is None or own or isinstance(replaced, Passing)):
        raise Unusable(f"the forward of this {kind} was replaced by another; expected torch.nn.Linear's own")
    weight = layer._parameters.get("weight")
    if weight is None:
        raise Unusable(
            f"the weight of this {kind} is computed from others (a parametrization); expected a parameter of its own"
        )
    if not weight.requires_grad:
        raise Unusable(
            f"the weight of this {kind} is frozen, and has no gradient; expected requires_grad, or nothing to watch"
        )
