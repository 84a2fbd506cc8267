"""The explanations that are tried: single mistakes, factors, pairs, and a factor that is solved for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations, product

import numpy as np

from gradcheck import precision
from gradcheck.checks.reading import Skip
from gradcheck.diagnosis.views import LEFT, View, joined
from gradcheck.enclosure import ETA64
from gradcheck.mistakes import MISTAKES, Mistake, Model
from gradcheck.problem import Array, Problem
from gradcheck.readings.running import Running

BOUNDLESS = 1e100  # what an entry counts for of which nothing is known
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
        if view.outputs and not self.concerns(view):
            return self.optional and not view.wrong & names
        if names & view.wrong & LEFT.keys() and not any(mistake.group == "memory" for mistake in self.mistakes):
            return False  # only those write into their arguments
        try:
            if not self.resembles(view, names):
                return False
            if self.scale is None and view.unchanged(self.model, names):
                return not view.wrong & names
            return all(view.fits(name, found) for name, found in self.predicted(view, names))
        except UNCOMPUTABLE:
            return False

    def concerns(self, view: View) -> bool:
        """Whether the loss of this problem has the options that every one of these mistakes is made in."""
        return all(mistake.concerns(view.trial.law) for mistake in self.mistakes)

    @property
    def optional(self) -> bool:
        """Whether it is one mistake, in an option of the loss: code that makes it is right where a problem is without that."""
        return len(self.mistakes) == 1 and self.scale is None

    def resembles(self, view: View, names: frozenset[str]) -> bool:
        """Whether plain arithmetic makes about the same of it: refutes most candidates at a tenth of the cost.

        It only ever refutes, and only by some of the bits of the coarsest precision that has a part in it.
        """
        coarsest = max((precision.named(m.grid).u for m in self.mistakes if m.grid), default=0.0)
        share = 64 * (
            coarsest**0.5
            if coarsest
            else view.problem.precision.u ** (0.75 if view.problem.precision.u < 1e-9 else 0.5)
        )
        scale = self.scale and self.scale(view.problem)
        with np.errstate(all="ignore"):
            for name, found in view.sketched(self.model, names):
                made = found if scale is None else found * scale
                if not alike(view.outputs[name], made, share, view.slack(name)):
                    return False
        return True

    def tells(self, view: View, names: frozenset[str]) -> bool:
        """Whether it differs from the right code on this problem beyond both their bounds."""
        try:
            return self.concerns(view) and any(view.telling(name, found) for name, found in self.predicted(view, names))
        except UNCOMPUTABLE:
            return False

    def limits(self, view: View, names: frozenset[str]) -> bool:
        """Whether it says of some quantity that is wrong here what it is, and does not leave all of them open."""
        returned = names & view.wrong - LEFT.keys()
        try:
            return not returned or any(view.sure(name, found) for name, found in self.predicted(view, returned))
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
        errors = [found.error for view in views if self.concerns(view) for _, found in self.predicted(view, names)]
        total = sum(float(np.where(np.isfinite(error), error, BOUNDLESS).sum()) for error in errors)
        return int(np.log2(total + ETA64) // 16)


def alike(output: Array, found: Array, share: float, slack: Array) -> bool:
    """Whether two arrays differ by no more than `slack` and a share of their largest entry, and are finite in the same places."""
    if output.shape != found.shape:
        return False
    values, made = output.astype(np.float64, copy=False), found.astype(np.float64, copy=False)
    finite = np.isfinite(values)
    if not (finite == np.isfinite(made)).all():
        return False
    allowed = slack[finite] if slack.shape == values.shape else slack.max()
    values, made = values[finite], made[finite]
    most = max(abs(values).max(initial=0.0), abs(made).max(initial=0.0))
    return bool((abs(values - made) <= share * most + allowed + ETA64).all())


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
        if not (mistake.unforeseeable or mistake.model.near):
            yield from (Candidate((mistake,), what, model) for what, model in mistake.variants())


def bases() -> Iterator[Candidate]:
    """What a factor may stand on: the right code, and every common mistake."""
    yield Candidate((), "multiplied by {factor}", Model)
    for mistake in MISTAKES.values():
        if mistake.common:
            what, model = mistake.usual
            yield Candidate((mistake,), f"{what}; and multiplied by {{factor}}", model)


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
    """Two common mistakes in one piece of code, in both orders, with every value of the parameter of either."""
    common = [mistake for mistake in MISTAKES.values() if mistake.common]
    for first, second in permutations(common, 2):
        some = first.variants() if not second.model.choices else [first.usual]
        for (one, upper), (other, lower) in product(
            some, second.variants() if not first.model.choices else [second.usual]
        ):
            yield Candidate((first, second), joined((one, other)), type("Pair", (upper, lower), {}))
