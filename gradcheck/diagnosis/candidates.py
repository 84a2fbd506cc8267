"""The explanations that are tried: single mistakes, factors, pairs, and a factor that is solved for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

import numpy as np

from gradcheck.checks.reading import Skip
from gradcheck.diagnosis.views import LEFT, View, joined
from gradcheck.enclosure import ETA64, outward
from gradcheck.mistakes import MISTAKES, Mistake, Model
from gradcheck.precision import FLOAT64
from gradcheck.problem import Problem
from gradcheck.readings.running import Running

ENOUGH = 4  # numbers, each with 29 bits at least that would have to be 0 by chance

# A mistake that cannot be computed of these shapes, or at all.
UNCOMPUTABLE = (TypeError, ValueError, IndexError, AttributeError, Skip)


@dataclass(frozen=True)
class Candidate:
    """One explanation to be tried: a model, in words, and perhaps a factor of what it returns."""

    mistakes: tuple[Mistake, ...]
    what: str
    model: type[Model]
    factor: str = ""
    scale: Callable[[Problem], float] | None = None

    def predicted(self, view: View, names: frozenset[str]) -> Iterator[tuple[str, Running]]:
        """What it makes of these quantities, as far as they are offered. May raise any of `UNCOMPUTABLE`."""
        scale = self.scale and self.scale(view.problem)
        for name, found in view.predicted(self.model, names & view.outputs.keys()):
            scaled = scale is not None and name not in LEFT
            yield name, (found * scale).astype(found.dtype) if scaled else found

    def explains(self, view: View, names: frozenset[str]) -> bool:
        """Whether all of these quantities, as far as they are offered, are what this mistake makes of them."""
        if view.outputs and not all(mistake.concerns(view.trial.law) for mistake in self.mistakes):
            return False
        try:
            return all(view.fits(name, found) for name, found in self.predicted(view, names))
        except UNCOMPUTABLE:
            return False

    def plausible(self, view: View, names: frozenset[str]) -> bool:
        """A quick look: false where the model, run on plain numbers, is nowhere near what was returned."""
        scale = self.scale and self.scale(view.problem)
        if view.problem.precision is not FLOAT64 or any(mistake.group == "precision" for mistake in self.mistakes):
            return True
        return view.near(self.model, names, 1.0 if scale is None else scale)

    def tells(self, view: View, names: frozenset[str]) -> bool:
        """Whether it differs from the right code on this problem beyond both their bounds."""
        try:
            return any(view.telling(name, found) for name, found in self.predicted(view, names))
        except UNCOMPUTABLE:
            return False

    def times(self, factor: str, scale: Callable[[Problem], float]) -> "Candidate":
        """The same, and multiplied."""
        return replace(self, what=self.what.replace("{factor}", factor), factor=factor, scale=scale)

    @property
    def fix(self) -> str:
        """How it is mended: each mistake, and the factor."""
        factor = (f"leave the factor {self.factor} out",) if self.factor else ()
        return "; and ".join((*(mistake.fix for mistake in self.mistakes), *factor))

    def room(self, views: list[View], names: frozenset[str]) -> int:
        """How much it leaves open, in steps of a factor of 2^16: of two that fit, the narrower one says more."""
        errors = [found.error for view in views for _, found in self.predicted(view, names)]
        total = sum(float(np.where(np.isfinite(error), error, 0).sum()) for error in errors)
        return int(np.log2(total + ETA64) // 16)


# Factors that happen: what a gradient may be multiplied by, as a function of the problem.
FACTORS: dict[str, Callable[[Problem], float]] = {
    "n": lambda p: p.n,
    "1/n": lambda p: 1 / p.n,
    "L": lambda p: p.L,
    "1/L": lambda p: 1 / p.L,
    "d": lambda p: p.d,
    "1/d": lambda p: 1 / p.d,
    "n/L": lambda p: p.n / p.L,
    "n/d": lambda p: p.n / p.d,
    "n²": lambda p: p.n**2,
    "1/n²": lambda p: 1 / p.n**2,
    "n/(n - 1)": lambda p: p.n / max(p.n - 1, 1),
    "√n": lambda p: p.n**0.5,
    "1/√n": lambda p: p.n**-0.5,
    "2": lambda p: 2.0,
    "1/2": lambda p: 0.5,
    "-1": lambda p: -1.0,
    "-n": lambda p: -p.n,
    "-1/n": lambda p: -1 / p.n,
    "log 2": lambda p: float(np.log(2)),
    "1/log 2": lambda p: float(1 / np.log(2)),
}


def singles() -> Iterator[Candidate]:
    """Every mistake of the table, with every value of its parameter."""
    for mistake in MISTAKES.values():
        if not mistake.unforeseeable:
            yield from (Candidate((mistake,), what, model) for what, model in mistake.variants())


def _bases() -> Iterator[Candidate]:
    """What a factor may stand on: the right code, and every common mistake."""
    yield Candidate((), "multiplied by {factor}", Model)
    for mistake in MISTAKES.values():
        if mistake.common:
            yield Candidate((mistake,), f"{mistake.what}; and multiplied by {{factor}}", mistake.model)


def scaled() -> Iterator[Candidate]:
    """The right code, and every common mistake, times a factor."""
    for base in _bases():
        for factor, scale in FACTORS.items():
            yield base.times(factor, scale)


def solved(views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
    """The same, times a number that is solved for: the shortest that all entries of all problems leave open."""
    for base in _bases():
        number = _number(base, views, names)
        if number is not None:
            yield base.times(*number)


def _number(base: Candidate, views: list[View], names: frozenset[str]) -> tuple[str, Callable[[Problem], float]] | None:
    """One number c with output = c times what the base makes, within bounds, in every entry; None where there is none."""
    low, high, sign, told = 0.0, np.inf, 0.0, 0
    for view in views:
        try:
            made = list(base.predicted(view, names - LEFT.keys()))
        except UNCOMPUTABLE:
            return None
        for name, found in made:
            output = view.outputs[name]
            if output.shape != found.shape or not (np.isfinite(output.astype(np.float64)).all()):
                return None
            values, size, error = output.astype(np.float64), abs(found.value), _widened(found)
            sure = size > error
            signs = np.sign(values[sure] * np.sign(found.value[sure]))
            if not sure.any():
                continue
            told += int(np.count_nonzero(sure))
            sign = sign or float(signs[0])
            low = max(low, float((abs(values) / (size + error))[sure].max()))
            high = min(high, float((abs(values[sure]) / (size - error)[sure]).min()))
            if not (sign and (signs == sign).all() and low <= high):
                return None
    if told < ENOUGH or not high < np.inf:
        return None
    words, number = shortest(low, high)
    return ("-" if sign < 0 else "") + words, lambda problem: sign * number


def _widened(found: Running) -> np.ndarray:
    """The error before it is multiplied, grown by the rounding of the multiplication as far as that is proportional."""
    once = (found * 1.0000001).astype(found.dtype)  # a factor that is no power of two is rounded
    return np.asarray(outward(np.maximum(once.error, found.error), 8))


def shortest(low: float, high: float) -> tuple[str, float]:
    """The fraction with the smallest denominator in [low, high], as `1/3`, or the shortest decimal."""
    fraction = Fraction((low + high) / 2).limit_denominator(64)
    if low <= fraction <= high:
        return str(fraction), float(fraction)
    for digits in range(1, 18):
        number = float(f"{(low + high) / 2:.{digits}g}")
        if low <= number <= high:
            break
    return f"{number:.{digits}g}", number


def pairs() -> Iterator[Candidate]:
    """Two common mistakes in one piece of code, in both orders."""
    common = [mistake for mistake in MISTAKES.values() if mistake.common]
    for first, second in permutations(common, 2):
        yield Candidate((first, second), joined((first.what, second.what)), first.and_(second))
