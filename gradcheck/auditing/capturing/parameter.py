"""A parameter of a torch layer: its gradient by the uses that are seen, and what became of it since. Imports no framework."""

import sys
from typing import Any

from gradcheck.auditing.aliases import aliased
from gradcheck.auditing.passes import Gradients, Passes, backward_pass, empty
from gradcheck.errors import Unusable

SHRUNK = (
    "the layer's .grad is {:.7g} times what came to it, as where gradients were clipped; expected write() before that, right after "
    "loss.backward()"
)
STALE = (
    "the layer's .grad still held the gradient of another step, from before the weights were changed, when this step's was added "
    "to it; expected zero_grad() between steps"
)
STEPPED = "{} was changed since {}; expected write() before optimizer.step()"
REUSED = (
    "{} changed since {}, as a buffer is that the next batch is copied into; expected data of its own until write()"
)
ROWS = 2  # that are kept of each axis, about


def same(one: Any, other: Any) -> bool:
    """Number by number, NaN as itself."""
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


class Numbers:
    """Those of a tensor as they are now: by its version, which who writes by `.data` leaves as it is, or by some of them and their
    sum, since the version of a part of a buffer is that of the whole.
    """

    def __init__(self, tensor: Any, *, part: bool = False) -> None:
        self._tensor, self._part, self._version = tensor, part, tensor._version
        self._some = [one.clone() for one in self._seen()]

    def _seen(self) -> list[Any]:
        torch, held = sys.modules["torch"], self._tensor.detach()
        if held.layout is not torch.strided or held.is_nested:
            return []
        some = held[tuple(slice(None, None, max(1, size // ROWS)) for size in held.shape[:-1])]
        wide = torch.float32 if held.device.type == "mps" else torch.float64
        return [some, held.sum(dtype=wide)] if self._part else [some]

    @property
    def written(self) -> bool:
        """Since then, in a way that is counted."""
        return bool(self._tensor._version != self._version)

    @property
    def changed(self) -> bool:
        """Since then; where neither shows it, nothing does."""
        if self.written and not self._part:
            return True
        return any(
            now.shape != was.shape or not same(now, was) for now, was in zip(self._seen(), self._some, strict=True)
        )


class Parameter:
    """A parameter, its gradient by the uses that are seen, and whether others used it in the same step."""

    def __init__(self, tensor: Any, passes: Passes) -> None:
        self.tensor, self._passes = tensor, passes
        self._handle = tensor.register_hook(self._whole) if tensor.requires_grad else None
        if self._handle is not None:  # before hooks of others: what they do is in .grad, and is no other use
            hooks = tensor._backward_hooks
            for other in [key for key in hooks if key != self._handle.id]:
                hooks[other] = hooks.pop(other)  # in the order of the dictionary, which autograd goes by
        self.begin()

    def begin(self, *, anew: bool = False) -> None:
        """A step begins; `anew` where another has changed the weights before."""
        self._begun = anew
        self._stale: set[int | None] = set()  # passes that were added to a .grad of before the weights were changed
        self.own = Gradients(self._passes)
        self._shared: set[int | None] = set()  # passes in which .grad has more than what is seen
        self.numbers = Numbers(self.tensor)

    def named(self, held: Any) -> bool:
        """Whether what the layer holds is this, or the alias of another that looks at it."""
        return held is self.tensor or getattr(held, "_base", None) is self.tensor

    def alias(self, held: Any) -> Any:
        """The same numbers by another name: what flows back to it comes from one use alone."""
        if not held.requires_grad:
            return held
        made = aliased(held)
        if made.requires_grad:
            made.register_hook(self.own.adding("grad"))
        return made

    def _whole(self, gradient: Any) -> None:
        """What comes to the parameter in a backward pass, before it is added to .grad."""
        before = not (self._passes.arrived or empty(self.tensor.grad))  # of steps that were not seen
        if before and self._begun:
            self._stale.add(backward_pass())
        seen = self.own.now.get("grad")
        if before or seen is None or gradient.is_sparse or seen.shape != gradient.shape or not same(seen, gradient):
            self._shared.add(backward_pass())

    def close(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._handle.remove()

    def gradient(self, factors: set[float], passes: set[int | None], *, local: bool, penalty: bool) -> Any:
        """What training has of these passes, where this use is all that it is of, but for a declared `penalty`; otherwise that of
        this use alone.

        So it is where others used it, where it was divided by a loss scale since, cleared, or added up over ranks (`local`).
        `Unusable` where it was added to what another step had left in .grad.
        """
        if self._stale & passes:
            raise Unusable(STALE)
        own, there = self.own.sums(passes).get("grad"), self._there
        if penalty and not local and self._penalised(passes):
            return there
        if local or not self._judged(own, passes):
            return own
        return own if len(factors) == 1 and _unscaled(own, there, next(iter(factors)), len(passes)) else there

    def shared(self, passes: set[int | None], *, local: bool = False, penalty: bool = False) -> bool:
        """Whether .grad has more of these passes than this use gave it, as that of a weight that is tied to an embedding has."""
        arrived = self._passes.arrived - self._passes.cleared  # those of other uses alone, too
        return bool(self._shared & (passes | arrived)) and not (penalty and not local and self._penalised(passes))

    @property
    def _there(self) -> Any:
        """.grad, which others may have made sparse."""
        there = self.tensor.grad
        return there.to_dense() if there is not None and there.is_sparse else there

    def _penalised(self, passes: set[int | None]) -> bool:
        """Whether what .grad has more is a multiple of the parameter, as far as .grad is known: a penalty, right or wrong.

        Where roundings hide that, it is taken for another use, and this one judged alone.
        """
        own, there = self.own.sums(passes).get("grad"), self._there
        if own is None or there is None or there.shape != own.shape:
            return False
        held = self.tensor.detach().double()
        more = there.double() - own.double()
        by = (more * held).sum() / (held * held).sum().clamp_min(sys.float_info.min)
        sizes = there.double().abs() + own.double().abs() + (by * held).abs()
        known = 4 * (len(passes) + 1) * sys.modules["torch"].finfo(there.dtype).eps
        return bool(by != 0) and bool(((more - by * held).abs() <= known * sizes).all())

    def became(self, passes: set[int | None]) -> tuple[()] | tuple[Any, Any] | None:
        """What came to it by this use, and .grad, where that is another since, or nothing; None where .grad is of others, too."""
        own, there = self.own.sums(passes).get("grad"), self._there
        if not self._judged(own, passes):
            return None
        return () if same(own, there) else (own, there)

    def _judged(self, own: Any, passes: set[int | None]) -> bool:
        """Whether .grad is what training has of these passes, and of this use alone."""
        there = self._there
        if own is None or self.shared(passes) or there is None or there.shape != own.shape:
            return False
        return bool(passes & self._passes.arrived) or not empty(there)  # or it was taken by torch.autograd.grad


def _unscaled(own: Any, there: Any, factor: float, count: int) -> bool:
    """Whether .grad was divided by this factor, or by the scale that it is a share of, one of `count`, as that is done."""
    scales = {factor, factor * count} - {0.0, 1.0}
    return any(bool((one == there).all()) for scale in scales for one in (own / scale, own * (1 / scale)))


def require_whole(became: list[tuple[()] | tuple[Any, Any] | None], factors: set[float], count: int) -> None:
    """`Unusable` where all of .grad has been multiplied by one number below 1 since it came, and by no loss scale."""
    known = [one for one in became if one is not None]
    pairs = [one for one in known if one]
    if not pairs or len(pairs) < len(known):
        return
    if all(_unscaled(*one, factor, count) for one in pairs for factor in factors):
        return
    own, there = pairs[0]
    most = own.abs().argmax()
    number = float(there.flatten()[most]) / (float(own.flatten()[most]) or 1.0)
    if 0 < number < 1 and all(_multiple(*one, number) for one in pairs):
        raise Unusable(SHRUNK.format(number))


def _multiple(own: Any, there: Any, number: float) -> bool:
    """Whether each is this number times what it was: in two roundings at most, of a number that is known in two."""
    kind = sys.modules["torch"].finfo(there.dtype)
    off = (there.double() - number * own.double()).abs()
    return bool((off <= 3 * kind.eps * there.double().abs() + 2 * kind.smallest_normal * kind.eps).all())
