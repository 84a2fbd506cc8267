"""A step of a torch layer, written in two lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradcheck import precision
from gradcheck.auditing import flags
from gradcheck.auditing.capturing import marked
from gradcheck.auditing.capturing.group import distributed
from gradcheck.auditing.capturing.parameter import REUSED, STEPPED, require_whole
from gradcheck.auditing.capturing.place import Place
from gradcheck.auditing.capturing.told import Told
from gradcheck.auditing.capturing.uses import Call, Uses
from gradcheck.auditing.given import require_numbers
from gradcheck.errors import Unusable, typed
from gradcheck.tensors import array

GRADIENTS = {"weight": "grad_theta", "bias": "grad_b"}
CALLED = "it was called"
EXPECTED = "expected a torch.nn.Linear, or a mapping of arrays"


class Step:
    """What a torch Linear (weight (L, d), bias (L,)) takes and gives in one step. Sequences are flattened to samples.

    The gradient of a weight that others use, too, as tied embeddings do, is that of this layer alone; where the data require a
    gradient, as those of a layer before do, that is written, too. Calls that nothing flows back to are none of the step: those of
    an evaluation, and those that are repeated by gradient checkpointing. Where the weights have changed, another step begins: of
    the one before nothing is kept.
    """

    def __init__(self, layer: Any, place: Place) -> None:
        place.require()
        if not hasattr(layer, "register_forward_hook"):
            raise Unusable(f"{typed(layer)} cannot be captured; {EXPECTED}")
        weight = layer._parameters.get("weight")
        if weight is None or weight.ndim != 2 or hasattr(layer, "num_embeddings"):
            head = next((name for name in ("lm_head", "embed_out", "output", "head") if hasattr(layer, name)), None)
            hint = f"its {head}" if head else "the layer that gives the logits"
            raise Unusable(f"{typed(layer)} has no weight (L, d) of its own; expected {hint}, a torch.nn.Linear")
        require_numbers("the weight", weight)
        self._place, self._uses, self._written = place, Uses(layer), False

    def write(self, labels: Any, loss: Any = None, **told: Any) -> Path:
        """Write the dump, once `loss.backward()` has run, before the weights change.

        `labels` and `loss` are as the model takes and gives them; of several calls (micro-batches) a list of each, and each loss is
        a mean of its own; one loss is of all of them. Said beside, where it is so: `shift=True` (the model shifts labels inside),
        `num_items` (what a sum is divided by), `factor` (what the loss, or each, is multiplied by before backward: a loss scale, a
        share of several), `upstream` (n,) (what the loss of each sample is), `pieces` (over how many gradients are added up).

        Labels have the shape of the logits without their last axis. Returns the folder, and raises `Unusable` where the step cannot
        be audited, with what to do: a layer that was not called, weights that were changed since, labels that do not fit.

            >>> import tempfile, gradcheck, torch
            >>> head, X = torch.nn.Linear(8, 50), torch.randn(2, 30, 8)  # two micro-batches, and a loss scale
            >>> y = torch.randint(50, (2, 30))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     step = gradcheck.capture(head, folder + "/dump")
            ...     losses = [torch.nn.functional.cross_entropy(head(X[k]), y[k]) for k in range(2)]
            ...     for loss in losses:
            ...         (loss / 2 * 1024).backward()
            ...     gradcheck.audit(step.write(list(y), losses, factor=512)).status
            0
        """
        if self._written:
            raise Unusable("the step has been written; expected one write() for each capture")
        if self._uses.computed:
            raise Unusable(
                "the layer's weight is computed from others since capture() (pruning, a parametrization); expected one of its own"
            )
        if self._uses.odd:
            kind = type(self._uses.layer).__name__
            raise Unusable(
                f"the logits are not X θᵀ + b of this {kind}, or cannot be seen to be: {self._uses.odd}; expected a layer "
                "that gives this product and nothing else, or gradcheck.capture of the arrays of one"
            )
        calls, passes = self._uses.came(lambda calls: marked.fit(labels, [call.X.shape[:-1] for call in calls]))
        if self._uses.others and not self._uses.calls:
            raise Unusable(
                "the layer was called with other weights than its own (torch.func.functional_call); expected its own, or "
                "gradcheck.capture.fused(X, W, b, labels, loss, folder) with those"
            )
        if self._uses.unrecorded and not self._uses.calls:
            raise Unusable(
                "no gradients were recorded where the layer was called; expected its weight, or its data, to require one, and no "
                "torch.no_grad"
            )
        if not self._uses.calls:
            raise Unusable(
                "the layer was not called; expected capture() before its forward pass, or, of a loss that calls no layer, "
                "gradcheck.capture.fused(X, W, b, labels, loss, folder) before loss.backward()"
            )
        if not calls:
            raise Unusable("the layer has no gradient; expected write() after loss.backward()")
        for name, parameter in self._uses.parameters.items():
            if parameter.numbers.changed:
                raise Unusable(STEPPED.format(f"the layer's {name}", CALLED))
        if any(call.data.changed for call in calls):
            raise Unusable(REUSED.format("the layer's data were", CALLED))
        said = _told(labels, loss, told)
        found = self._parameters(said, len(calls), passes)
        seen = {**_stored(said.loss, calls, self._uses), **flags.said([calls[0].Z]), **self._shared(found, passes)}
        path = self._place.write(found, _arrays(calls, passes), said, seen)
        self.close()
        self._written = True
        return path

    def __enter__(self) -> "Step":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Watch no more, and write nothing: the layer is as it was.

        >>> import gradcheck, torch
        >>> step = gradcheck.capture(torch.nn.Linear(8, 50), "no-dump")
        >>> step.close()
        """
        self._uses.close()
        self._uses.calls.clear()

    def _parameters(self, said: Told, calls: int, passes: set[int | None]) -> dict[str, Any]:
        """theta, b, and their gradients."""
        own, factors = self._uses.parameters, set(said.factors(calls))
        if self._uses.passes.written and _ranks() == 1:
            require_whole(
                [one.became(passes) for one in own.values() if one.tensor.requires_grad], factors, len(passes)
            )
        weight = own["weight"].tensor
        bias = own["bias"].tensor if "bias" in own else weight.detach().new_zeros(weight.shape[0])
        found = {"theta": weight, "b": bias}
        for name, parameter in own.items():
            gradient = parameter.gradient(factors, passes, **self._others(name))
            if gradient is not None:
                found[GRADIENTS[name]] = gradient
        return {name: array(value) for name, value in found.items()}

    def _shared(self, found: Mapping[str, Any], passes: set[int | None]) -> dict[str, list[str]]:
        """Gradients that are of this use alone, where .grad has more."""
        own = self._uses.parameters
        there = [name for name in own if GRADIENTS[name] in found]
        shared = [GRADIENTS[name] for name in there if own[name].shared(passes, **self._others(name))]
        return {"shared": shared} if shared else {}

    def _others(self, name: str) -> dict[str, bool]:
        """What may come to a parameter beside this use of it: parts of other ranks, and a penalty that was declared."""
        law = self._place.law
        return {"local": _ranks() > 1, "penalty": bool(law.l2 and (law.l2_bias or name == "weight"))}


def _told(labels: Any, loss: Any, told: dict[str, Any]) -> Told:
    try:
        return Told(labels, loss, **told)
    except TypeError:
        unknown = sorted(set(told) - {"shift", "num_items", "factor", "upstream", "pieces"})
        raise Unusable(
            f"{', '.join(unknown)}: not known; expected any of shift, num_items, factor, upstream, pieces"
        ) from None


def _arrays(calls: list[Call], passes: set[int | None]) -> list[dict[str, Any]]:
    """Of each call; logits that the loss has overwritten are left out, and computed from theta and X."""
    there = not any(call.overwritten for call in calls)
    return [
        {
            "X": array(call.X),
            **({"Z": array(call.Z)} if there else {}),
            **{k: array(v) for k, v in call.gradients.sums(passes).items()},
        }
        for call in calls
    ]


def _ranks() -> int:
    """How many processes train together."""
    group = distributed()
    return 1 if group is None else int(group.get_world_size())


def _stored(loss: Any, calls: list[Call], uses: Uses) -> dict[str, str]:
    """The precision of arrays that are written down, where that can be seen: by autocast, by a fused loss in 16
    bits, or by a loss in float32 of logits in float64.
    """
    seen = (calls[0].Z, calls[0].X, uses.parameters["weight"].tensor)
    kinds = [precision.named(str(tensor.dtype).removeprefix("torch.")) for tensor in seen]
    coarser = kinds[0].u > max(kind.u for kind in kinds[1:])
    one = loss[0] if isinstance(loss, list | tuple) and loss else loss
    if coarser or (_fused(one) and kinds[0].dtype.itemsize == 2):
        return {"stored": kinds[0].name}
    # logits that a model has made coarser before the loss, as some do with .float()
    single = str(getattr(one, "dtype", "")) == "torch.float32" and kinds[0].name == "float64"
    return {"inner": "float32"} if single else {}


def _fused(loss: Any) -> bool:
    """Whether torch's own cross-entropy made this: in 16 bits it writes log A down, and not what each operation comes to."""
    last = getattr(loss, "grad_fn", None)
    before = [function for function, _ in getattr(last, "next_functions", ())]
    names = [type(function).__name__ for function in (last, *before[:1])]
    return [name.removesuffix("Backward0") for name in names] in (
        ["NllLoss", "LogSoftmax"],
        ["NllLoss2D", "LogSoftmax"],
    )
