"""What may be wrong with an array that rounding does not explain: by its numbers alone, or under other options of its operator.

Nothing is said unless it explains every entry of the part that was looked at.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.enclosure import Enclosure, Reals
from gradcheck.ops.description import Grants, Op

Where = NDArray[np.bool_]


def cause_of(op: Op, wrt: str, part: tuple[Reals, Enclosure], start: int, g: Grants) -> str:
    """What fits, in words; what is known of the places where it is wrong, otherwise."""
    computed, known = part
    for said, fits in SIMPLE:
        if fits(computed, known):
            return said
    rows = slice(start, start + len(computed))
    for said, truth in op.wrong(wrt, replace(g, filtered=0.0), rows) if op.wrong else ():
        if truth.shape == computed.shape and _within(computed, Enclosure(truth, known.radius)):
            return f"as if it had been {said}"
    return factor(computed, known) or _finer(op, computed, g) or _where(op, computed, known, start)


def _within(computed: Reals, known: Enclosure) -> bool:
    return bool((known.test_ratio(computed) <= 1).all())


def _zeros(computed: Reals, known: Enclosure) -> bool:
    return not computed.any()


def _scaled(by: float) -> Callable[[Reals, Enclosure], bool]:
    return lambda computed, known: _within(computed, Enclosure(by * known.midpoint, abs(by) * known.radius))


def _transposed(computed: Reals, known: Enclosure) -> bool:
    return computed.shape[0] == computed.shape[1] and _within(computed.T, known)


SIMPLE: tuple[tuple[str, Callable[[Reals, Enclosure], bool]], ...] = (
    ("it is all zeros", _zeros),
    ("the sign is turned", _scaled(-1.0)),
    ("it is transposed", _transposed),
)


def factor(computed: Reals, known: Enclosure) -> str:
    """The number that all of it is multiplied by."""
    largest = np.unravel_index(int(abs(known.midpoint).argmax()), known.midpoint.shape)
    exact = float(known.midpoint[largest])
    c = float(computed[largest]) / exact if exact else 0.0
    if not (np.isfinite(c) and c) or abs(exact) <= 64 * float(known.radius[largest]) or computed.size < 2:
        return ""
    if abs(c - 1) * abs(exact) <= 4 * float(known.radius[largest]):  # as near to 1 as rounding gone wrong
        return ""
    wide = Enclosure(c * known.midpoint, 2 * max(1.0, abs(c)) * known.radius)
    return f"all of it is multiplied by {c:.6g}" if abs(c - 1) > 2e-6 and _within(computed, wide) else ""


def _finer(op: Op, computed: Reals, g: Grants) -> str:
    """Whether it is of the precision of its inputs, and was handed over in a finer one, as a list or by `item()`."""
    p = op.precision
    if g.array.u >= p.u or not np.array_equal(p.round(computed).astype(np.float64), computed):
        return ""
    return f"all are {p.name} numbers, as its inputs: hand it over in {p.name}, not as {g.array.name}"


def _where(op: Op, computed: Reals, known: Enclosure, start: int) -> str:
    """The pattern of the places that are wrong."""
    wrong = known.test_ratio(computed) > 1
    labels = _labels(op, wrong.shape, start)
    L = wrong.shape[1]
    first = _tail(np.logical_and(((computed == 0) | labels).all(axis=0), wrong.any(axis=0)))
    if 0 < first < L - 1:
        return f"all is zero from place {first} on along the last axis, of {L}"
    if labels.any():
        if not (wrong & ~labels).any():
            return "only entries at labels are wrong"
        if not (wrong & labels).any() and _most(wrong, ~labels):
            return f"{_nothing(computed, ~labels)}entries at labels are right, the others are not"
    first = _tail(np.any(wrong, axis=0))
    return f"wrong from place {first} on along the last axis, of {L}" if 0 < first < L - 1 else ""


def _tail(columns: Where) -> int:
    """From which place on they all are."""
    found = np.flatnonzero(~columns)
    return int(found[-1]) + 1 if len(found) else 0


def _labels(op: Op, shape: tuple[int, ...], start: int) -> Where:
    """Which entries of these rows are at labels, where these are classes."""
    at, (n, L) = np.zeros(shape, dtype=bool), shape
    if op.labels is not None and L > 1 and op.labels.ndim == 1:
        index = np.asarray(op.labels[start : start + n])
        used = (index >= 0) & (index < L)
        at[np.flatnonzero(used), index[used]] = True
    return at


def _most(wrong: Where, among: Where) -> bool:
    return 2 * int((wrong & among).sum()) >= int(among.sum())


def _nothing(computed: Reals, among: Where) -> str:
    return "" if computed[among].any() else "zero: "
