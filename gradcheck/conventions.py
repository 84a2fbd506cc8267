"""Which loss was meant? Other conventions of the one declared, and options whose numbers are solved for on problems that failed.

Nothing is guessed: whoever asks judges each of them on the problems that failed, within the same enclosures. The loss and its
gradients are linear in smoothing, z_loss and l2, so that every entry leaves an interval open; weights follow from the columns of
dL/dZ. A cap and a scale are tried from a list of those that are used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from gradcheck import referees
from gradcheck.checks import Trial
from gradcheck.checks.reading import Broken, Skip
from gradcheck.diagnosis.candidates import shortest
from gradcheck.enclosure import Reals
from gradcheck.errors import ProblemError
from gradcheck.implementations import Implementation, adapt
from gradcheck.implementations.told import fields
from gradcheck.law import CrossEntropy
from gradcheck.law.options import CHOICES, LABELLED, NO_CLASS, PLAIN, SAMPLES, WEIGHTS
from gradcheck.problem import Problem

CAPS = (30.0, 50.0, 20.0, 15.0, 10.0, 5.0, 3.0, 2.0, 1.0, 25.0, 40.0, 60.0, 100.0)
SCALES = (0.5, 2.0, 0.1, 10.0, 0.25, 4.0, 0.2, 5.0, 0.0625, 0.125, 16.0, 8.0, 0.01, 100.0, 0.05, 20.0, 0.07)
LINEAR: tuple[dict[str, Any], ...] = (
    {"smoothing": 1.0, "smoothing_over": "all"},
    {"smoothing": 1.0, "smoothing_over": "others"},
    {"z_loss": 1.0, "z_over": LABELLED},
    {"z_loss": 1.0, "z_over": SAMPLES},
    {"l2": 1.0, "l2_bias": False},
    {"l2": 1.0, "l2_bias": True},
)
MEANS = (SAMPLES, LABELLED, WEIGHTS)
DIGITS, DENOMINATOR = 4, 64  # of numbers that people write
NEAR = 2.0**-6
SOLVED = 4  # problems from which a number is taken; whether it fits the others is judged
QUANTITIES = ("loss", "Z", "theta", "b")  # of which numbers are solved for


def others(law: CrossEntropy, implementation: Implementation, problems: list[Problem]) -> Iterator[CrossEntropy]:
    """Losses that may be meant, the nearest first; none is the one that is declared.

    No number is solved for of code that is handed options: without them it computes something else. Nor is an option that it
    is handed another one: it would be handed that, and agree wherever it goes wrong with the first alone.
    """
    seen, handed = {law}, fields(implementation.takes.options)
    solved = () if handed else _solved(law, implementation, problems)
    for found in (*_words(law), *_ignoring(law), *_dropped(law), *_listed(law), *solved):
        if found not in seen and all(getattr(found, name) == getattr(law, name) for name in handed):
            seen.add(found)
            yield found


def _dropped(law: CrossEntropy) -> Iterator[CrossEntropy]:
    """Without one of the options that are declared, or without any: code that does not have it."""
    numbers = [name for name in ("softcap", "scale", "z_loss", "l2", "smoothing", "class_weight") if name in law.said]
    yield from (replace(law, **{name: getattr(PLAIN, name)}) for name in numbers)
    yield replace(PLAIN, reduction=law.reduction)


def _words(law: CrossEntropy) -> Iterator[CrossEntropy]:
    """The same numbers by other conventions, those that differ in one word first."""
    words: dict[str, tuple[Any, ...]] = {"mean_of": MEANS if law.class_weight else MEANS[:2]}
    if law.smoothing:
        words["smoothing_over"] = CHOICES["smoothing_over"]
        if law.class_weight:
            words["smoothing_weight"] = CHOICES["smoothing_weight"]
    if law.softcap and law.scale != 1:
        words["scaled"] = CHOICES["scaled"]
    if law.z_loss:
        words["z_over"] = CHOICES["z_over"]
    if law.l2:
        words["l2"] = (law.l2, law.l2 * 2, law.l2 / 2)
        words["l2_bias"] = (False, True)
    found = [replace(law, **dict(zip(words, choice, strict=True))) for choice in product(*words.values())]
    yield from sorted(found, key=lambda other: sum(getattr(other, name) != getattr(law, name) for name in words))


def _ignoring(law: CrossEntropy) -> Iterator[CrossEntropy]:
    """With another label that does not count: the first class, as where texts are padded with 0, or none."""
    for index, mean in product((0, NO_CLASS), dict.fromkeys((law.mean_of, LABELLED, SAMPLES))):
        yield replace(law, ignore=index, mean_of=mean)


def _listed(law: CrossEntropy) -> Iterator[CrossEntropy]:
    """With a cap or a scale that is usual."""
    yield from (replace(law, softcap=cap) for cap in CAPS)
    yield from (replace(law, scale=scale) for scale in (*((1 / law.scale,) if law.scale != 1 else ()), *SCALES))


def _solved(law: CrossEntropy, implementation: Implementation, problems: list[Problem]) -> Iterator[CrossEntropy]:
    bare = adapt(replace(implementation, law=PLAIN, takes=replace(implementation.takes, options=())))
    seen = [Seen(Trial(bare, problem.with_law(PLAIN))) for problem in problems]
    for options in LINEAR:
        name = next(iter(options))
        if name == "l2" and law.reduction == "none":
            continue
        number = _number([one.interval(law, options, name) for one in seen[:SOLVED]])
        if number is not None and _written(number) and not _nearly(number, getattr(law, name)):
            yield replace(law, **{**options, name: number})
    yield from _weighed(law, seen)


def _number(intervals: list[tuple[float, float]]) -> float | None:
    """The shortest in all of them; None where there is none, or where all of them leave everything open."""
    low, high = (max(low for low, _ in intervals), min(high for _, high in intervals)) if intervals else (0.0, np.inf)
    if not 0 < low <= high < np.inf:
        return None
    return shortest(low, high)[1]


def _written(number: float) -> bool:
    """Whether it is one that people write: a few digits, or a fraction."""
    fraction = Fraction(number).limit_denominator(DENOMINATOR)
    return number in (float(f"{number:.{DIGITS}g}"), float(fraction))


def _nearly(number: float, declared: float) -> bool:
    """Whether it is the one that is declared, and a little off: no other convention, but a fault."""
    return number != declared and abs(number - declared) <= NEAR * abs(declared)


@dataclass(frozen=True, eq=False)
class Seen:
    """What an implementation returned for one problem, whatever its loss is."""

    trial: Trial

    def returned(self, name: str) -> Reals | None:
        """A quantity as it came; None where it is not offered."""
        try:
            return np.asarray(self.trial.loss()) if name == "loss" else self.trial.gradient(name)
        except (Skip, Broken):
            return None

    def interval(self, law: CrossEntropy, options: dict[str, Any], name: str) -> tuple[float, float]:
        """Between which values the option `name` must lie: what is returned is linear in it."""
        low, high = -np.inf, np.inf
        try:
            ends = [referees.oracle(self._posed(replace(law, **{**options, name: value}))) for value in (0.0, 1.0)]
        except (ProblemError, ValueError):  # this loss cannot be posed here
            return low, high
        for quantity in QUANTITIES:
            found = self.returned(quantity)
            if found is None or not np.isfinite(found).all():
                continue
            key = "D" if quantity == "Z" else quantity
            start, end = (truth.enclosure(key) for truth in ends)
            off = sum(truth.allowed(key) + truth.enclosure(key).radius for truth in ends)
            slope = end.midpoint - start.midpoint
            with np.errstate(all="ignore"):
                middle, wide = (found - start.midpoint) / slope, 4 * off / abs(slope)
                told = np.isfinite(middle) & (wide < 1)
                if told.any():
                    low = max(low, float((middle - wide)[told].max()))
                    high = min(high, float((middle + wide)[told].min()))
        return low, high

    def _posed(self, law: CrossEntropy) -> Problem:
        return self.trial.problem.with_law(law.of_classes(self.trial.problem.L))

    def shares(self, law: CrossEntropy) -> dict[int, float] | None:
        """For each class that labels a sample: by how much its columns of dL/dZ differ from those of the loss without weights."""
        labels, D = self.trial.problem.label_index, self.returned("Z")
        if labels is None or D is None:
            return None
        try:
            exact = referees.oracle(self._posed(replace(law, class_weight=(), mean_of=1))).enclosure("D").midpoint
        except (ProblemError, ValueError):
            return None
        size = (exact * exact).sum(axis=0)
        told = (size > 2.0**-40) & np.isfinite(D).all(axis=0)  # columns whose quotient is known to many digits
        ratio = (D * exact).sum(axis=0) / np.where(told, size, 1.0)
        return {int(k): float(np.median(ratio[told & (labels == k)])) for k in set(labels[told].tolist())}


def _weighed(law: CrossEntropy, seen: list[Seen]) -> Iterator[CrossEntropy]:
    """With weights of classes: those by n, and those whose sum the mean divides by, of which the first is taken for 1."""
    shares = [(one.trial.problem, found) for one in seen if (found := one.shares(law))]
    most = max((problem.L for problem, _ in shares), default=0)
    by_n = [{k: share * problem.n for k, share in found.items()} for problem, found in shares]
    yield from _with_weights(replace(law, mean_of=SAMPLES), by_n, most)
    relative = [{k: share / found[0] for k, share in found.items()} for _, found in shares if found.get(0, 0.0) > 0]
    yield from _with_weights(replace(law, mean_of=WEIGHTS), relative, most)


def _with_weights(law: CrossEntropy, found: list[dict[int, float]], L: int) -> Iterator[CrossEntropy]:
    """Weights that are the same in all problems, a few digits long, up to the first class that was never seen."""
    weights: list[float] = []
    while len(weights) < L and (values := [shares[len(weights)] for shares in found if len(weights) in shares]):
        weights.append(float(f"{np.median(values):.6g}"))
    usual = all(0 <= weight < 2.0**100 for weight in weights) and len(set(weights)) > 1  # the same for all is a factor
    near = any(map(_nearly, weights, law.class_weight))
    if len(weights) >= 2 and usual and not near:
        yield replace(law, class_weight=tuple(weights))
