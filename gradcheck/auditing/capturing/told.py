"""What `write` is told of a step: labels, loss, and what is done to them. What cannot be audited is refused, with what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.auditing.capturing import marked
from gradcheck.auditing.divisors import shares, summed
from gradcheck.auditing.given import numbers
from gradcheck.errors import Unusable, typed
from gradcheck.law import CrossEntropy
from gradcheck.law.options import SAMPLES


@dataclass(frozen=True, eq=False)
class Known:
    """Labels Y of all samples, the law that they are of, and the loss; what each sample is multiplied by, and all of them."""

    Y: Any
    law: CrossEntropy
    loss: Any
    upstream: Any
    factor: float
    pieces: int


@dataclass(frozen=True, eq=False)
class Told:
    """Of one call, or a list with one for each.

    `shift`: the model shifts the labels inside, so that a sample's is the next. `num_items` is what a sum is divided by. `factor`
    is what the loss was multiplied by before backward (a loss scale; a share of several). `upstream` is what the loss of each
    sample was, where it is no mean and no sum. `pieces` counts those over which gradients were added.
    """

    labels: Any
    loss: Any = None
    shift: bool = False
    num_items: Any = None
    factor: Any = 1.0
    upstream: Any = None
    pieces: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.shift, bool):
            raise Unusable(f"shift is {typed(self.shift)}; expected True or False")
        if self.pieces is not None and not (type(self.pieces) is int and 0 < self.pieces < 2**53):
            raise Unusable(f"pieces is not known: {typed(self.pieces)}; expected how many there are, from 1")

    def of(self, calls: Sequence[Mapping[str, Any]], law: CrossEntropy, *, ranks: str = "") -> Known:
        """Of these calls of the layer, which has all classes and samples, or those of one of several ranks."""
        shapes = [call["X"].shape[:-1] for call in calls]
        law = self._divided(law)
        labels, law = marked.of(self.labels, shapes, law, shift=self.shift, any_rank=ranks == "samples")
        if ranks != "classes" and self.upstream is None and not self.shift:
            marked.require_unshifted(self.labels, labels, calls, law)
        several = isinstance(self.labels, list | tuple) and len(calls) > 1
        if several and self.loss is None and self.upstream is None and self._apart(law):
            raise Unusable(
                f"the labels of {len(calls)} calls are given, and no loss, so that nothing says whether each has a mean of "
                "its own; expected the loss, or a list of them"
            )
        losses = self._losses(len(calls))
        factors = self.factors(len(calls))
        upstream, factor, each = None, factors[0], [np.ones(1)] * len(losses)
        if law.l2 and len(losses) > 1:  # each has the penalty
            law = replace(law, l2=law.l2 * (len(losses) if len(set(factors)) == 1 else sum(factors)))
        if self.upstream is not None:
            upstream, law = (
                _joined(self.upstream),
                replace(law, reduction="sum", mean_of=SAMPLES),
            )
            losses = [_weighed(loss, upstream) for loss in losses]
        elif len(losses) > 1 and (self._apart(law) or len(set(factors)) > 1):
            each = upstream = shares(labels, law)
            law = replace(law, reduction="sum", mean_of=SAMPLES)
            if len(set(factors)) > 1:
                upstream, factor = [u * f for u, f in zip(upstream, factors, strict=True)], 1.0
                losses = [loss * f for loss, f in zip(losses, factors, strict=True)]
            upstream = np.concatenate(upstream)
        loss = losses[0] if len(losses) == 1 else summed(losses, each, penalty=bool(law.l2)) if losses else None
        if loss is not None and np.size(loss) != 1:
            raise Unusable(
                f"the loss has shape {np.shape(loss)}; expected one number, or upstream= what that of each sample was multiplied by"
            )
        return Known(np.concatenate(labels), law, loss, upstream, factor, self.pieces or len(calls))

    def factors(self, calls: int) -> list[float]:
        """That of each call."""
        return _each(self.factor, calls, "factor")

    def _divided(self, law: CrossEntropy) -> CrossEntropy:
        if self.num_items is None:
            return law
        count = numbers("num_items", self.num_items)
        if count.size != 1 or not 1 <= count.reshape(()) < 2.0**53 or count.reshape(()) % 1:
            raise Unusable(
                f"num_items={self.num_items!r:.60}; expected how many items the sum of losses is divided by, from 1"
            )
        return replace(law, reduction="mean", mean_of=int(count.reshape(())))

    @staticmethod
    def _apart(law: CrossEntropy) -> bool:
        """Whether several losses have each a divisor of their own."""
        return law.reduction == "mean" and not isinstance(law.mean_of, int)

    def _losses(self, calls: int) -> list[Any]:
        if self.loss is None:
            return []
        if isinstance(self.loss, str | bytes) or not isinstance(self.loss, Sequence):
            return [numbers("the loss", self.loss)]
        if len(self.loss) != calls:
            raise Unusable(
                f"{len(self.loss)} losses are given, and the layer was called {calls} times; expected one for each call, or one"
            )
        return [numbers("the loss", loss).astype(np.float64) for loss in self.loss]


def _each(given: Any, calls: int, name: str) -> list[float]:
    """One for each call."""
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given] * calls
    if len(several) != calls:
        raise Unusable(
            f"{name} has {len(several)} numbers, and the layer was called {calls} times; expected one for each call, or one"
        )
    try:
        return [float(one) for one in several]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise Unusable(f"{name}={given!r:.60}; expected a number, or one for each call") from None


def _joined(given: Any) -> Any:
    """(n,), of one call or of several."""
    several = given if isinstance(given, Sequence) and len(given) and hasattr(given[0], "shape") else [given]
    return np.concatenate([numbers("upstream", one).reshape(-1).astype(np.float64) for one in several])


def _weighed(loss: Any, upstream: Any) -> Any:
    """The sum of losses of each sample; one number stays what it is."""
    if np.size(loss) == 1:
        return loss
    if np.size(loss) != np.size(upstream):
        raise Unusable(f"the loss has shape {np.shape(loss)}, and upstream {np.shape(upstream)}; expected the same")
    return np.asarray(loss.reshape(-1).astype(np.float64) @ upstream)
