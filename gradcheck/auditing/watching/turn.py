"""One call that is judged: its logits at once, its gradients as they come. Imports no framework: torch is there already."""

import sys
from collections.abc import Callable
from typing import Any

from gradcheck import precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing import flags
from gradcheck.auditing.kinds import model_of
from gradcheck.auditing.matrices.door import unrecorded
from gradcheck.auditing.passes import backward_pass
from gradcheck.auditing.watching.products import Call, Judged
from gradcheck.bounds import ErrorModel
from gradcheck.errors import Unusable, unplaced

KINDS = ("float64", "float32", "float16", "bfloat16")
RECORDED = "its gradients are differentiated again (create_graph=True), and flow back by other ways, too"
CHANGED = "the weights were changed before every gradient had come back (an optimizer that steps in the backward pass)"


class Turn:
    """A call of which X (…, d), theta and b were taken, and Z (…, L) was given. `waits` are the gradients that should come."""

    def __init__(self, number: int, call: Call, waits: set[str]) -> None:
        self.number, self._call, self.waits = number, call, waits
        self.judged: list[Judged] = []
        self.failed = ""
        self.began, self.due = False, True  # `due`, or judged beside one that is
        self._version = call.theta._version
        self._made = backward_pass()
        self._pass: int | None = None

    def repeated(self) -> bool:
        """Whether a call comes in the first backward pass since this one: it is this one again, for gradient checkpointing."""
        running = backward_pass()
        if running is None or running == self._made:
            return False
        if self._pass is None:
            self._pass = running
        return running == self._pass

    @classmethod
    def of(cls, number: int, taken: tuple[Any, Any, Any], Z: Any, declared: Arithmetic, probes: int) -> "Turn":
        """With the logits judged."""
        theta, X = taken[0].detach(), taken[2].detach()
        b = None if taken[1] is None else taken[1].detach()
        model = model_for({"theta": theta, "b": theta if b is None else b, "X": X, "Z": Z}, declared)
        flat = X.reshape(-1, X.shape[-1])
        waits = {name for name, tensor in (("grad_theta", taken[0]), ("grad_X", taken[2])) if tensor.requires_grad}
        made = cls(number, Call.of(theta, b, flat, model, probes=probes, seed=(0, number)), waits)
        made._judge(lambda: made._call.logits(Z.detach().reshape(-1, Z.shape[-1])))
        return made

    def logits(self, flowed: tuple[Any, ...]) -> None:
        """∂ℒ/∂Z has come: that of the pass that the other gradients are of, where there are several."""
        (D,) = flowed
        if D is None or (self.began and not self.waits):
            return
        self.began = True
        if sys.modules["torch"].is_grad_enabled():
            self.failed = self.failed or RECORDED
        self._tried(lambda: self._call.flowed(D.detach().reshape(-1, D.shape[-1])))

    def gradient(self, name: str, found: Any) -> bool:
        """One of the others has come: whether it was the last."""
        if name not in self.waits or not self.began:
            return False
        of = self._call.of_theta if name == "grad_theta" else self._call.of_X
        if not self.failed:
            self._judge(lambda: of(found.detach().reshape(-1, found.shape[-1])))
        self.waits.discard(name)
        if not self.waits:
            self._call.flowed(None)
        return not self.waits

    def _judge(self, work: Callable[[], Judged]) -> None:
        found = self._tried(work)
        if found is None:
            return
        if (
            found.probe > 1 and self._call.theta._version != self._version
        ):  # rows were computed again from other weights
            self.failed = CHANGED
        else:
            self.judged.append(found)

    def _tried(self, work: Callable[[], Any]) -> Any:
        """Whatever a tensor cannot do must not end the training."""
        try:
            with unrecorded(sys.modules["torch"]):
                return work()
        except Exception as problem:  # the reason is told
            self.failed = self.failed or f"an array cannot be read: {unplaced(problem)}"
        return None


def model_for(tensors: dict[str, Any], declared: Arithmetic) -> ErrorModel:
    """From the precisions of theta, b, X and Z: under autocast Z is coarser, and what is finer was written down before."""
    names = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
    odd = next((name for name, kind in names.items() if kind not in KINDS), None)
    if odd:
        raise Unusable(f"{odd} has dtype {names[odd]}; expected one of {', '.join(KINDS)}")
    kinds = {name: precision.named(kind) for name, kind in names.items()}
    coarsest = max(kinds.values(), key=lambda kind: kind.u)
    told = flags.read(tensors["Z"].device.type)
    if doubt := flags.doubt(told, coarsest.name, declared):
        raise Unusable(doubt)
    return model_of(kinds, coarsest, flags.granted(told, coarsest.name, declared))
