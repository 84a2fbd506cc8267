"""Arrays along a line t -> start + t move: Taylor series in t (python-flint's arb_series), with the remainder of an interval.

Read about all of an interval at once, the k-th coefficient contains f^(k)(t)/k! for every t in it; read about 0 it is that of the
point. As many coefficients as `flint.ctx.cap` says, in the caller's precision. A primitive needs no column for it: sums and moves
read the coefficients as they stand, functions that python-flint has are its own, and of every other function of each entry the
derivative column gives one coefficient after the other. At a kink there is no series.

What is linear in t is kept as it is, about 0, until a function bends it: the interval is put in once, not where it cancels.
"""

from collections.abc import Callable
from typing import Any

import flint
import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.readings import ball_rules, balls
from gradcheck.readings.balls import Balls
from gradcheck.readings.constants import Constant
from gradcheck.readings.operators import Operators
from gradcheck.readings.places import Axis, Shape
from gradcheck.readings.primitives import table
from gradcheck.readings.primitives.elementary import EXP, LOG
from gradcheck.readings.primitives.products import matrix_product
from gradcheck.readings.running.conditions import Condition
from gradcheck.readings.series.kinks import NoSeries

KINK = "a kink of {name} may lie in the step"
CALLED = {"sides": "abs", "leads": "maximum", "share": "max", "standing": "sort"}  # what a loss calls that which turns


class Series(Operators):
    """An array of series in one variable: `balls` has entries that are series.

    Where it has an `about`, it is a line about 0 which is to be read about that ball.
    """

    __slots__ = ("about", "balls")

    def __init__(self, held: Balls, about: Any = None) -> None:
        self.balls, self.about = held, about

    @classmethod
    def line(cls, start: Balls, move: Balls, about: Any) -> "Series":
        """`start + t move`, in powers of t - s for an s that is anywhere in the ball `about`."""
        pairs = zip(start.entries, move.entries, strict=True)
        return cls(Balls([flint.arb_series([a, v]) for a, v in pairs], start.shape), about)

    def settled(self) -> "Series":
        """With a line read about its ball."""
        if self.about is None:
            return self
        entries = [flint.arb_series([entry[0] + self.about * entry[1], entry[1]]) for entry in self.balls.entries]
        return Series(Balls(entries, self.shape))

    def constant(self) -> bool:
        """Whether it is known not to depend on t."""
        return all(entry.length() <= 1 for entry in self.balls.entries)

    @classmethod
    def of_terms(cls, terms: list[Balls], about: Any = None) -> "Series":
        """Of the arrays of its coefficients."""
        columns = zip(*(term.entries for term in terms), strict=True)
        return cls(Balls(list(map(flint.arb_series, map(list, columns))), terms[0].shape), about)

    def term(self, k: int) -> Balls:
        """The coefficients of t^k."""
        return Balls([entry[k] for entry in self.balls.entries], self.shape)

    def terms(self) -> list[Balls]:
        """Up to the last that is not 0 everywhere."""
        count = max((entry.length() for entry in self.balls.entries), default=0)
        return [self.term(k) for k in range(max(1, count))]

    def numbers(self, array: Reals) -> Balls:
        """Other numbers, which do not depend on t."""
        return Balls.exact(array)

    def filled(self, number: int) -> Balls:
        """As many of one number."""
        return Balls([flint.arb(number)] * self.size, self.shape)

    def values(self) -> Any:
        """What is made of plain numbers moves in steps."""
        raise NoSeries("no Taylor series is known of a loss that makes plain numbers of what it is differentiated by")

    def stopped(self) -> Any:
        """A difference of losses does not know of gradients that are stopped."""
        raise NoSeries("a loss that stops a gradient has no difference quotient")

    # ---- what an array has ----

    @property
    def shape(self) -> Shape:
        return self.balls.shape

    @property
    def ndim(self) -> int:
        return len(self.balls.shape)

    @property
    def dtype(self) -> np.dtype:
        """As balls have it."""
        return np.dtype(np.float64)

    @property
    def size(self) -> int:
        return len(self.balls.entries)

    @property
    def T(self) -> "Series":
        return Series(self.balls.T, self.about)

    def __getitem__(self, index: Any) -> "Series":
        return Series(self.balls[index], self.about)

    def moved(self, where: list[int], shape: Shape) -> "Series":
        """The entries of these places."""
        return Series(self.balls.moved(where, shape), self.about)

    def reshape(self, *shape: Any) -> "Series":
        return Series(self.balls.reshape(*shape), self.about)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Series":
        return constants(self.balls.sum(axis, keepdims), self.about)

    # ---- columns of primitives ----

    def product(self, other: "Series") -> "Series":
        """A matrix product, coefficient by coefficient: most factors have one or two."""
        about = straight("matmul", self, other)
        one, more = (self, other) if about is not None else (self.settled(), other.settled())
        found: dict[int, Balls] = {}
        for i, left in enumerate(one.terms()):
            for j, right in enumerate(more.terms()):
                flow = matrix_product(left, right)
                found[i + j] = found[i + j] + flow if i + j in found else flow
        return Series.of_terms([found[k] for k in range(min(len(found), flint.ctx.cap))], about)

    def power(self, exponent: float) -> Any:
        """Whole exponents by products, also of what reaches over 0."""
        if exponent < 0:
            return 1 / self.power(-exponent)
        held = self.settled().balls
        if exponent != int(exponent):
            return Series(balls.each(lambda entry: entry**exponent, held))
        return Series(balls.each(lambda entry: _product(entry, int(exponent)), held))

    def log_softmax(self) -> Any:
        """Column by column, (L, n)."""
        _, shifted, _, total = self._exponentials()
        return shifted - LOG(total)

    def log_sum_exp(self) -> Any:
        """Column by column, (1, n)."""
        top, _, _, total = self._exponentials()
        return top + LOG(total)

    def softmax(self) -> Any:
        """Column by column, (L, n)."""
        _, _, powers, total = self._exponentials()
        return powers / total

    def _exponentials(self) -> tuple[Any, ...]:
        """Shifted by the largest midpoint, which is a number; a line by the largest line, with which the interval cancels."""
        values = self.term(0).values()
        top: Any = Balls.exact(values.max(axis=0, keepdims=True))
        if self.about is not None:
            columns = self.shape[1]
            top = self.moved([row * columns + i for i, row in enumerate(values.argmax(axis=0))], (1, columns))
        shifted = self - top
        powers = EXP(shifted)
        return top, shifted, powers, powers.sum(axis=0, keepdims=True)

    # ---- operators, and NumPy's functions ----

    @staticmethod
    def applied(function: Callable[..., Any], *operands: Any) -> Any:
        if not KNOWN.issuperset(map(type, operands)):
            return NotImplemented
        primitive = table.KNOWN.get(function)
        if primitive is not None:
            return table.READERS[Series][1](primitive, operands, {})
        holds = ball_rules.COMPARISONS.get(function)
        return _compared(holds, operands) if holds else table.call(function, operands, {})

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return table.call(function, args, options) if KNOWN.issuperset(types) else NotImplemented


KNOWN = {Series, *balls.KNOWN}


def _product(entry: Any, number: int) -> Any:
    """So many of it."""
    found = None
    while number:
        if number % 2:
            found = entry if found is None else found * entry
        number //= 2
        entry = entry * entry if number else entry
    return flint.arb_series([1]) if found is None else found


SUMS = ("add", "subtract", "negative", "sum")
PRODUCTS = ("multiply", "matmul")


def straight(name: str, *series: Series) -> Any:
    """What the result is to be read about where it is a line, as sums of lines are, and multiples of one."""
    lines = [one for one in series if one.about is not None]
    if not lines or not all(one.constant() for one in series if one.about is None):
        return None
    multiple = len(lines) == 1 and (name in PRODUCTS or (name == "divide" and series[0].about is not None))
    return lines[0].about if name in SUMS or multiple else None


def lifted(operand: Any) -> Series:
    """What does not depend on t is a series of one coefficient."""
    if type(operand) is Series:
        return operand
    if isinstance(operand, Condition):
        require_sure("a comparison", operand)
    return constants(balls.taken(float(operand) if isinstance(operand, Constant) else operand))


def constants(held: Balls, about: Any = None) -> Series:
    series = flint.arb_series
    return Series(Balls([e if type(e) is series else series([e]) for e in held.entries], held.shape), about)


def heads(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(operand.settled().term(0) if type(operand) is Series else operand for operand in operands)


def _compared(holds: Any, operands: tuple[Any, ...]) -> Condition:
    """In doubt nowhere: where it may turn within the step there is a kink."""
    found = balls.compared(holds, *heads(operands))
    require_sure("a comparison", found.kinked())
    return found


def require_sure(name: str, *options: Any) -> None:
    for option in options:
        if isinstance(option, Condition) and not np.all(option.sure):
            raise NoSeries(KINK.format(name=name))
