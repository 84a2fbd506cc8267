"""From an array and what was computed to what is said of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck import bounds, precision
from gradcheck.asserted.audited import audited
from gradcheck.asserted.causes import cause_of
from gradcheck.asserted.declared import Declared
from gradcheck.asserted.said import Explained, first
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.ops.description import Grants, Limits, Op
from gradcheck.ops.views import View, plain
from gradcheck.precision import Precision
from gradcheck.problem import Array
from gradcheck.verdict import WIDE, Outcome, telling

Asked = tuple[Op, str, View, Declared, Grants]
MOSTLY = "most of it could not be judged"
KEPT = 2**16  # entries of the part that a cause is looked for in


@dataclass
class Seen:
    """What the parts have shown so far; `at` is the row and the column of the worst."""

    entries: int = 0
    wrong: int = 0
    unknown: int = 0
    told: int = 0
    known: int = 0
    ratio: float = -1.0
    at: tuple[int, int] = (0, 0)
    numbers: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: float = 0.0  # of all entries of which something is known, and of their limits
    limit: float = 0.0
    start: int = 0
    worst: "tuple[Reals, Enclosure] | None" = None

    def add(self, part: Limits, computed: Reals, g: Grants) -> None:
        limit, unknown = limits(part, g), np.isnan(part.truth.midpoint)
        found = Enclosure(np.where(unknown, 0.0, part.truth.midpoint), np.where(unknown, np.inf, limit))
        midpoint, limit = found.midpoint, found.radius
        ratios = found.test_ratio(computed)
        if part.zero is not None:
            ratios = np.where(part.zero & (computed == 0), 0.0, ratios)
        size, bounded = abs(midpoint), np.isfinite(limit)
        seen = bounded & (size > g.array.eta / 2)  # what the format itself can tell from zero
        self.entries += computed.size
        self.wrong += int((ratios > 1).sum())
        self.unknown += int((~bounded).sum())
        self.known += int(seen.sum())
        self.told += int((seen & ~(limit >= size)).sum())
        self.size += float(size[bounded].sum())
        self.limit += float(limit[bounded].sum())
        most = float(ratios.max(initial=0.0))
        if most > self.ratio:
            row, column = (int(i) for i in np.unravel_index(int(ratios.argmax()), ratios.shape))
            self.ratio, self.at, self.start = most, (part.start + row, column), part.start
            self.numbers = (float(computed[row, column]), float(midpoint[row, column]), float(limit[row, column]))
            beside = max(1, KEPT // computed.shape[1]) // 2
            rows = slice(max(0, row - beside), row + beside + 1)
            self.worst = (computed[rows], Enclosure(midpoint[rows], limit[rows])) if most > 1 else None
            self.start += rows.start


def limits(part: Limits, g: Grants) -> Reals:
    """Radius and allowance, with the writing down of the result where that comes once; all where that may overflow."""
    found = outward(part.truth.radius + part.allowed, 2)
    finite = np.isfinite(found) & np.isfinite(part.truth.midpoint)
    size: Reals = abs(np.where(finite, part.truth.midpoint, 0.0))
    with np.errstate(all="ignore"):
        if g.once:
            found = np.where(finite, bounds.nearest(np.where(finite, found, 0.0), size, g.array), found)
        return np.where(finite & ~(size + found <= g.array.huge), np.inf, found)


def judged(
    actual: Any, op: Op, wrt: str | None, declared: Declared, parts: Iterable[Limits] | None = None
) -> Explained:
    """What is said of `actual`; `parts`, where several arrays are judged, is what `op.judge` gave for these grants."""
    name, view = op.view(wrt)
    array, wrong = _read(actual, op, view)
    quantity = op.symbol(name)
    if array is None:
        return Explained(quantity, Outcome.ERRORED, "", repr(op), "", reason=wrong)
    p = precision.of(array.dtype)
    g = declared.grants(op, p)
    found = Explained(quantity, Outcome.ERRORED, p.name, repr(op), granted(g), reason=wrong)
    if wrong:
        return found
    probed = op.probed(name)
    if probed is not None:
        return audited(found, array, view, probed, declared)
    seen, rows = Seen(), view.rows(array)
    with np.errstate(all="ignore"):
        for part in op.judge(op, name, g) if parts is None else parts:
            computed = rows[part.start : part.start + len(part.truth.midpoint)].reshape(part.truth.midpoint.shape)
            seen.add(part, computed.astype(np.float64), g)
    found = _concluded(found, seen, (op, name, view, declared, g))
    if found.failed and not found.cause and parts is None and declared.said.sums:
        return _any_order(found, judged(actual, op, wrt, declared.any_order), declared.said.sums)
    return found


def _any_order(found: Explained, other: Explained, said: str) -> Explained:
    """Where sums in any order explain what a declared depth of theirs does not, and no other cause fits."""
    words = f"would be explained if sums were in any order: they may be deeper than {said} says"
    return replace(found, cause=words) if other.agrees else found


def _concluded(found: Explained, seen: Seen, asked: Asked) -> Explained:
    op, name, view, declared, g = asked
    value, exact, allowance = seen.numbers
    place = view.place(*seen.at) if seen.entries else ()
    found = replace(
        found,
        entries=seen.entries,
        wrong=seen.wrong,
        unknown=seen.unknown,
        told=seen.told,
        known=seen.known,
        place=place,
        value=value,
        exact=exact,
        allowance=allowance,
        ratio=seen.ratio,
        hides=seen.limit / seen.size if seen.size else None,
        reason="",
    )
    if seen.wrong:
        assert seen.worst is not None
        cause = cause_of(op, name, seen.worst, seen.start, g)
        return replace(found, outcome=Outcome.DISAGREE, cause=cause, reason=first(value, place, exact))
    most = 2 * seen.unknown > seen.entries
    if not most and (telling(seen.told, seen.known) or (seen.known == 0 and not seen.ratio)):
        return replace(found, outcome=Outcome.AGREE)
    reason = WIDE if not most else "none of it could be judged" if seen.unknown == seen.entries else MOSTLY
    return replace(found, outcome=Outcome.INCONCLUSIVE, reason=reason, advice=advice(op, declared, g))


def _read(actual: Any, op: Op, view: View) -> tuple[Array | None, str]:
    """The array, and what is wrong with it before its numbers are looked at."""
    try:
        array = plain(actual)
    except Exception as wrong:
        return None, f"what is given cannot be read as an array: {wrong}"
    if array.dtype.name not in precision.NAMES:
        return None, f"its dtype is {array.dtype}; expected {op.precision.name}"
    if array.shape != view.shape:
        return array, f"its shape is {array.shape}; expected {view.shape}"
    if precision.of(array.dtype).u > op.precision.u:
        return array, f"its dtype is {array.dtype}; expected {op.precision.name}, as its inputs"
    return array, ""


def granted(g: Grants) -> str:
    """What is granted, in a few words."""

    def parts() -> Iterator[str]:
        p: Precision = g.inside
        yield g.array.name
        if g.once:
            yield f"written down once, {p.name} inside"
        elif p.kept or p.adds:
            yield f"sums in {p.name}"
        if p.stored:
            yield "arrays between steps stored"
        if p.chain or p.block:
            yield f"at most {p.chain} additions in a row" if p.chain else f"sums in blocks of {p.block}"
        if p.ulps:
            yield f"functions within {p.ulps:g} ulp"
        if g.filtered:
            yield f"entries below {g.filtered:.3g} left out"

    return ", ".join(parts())


def advice(op: Op, declared: Declared, g: Grants) -> str:
    """What may be declared, so that more can be told."""
    tips = []
    if not declared.said.sums and op.inner > 256:
        tips.append('sums="chain:64", if no term of its longest sum goes through more additions')
    if g.array.u > 2.0**-12 and not g.once and not declared.inner:
        tips.append('inner="float32", if it computes in float32 and writes each result down once')
    return "; or ".join(tips)
