"""Relations between the results of calls: each tells what a function keeps from one to the next."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.repeatable import identical
from gradcheck.diagnosis.views import within
from gradcheck.mistakes import Model
from gradcheck.problem import Array
from gradcheck.readings.running import Running

CALLS = (0, 0, 0, 0, 1, 1, 0)  # which of two problems of one shape each call is given
MOMENTUM = 2.0**-10  # what is less of the result before is none


@dataclass(frozen=True)
class Series:
    """One quantity, call after call: `returned` as it came, `left` as the same arrays stand in the end, `right` as it should be.

    `labels` are Y at each call.
    """

    name: str
    returned: tuple[Array, ...]
    left: tuple[Array, ...]
    right: tuple[Running, ...]
    labels: tuple[Running, ...]

    @property
    def apart(self) -> bool:
        """Whether the right results for the two problems differ beyond their bounds."""
        one, other = self.right[CALLS.index(0)], self.right[CALLS.index(1)]
        return bool((abs(one.value - other.value) > one.error + other.error).any())

    @property
    def pure(self) -> bool:
        """Whether equal arguments give equal bits, and results stay as they were."""
        first = {which: self.returned[CALLS.index(which)] for which in CALLS}
        return not self.overwritten and all(identical(first[c], r) for c, r in zip(CALLS, self.returned, strict=True))

    @property
    def shaped(self) -> bool:
        """Whether all results have the shape that is right."""
        return all(r.shape == right.shape for r, right in zip(self.returned, self.right, strict=True))

    @property
    def overwritten(self) -> bool:
        """Whether a later call changed an earlier result."""
        return not all(map(identical, self.returned, self.left))

    def steps(self) -> Iterator[tuple[int, int]]:
        """Each call but the first, with the one before."""
        return ((k - 1, k) for k in range(1, len(CALLS)))


def fits(values: Array, found: Running) -> bool:
    """Whether an array lies within what is allowed."""
    return values.shape == found.shape and within(values, found)


# ---- relations between the results of calls ----


def _accumulated(s: Series) -> bool:
    """Each is the one before, plus what is right."""
    made = (Running.exact(s.returned[before]) + s.right[now] for before, now in s.steps())
    return all(fits(s.returned[now], found) for (_, now), found in zip(s.steps(), made, strict=True))


def _late(s: Series) -> bool:
    """Each is what was right for the call before."""
    return all(fits(s.returned[now], s.right[before]) for before, now in s.steps())


def kept(s: Series) -> bool:
    """All are the same, whatever the arguments."""
    return all(identical(s.returned[0], r) for r in s.returned)


def _alternating(s: Series) -> bool:
    """Every second is right, the others are twice that."""
    return any(
        all(fits(r, right * (1 + (k + odd) % 2)) for k, (r, right) in enumerate(zip(s.returned, s.right, strict=True)))
        for odd in (0, 1)
    )


def _reused(s: Series) -> bool:
    """Each is right when it is returned; in the end, all hold the last."""
    return all(map(fits, s.returned, s.right)) and all(identical(s.returned[-1], left) for left in s.left)


def _taken_for_probabilities(s: Series) -> bool:
    """The gradient of one call stands in the place of A in the next one of the same arguments."""
    model, again = Model(), [(b, k) for b, k in s.steps() if CALLS[b] == CALLS[k]]
    made = [
        model.mean(model.residual(Running.exact(s.returned[b]), s.labels[k]), s.labels[k])
        for b, k in again
        if s.name == "Z"
    ]
    return bool(made) and all(fits(s.returned[k], found) for (_, k), found in zip(again, made, strict=True))


def _share(s: Series) -> tuple[float, float]:
    """Between which numbers c lies, where each result is what is right, plus c times the one before; empty where there is none."""
    low, high = -np.inf, np.inf
    for before, now in s.steps():
        left, right = s.returned[before].astype(np.float64), s.right[now]
        added = s.returned[now].astype(np.float64) - right.value
        wide = right.error + 4 * np.finfo(np.float64).eps * (abs(added) + abs(right.value))
        sure = np.isfinite(added) & np.isfinite(wide) & (abs(left) > 4 * wide)
        if sure.any():
            low = max(low, float(((added * np.sign(left) - wide) / abs(left))[sure].max()))
            high = min(high, float(((added * np.sign(left) + wide) / abs(left))[sure].min()))
    return low, high


def _momentum(s: Series) -> bool:
    """A part of the one before is added, the same each time."""
    low, high = _share(s)
    return MOMENTUM < low <= high < 1


# Which relation tells which mistake. The first that holds for a quantity is named.
RELATIONS: dict[str, Callable[[Series], bool]] = {
    "reused_output_buffer": _reused,
    "gradient_accumulated": _accumulated,
    "momentum_added": _momentum,
    "last_loss_returned": _late,
    "first_call_remembered": kept,
    "call_counter_step": _alternating,
    "saved_probabilities_overwritten": _taken_for_probabilities,
}
OF_CROSS_ENTROPY = ("saved_probabilities_overwritten",)  # told of its stages
