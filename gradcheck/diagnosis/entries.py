"""Which entries are wrong, and how: one row, the labels, odd classes; zeros, a sign, a factor; over all failing problems."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.diagnosis import along
from gradcheck.diagnosis.candidates import shortest
from gradcheck.diagnosis.views import QUANTITIES, View, symbols
from gradcheck.problem import Array, Reals

AXES = {
    "Z": ("class", "sample"),
    "theta": ("class", "feature"),
    "b": ("class", ""),
    "X": ("feature", "sample"),
    **dict.fromkeys(("logits", "softmax"), ("class", "sample")),
}
PLURAL = {"class": "classes", "sample": "samples", "feature": "features"}
LOOKED = 48  # failing problems
ENOUGH = 4  # entries that a pattern must leave out, to be one


@dataclass(frozen=True, eq=False)
class Seen:
    """One quantity of one failing problem: what was returned, what is right, and which entries are off."""

    view: View
    values: Reals
    right: Reals
    error: Reals
    off: Array


def seen(views: Iterable[View], name: str) -> list[Seen]:
    """Of the problems in which this quantity is wrong and has the right shape."""
    found: list[Seen] = []
    for view in views:
        if name not in view.wrong or len(found) == LOOKED:
            continue
        right, values = view.right[name], view.outputs[name].astype(np.float64)
        if values.shape == right.shape:
            with np.errstate(invalid="ignore"):
                off = ~((abs(values - right.value) <= right.error) | (values == right.value) | np.isinf(right.error))
            if off.any():
                found.append(Seen(view, values, right.value, right.error, np.asarray(off)))
    return found


# ---- places along one axis ----


def _axis(name: str, found: list[Seen]) -> Iterator[tuple[str, int]]:
    """Each pattern along an axis that holds on all of these: in words, and how many entries it leaves out."""
    for axis, kind in enumerate(AXES.get(name, ())):
        if not kind:
            continue
        ones: list[Array] = [np.logical_or.reduce(one.off, axis=1 - axis) for one in found]
        for words, mask in along.patterns(ones):
            masks = [np.asarray(mask(np.arange(len(one)), len(one))) for one in ones]
            if all((one <= m).all() for one, m in zip(ones, masks, strict=True)):
                yield words.format(one=kind, all=PLURAL[kind]), sum(int((~m).sum()) for m in masks)


# ---- places that depend on labels and logits ----


def _labels(one: Seen) -> Array:
    return np.asarray(one.view.problem.reals[3] > 0)


def _largest(one: Seen) -> Array:
    theta, b, X, _ = one.view.problem.reals
    Z = theta @ X + b
    return np.asarray(Z.max(axis=0, keepdims=True) == Z)


def _alone(one: Seen) -> Array:
    """Classes without a label, as rows."""
    return np.broadcast_to(~np.logical_or.reduce(_labels(one), axis=1, keepdims=True), one.off.shape)


BY_LABELS: dict[str, Callable[[Seen], Array]] = {
    "at the labels": _labels,
    "everywhere but at the labels": lambda one: ~_labels(one),
    "at the largest logit of a sample": _largest,
    "everywhere but at the largest logit of a sample": lambda one: ~_largest(one),
}
BY_ROWS: dict[str, Callable[[Seen], Array]] = {
    "in classes that a sample is labelled with": lambda one: ~_alone(one),
    "in classes without a sample": _alone,
}


def _square(one: Seen) -> tuple[Array, Array]:
    i, j = np.indices(one.off.shape)
    return np.asarray(i), np.asarray(j)


OF_JACOBIAN: dict[str, Callable[[Seen], Array]] = {
    "on the diagonal": lambda one: np.eye(len(one.off), dtype=bool),
    "above the diagonal": lambda one: np.less(*_square(one)),
    "below the diagonal": lambda one: np.greater(*_square(one)),
    "two and more places from the diagonal": lambda one: abs(np.subtract(*_square(one))) > 1,
    "off the diagonal": lambda one: ~np.eye(len(one.off), dtype=bool),
}


def _masks(name: str) -> dict[str, Callable[[Seen], Array]]:
    if name == "softmax_jacobian":
        return OF_JACOBIAN
    if name in ("Z", "softmax"):
        return {**BY_LABELS, **BY_ROWS}
    return BY_ROWS if name in ("theta", "b") else {}


def place(name: str, found: list[Seen]) -> str:
    """The pattern that leaves most entries out, in words; empty where there is none."""
    said, (best, most) = [(f"in {words}", count) for words, count in _axis(name, found)], ("", 0)
    for words, mask in _masks(name).items():
        masks = [mask(one) for one in found]
        if all((one.off <= m).all() for one, m in zip(found, masks, strict=True)):
            lines = found[0].off.shape[-1] if words in BY_ROWS else 1
            said.append((words, sum(int((~m).sum()) for m in masks) // lines))
    for words, count in said:
        if count > most:
            best, most = words, count
    return best if most >= max(ENOUGH, len(found) // 2) else ""


# ---- how they are wrong ----


def manner(name: str, found: list[Seen]) -> str:
    """`is 0`, `has the opposite sign`, `is 0.5 times what it should be`; `is wrong` where nothing is known."""
    values, right, error = (
        np.concatenate([getattr(one, key)[one.off] for one in found]) for key in ("values", "right", "error")
    )
    with np.errstate(all="ignore"):
        if not np.isfinite(values).all():
            return _endless(values)
        if not values.any():
            return "is 0"
        if (abs(values + right) <= 4 * error).all():
            return "has the opposite sign"
        factor = _factor(values, right, error) if len(found) > 1 else ""
        if factor:
            return f"is {factor} times what it should be"
        lines = next((kind for axis, kind in _lines(name) if _proportional(found, axis)), "")
    return f"is right up to a factor for each {lines}" if lines else "is wrong"


def _endless(values: Reals) -> str:
    """Of entries some of which are not finite."""
    if np.isfinite(values).any():
        return "is wrong, and not finite in places"
    return "is NaN" if np.isnan(values).all() else "is not finite"


def _lines(name: str) -> Iterator[tuple[int | None, str]]:
    """Along which lines there may be one factor: all of an array, or one class, sample or feature of it."""
    if name in AXES:
        yield None, "problem"
        yield from ((1 - axis, kind) for axis, kind in enumerate(AXES[name]) if AXES[name][1])


def _factor(values: Reals, right: Reals, error: Reals) -> str:
    """One factor of all of these entries, to a few digits; empty where there is none."""
    sure = abs(right) > 2 * error
    sign = np.sign(values[sure]) * np.sign(right[sure])  # their product may underflow
    if np.count_nonzero(sure) < ENOUGH or not (sign == sign[0]).all():
        return ""
    low = float((abs(values) / (abs(right) + error))[sure].max())
    high = float((abs(values) / (abs(right) - error))[sure].min())
    return ("-" if sign[0] < 0 else "") + shortest(low, high)[0] if 0 < low <= high < np.inf else ""


def _proportional(found: list[Seen], axis: int | None) -> bool:
    """Whether every line along this axis is what it should be, times a number of its own."""
    told = 0
    for one in found:
        size, error = abs(one.right), 2 * one.error
        sure = size > 2 * error
        ratio = np.where(sure, one.values / one.right, np.nan)
        wide = np.where(
            sure, (abs(one.values) + error) / (size - error) - (abs(one.values) - error) / (size + error), 0.0
        )
        low = np.nanmax(np.where(sure, ratio - wide, -np.inf), axis=axis)
        high = np.nanmin(np.where(sure, ratio + wide, np.inf), axis=axis)
        if not (low <= high).all():
            return False
        told += int(sure.sum() if axis is None else np.sum(np.count_nonzero(sure, axis=axis) >= 3))
    return told >= ENOUGH


def bits(found: list[Seen]) -> float:
    """How many bits are left of the largest entry, in the median of these problems."""
    shares = []
    for one in found:
        with np.errstate(all="ignore"):
            most = float(abs(one.right).max())
            share = float(np.nan_to_num(abs(one.values - one.right), nan=np.inf).max()) / most if most > 0 else np.inf
        shares.append(share)
    middle = float(np.median(shares))
    return float(-np.log2(middle)) if 0 < middle < np.inf else 0.0


# ---- together ----


def told(views: list[View], names: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    """`∂ℒ/∂θ is 0 in the last class`, and of which quantities that is said; those that agree are told together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in QUANTITIES:
        if name in names and (found := seen(views, name)):
            groups.setdefault((manner(name, found), place(name, found)), []).append(name)
    return [(_sentence(group, *key), frozenset(group)) for key, group in groups.items()]


def _sentence(names: list[str], how: str, where: str) -> str:
    several = len(names) > 1
    verb = how.replace("is ", "are ", 1).replace("has ", "have ", 1) if several else how
    verb = verb.replace("what it should be", "what they should be") if several else verb
    return f"{symbols(names)} {verb}{' ' + where + ' only' if where else ''}"
