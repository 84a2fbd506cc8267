"""Arrays of balls (python-flint's arb), for the truth: every operation returns balls that contain the exact result.

Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE Trans. Computers 66, 2017. The working
precision is the caller's, `working`. Arrays of float64 and Python's numbers are taken as exact. What is done to a
ball is a column of the table of primitives.
"""

from collections.abc import Callable, Iterable
from itertools import repeat
from math import prod
from typing import Any

import flint
import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.readings import ball_rules
from gradcheck.readings.constants import Constant, Option
from gradcheck.readings.operators import Operators
from gradcheck.readings.places import Axis, Shape, broadcast, groups, places, reduced, stretching, transposition
from gradcheck.readings.primitives import table
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running.conditions import Condition

Ball = Any  # flint.arb; python-flint is untyped


class Balls(Operators):
    """An array of balls, in rows. A flat list: NumPy's arrays of objects take longer to call than most balls to compute."""

    __slots__ = ("_powers", "_softmax", "_values", "entries", "shape")

    def __init__(self, entries: list[Ball], shape: Shape, values: Reals | None = None) -> None:
        self.entries, self.shape, self._values = entries, shape, values
        self._powers: tuple[Balls, ...] | None = None
        self._softmax: Balls | None = None

    @classmethod
    def exact(cls, array: Reals) -> "Balls":
        """Of float64 numbers."""
        return cls(list(map(flint.arb, array.ravel().tolist())), array.shape, array)

    def numbers(self, array: Reals) -> "Balls":
        """Other numbers of the same reading."""
        return Balls.exact(array)

    def values(self) -> Reals:
        """The midpoints, each rounded to nearest."""
        if self._values is None:
            self._values = np.array(list(map(float, self.entries))).reshape(self.shape)
        return self._values

    def radii(self) -> Reals:
        """How far from the ball's own midpoint the truth may be."""
        return np.array([float(ball.rad()) for ball in self.entries]).reshape(self.shape)

    # ---- what an array has ----

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def T(self) -> "Balls":
        return self.moved(transposition(self.shape), self.shape[::-1])

    def __getitem__(self, index: Any) -> "Balls":
        found = np.asarray(places(self.shape)[index])
        return self.moved(found.ravel().tolist(), found.shape)

    def moved(self, where: list[int], shape: Shape) -> "Balls":
        """The entries of these places."""
        entries = self.entries
        return Balls([entries[place] for place in where], shape)

    def reshape(self, *shape: Any) -> "Balls":
        return Balls(self.entries, places(self.shape).reshape(*shape).shape)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Balls":
        shape, entries = reduced(self.shape, axis, keepdims), self.entries
        if axis is None or self.ndim == 1:
            return Balls([_total(entries)], shape)
        if self.ndim > 2 or type(axis) is not int:
            return self.gathered(_total, axis, keepdims)
        rows, columns = self.shape
        if axis in (0, -2):
            return Balls([_total(entries[i::columns]) for i in range(columns)], shape)
        return Balls([_total(entries[k * columns : (k + 1) * columns]) for k in range(rows)], shape)

    def filled(self, number: int) -> "Balls":
        """As many of one number."""
        return Balls([flint.arb(number)] * len(self.entries), self.shape)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Balls":
        return self.sum(axis, keepdims) / (len(self.entries) // max(1, len(groups(self.shape, axis))))

    def max(self, axis: Axis = None, keepdims: bool = False) -> "Balls":
        return self.gathered(ball_rules.largest, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> "Balls":
        return -(-self).max(axis, keepdims)

    def argmax(self, axis: int | None = None) -> Any:
        """Where the largest is, of what is given: labels, say."""
        return table.call(np.argmax, (self, axis), NONE)

    def ravel(self) -> "Balls":
        return self.reshape(-1)

    def gathered(self, function: Callable[[list[Ball]], Ball], axis: Axis, keepdims: bool) -> "Balls":
        """One ball of all along an axis."""
        entries = self.entries
        found = [function([entries[place] for place in group]) for group in groups(self.shape, axis)]
        return Balls(found, reduced(self.shape, axis, keepdims))

    # ---- the softmax, column by column, shifted by the largest midpoint ----

    def softmax(self) -> "Balls":
        """`exp Z / sum exp Z`, (L, n)."""
        if self._softmax is None:
            _, _, powers, total = self._exponentials()
            self._softmax = powers / total
        return self._softmax

    def log_softmax(self) -> "Balls":
        """`(Z - max) - log sum exp(Z - max)`, (L, n)."""
        _, shifted, _, total = self._exponentials()
        return shifted - each(flint.arb.log, total)

    def log_sum_exp(self) -> "Balls":
        """`max + log sum exp(Z - max)`, (1, n)."""
        top, _, _, total = self._exponentials()
        return top + each(flint.arb.log, total)

    def _exponentials(self) -> tuple["Balls", ...]:
        """max, Z - max, exp of that, and its sums: worked out once."""
        if self._powers is None:
            columns, entries = self.shape[1], self.entries
            largest = self.values().argmax(axis=0).tolist()
            top = Balls([entries[row * columns + i] for i, row in enumerate(largest)], (1, columns))
            shifted = self - top
            powers = each(flint.arb.exp, shifted)
            self._powers = top, shifted, powers, powers.sum(axis=0, keepdims=True)
        return self._powers

    # ---- operators, and NumPy's functions ----

    @staticmethod
    def applied(function: Callable[..., Any], *operands: Any) -> Any:
        if not KNOWN.issuperset(map(type, operands)):
            return NotImplemented
        primitive = table.KNOWN.get(function)
        if primitive is not None:
            return read(primitive, operands, NONE)
        holds = ball_rules.COMPARISONS.get(function)
        return compared(holds, *operands) if holds else table.call(function, operands, NONE)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return table.call(function, args, options) if KNOWN.issuperset(types) else NotImplemented


SCALARS = (np.float64, np.float32, np.float16, np.int64, np.int32, np.bool_, bool, int, float, Constant, Option)
KNOWN = {Balls, np.ndarray, Condition, *SCALARS}  # whatever else there is takes over
NONE: dict[str, Any] = {}


def read(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A primitive, by its balls; what it moves is moved."""
    function = primitive.ball
    if function is None:
        return _moved(primitive, operands, options)
    return each(function, *operands, **options) if primitive.each else function(*map(taken, operands), **options)


def each(function: Callable[..., Any], *operands: Any, **options: Any) -> Balls:
    """A function of the balls of each entry."""
    if len(operands) == 1:
        entries = operands[0].entries
        found = [function(ball, **options) for ball in entries] if options else list(map(function, entries))
        return Balls(found, operands[0].shape)
    x, y = operands
    if type(y) is not Balls:
        y = taken(y)
    elif type(x) is not Balls:
        x = taken(x)
    if x.shape == y.shape:
        return Balls(list(map(function, x.entries, y.entries)), x.shape)
    shape = broadcast(x.shape, y.shape)
    return Balls(list(map(function, stretched(x, shape), stretched(y, shape))), shape)


def _total(entries: list[Ball]) -> Ball:
    return sum(entries[1:], entries[0]) if entries else flint.arb(0)


def taken(operand: Any) -> Balls:
    """A ball takes Python's numbers as they are, so that they stand for balls."""
    kind = type(operand)
    if kind is Balls:
        return operand
    if kind is int or kind is float:
        return Balls([operand], ())
    if kind is Condition:
        return Balls(ball_rules.of_condition(operand), operand.shape)
    array = np.asarray(operand)
    return Balls(array.ravel().tolist() if array.dtype.kind != "b" else list(map(int, array.ravel())), array.shape)


def stretched(x: Balls, to: Shape) -> Iterable[Any]:
    """The entries, broadcast."""
    if x.shape == to:
        return x.entries
    entries = x.entries
    return repeat(entries[0], prod(to)) if len(entries) == 1 else [entries[place] for place in stretching(x.shape, to)]


def compared(holds: Callable[[Any, Any], Any], left: Any, right: Any) -> Condition:
    x, y = taken(left), taken(right)
    shape = broadcast(x.shape, y.shape)
    found = ball_rules.compared(holds, stretched(x, shape), stretched(y, shape), shape)
    found.read = Balls.exact
    return found


def _moved(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Balls:
    """The places of all operands, one after the other, moved as NumPy moves them."""
    arrays = list(map(taken, operands))
    every: list[Ball] = []
    standing = []
    for array in arrays:
        standing.append(places(array.shape) + len(every))
        every += array.entries
    found = np.asarray(primitive.value(*standing, **options))
    return Balls([every[place] for place in found.ravel().tolist()], found.shape)


table.READERS[Balls] = 2, read
