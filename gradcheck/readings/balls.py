"""Arrays of balls (python-flint's arb), for the truth: every operation returns balls that contain the exact result.

Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE Trans. Computers 66, 2017. The working
precision is the caller's, `flint.ctx.workprec`. Arrays of float64 and Python's numbers are taken as exact. To add a function of a
ball, name it in `FUNCTIONS`.
"""

import operator
from collections.abc import Callable, Iterable
from functools import cache
from itertools import repeat
from math import prod
from typing import Any

import flint
import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.readings.constants import Constant
from gradcheck.readings.operators import Operators

Ball = Any  # flint.arb; python-flint is untyped
Shape = tuple[int, ...]

# Of each entry.
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{f: f for f in (operator.add, operator.sub, operator.mul, operator.truediv, operator.neg)},
    np.exp: flint.arb.exp,
    np.log: flint.arb.log,
    np.tanh: flint.arb.tanh,
}


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
    def T(self) -> "Balls":
        return self._moved(_transposition(self.shape), self.shape[::-1])

    def __getitem__(self, index: Any) -> "Balls":
        places = np.asarray(_places(self.shape)[index])
        return self._moved(places.ravel().tolist(), places.shape)

    def _moved(self, places: list[int], shape: Shape) -> "Balls":
        entries = self.entries
        return Balls([entries[place] for place in places], shape)

    def reshape(self, *shape: Any) -> "Balls":
        return Balls(self.entries, _places(self.shape).reshape(*shape).shape)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> "Balls":
        shape, entries = _reduced(self.shape, axis, keepdims), self.entries
        if axis is None or self.ndim == 1:
            return Balls([_total(entries)], shape)
        rows, columns = self.shape
        if axis == 0:
            return Balls([_total(entries[i::columns]) for i in range(columns)], shape)
        return Balls([_total(entries[k * columns : (k + 1) * columns]) for k in range(rows)], shape)

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
        return shifted - total.applied(np.log, total)

    def log_sum_exp(self) -> "Balls":
        """`max + log sum exp(Z - max)`, (1, n)."""
        top, _, _, total = self._exponentials()
        return top + total.applied(np.log, total)

    def _exponentials(self) -> tuple["Balls", ...]:
        """max, Z - max, exp of that, and its sums: worked out once."""
        if self._powers is None:
            columns, entries = self.shape[1], self.entries
            largest = self.values().argmax(axis=0).tolist()
            top = Balls([entries[row * columns + i] for i, row in enumerate(largest)], (1, columns))
            shifted = self - top
            powers = self.applied(np.exp, shifted)
            self._powers = top, shifted, powers, powers.sum(axis=0, keepdims=True)
        return self._powers

    # ---- operators, and NumPy's functions ----

    @staticmethod
    def applied(function: Callable[..., Any], *operands: Any) -> Any:
        if function is operator.matmul:
            return _matrix_product(*operands)
        found = FUNCTIONS.get(function)
        if found is None or not KNOWN.issuperset(map(type, operands)):
            return NotImplemented
        if len(operands) == 1:
            return Balls(list(map(found, operands[0].entries)), operands[0].shape)
        x, y = operands
        if type(y) is not Balls:
            y = _taken(y)
        elif type(x) is not Balls:
            x = _taken(x)
        if x.shape == y.shape:
            return Balls(list(map(found, x.entries, y.entries)), x.shape)
        shape = _broadcast(x.shape, y.shape)
        return Balls(list(map(found, _stretched(x, shape), _stretched(y, shape))), shape)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        made = MADE.get(function)
        return NotImplemented if made is None or not KNOWN.issuperset(types) else made(*args, **options)


KNOWN = {Balls, np.ndarray, np.float64, np.bool_, int, float, Constant}  # whatever else there is takes over


@cache
def _places(shape: Shape) -> np.ndarray:
    """Which entry of the flat list stands where."""
    return np.arange(prod(shape)).reshape(shape)


@cache
def _transposition(shape: Shape) -> list[int]:
    return list(_places(shape).T.ravel().tolist())


@cache
def _stretching(shape: Shape, to: Shape) -> list[int]:
    return list(np.broadcast_to(_places(shape), to).ravel().tolist())


@cache
def _broadcast(*shapes: Shape) -> Shape:
    return np.broadcast_shapes(*shapes)


@cache
def _reduced(shape: Shape, axis: int | None, keepdims: bool) -> Shape:
    return np.empty(shape, dtype=bool).sum(axis=axis, keepdims=keepdims).shape


def _total(entries: list[Ball]) -> Ball:
    return sum(entries[1:], entries[0])


def _taken(operand: Any) -> Balls:
    """A ball takes Python's numbers as they are, so that they stand for balls."""
    if type(operand) is int or type(operand) is float:
        return Balls([operand], ())
    array = np.asarray(operand)
    return Balls(array.ravel().tolist(), array.shape)


def _stretched(x: Balls, to: Shape) -> Iterable[Any]:
    if x.shape == to:
        return x.entries
    entries = x.entries
    return repeat(entries[0], prod(to)) if len(entries) == 1 else [entries[place] for place in _stretching(x.shape, to)]


def _matrix_product(left: Any, right: Any) -> Any:
    if type(left) not in KNOWN or type(right) not in KNOWN:
        return NotImplemented
    x, y = (operand if type(operand) is Balls else _taken(operand) for operand in (left, right))
    (rows, inner), columns = x.shape, y.shape[1]
    found = flint.arb_mat(rows, inner, x.entries) * flint.arb_mat(inner, columns, y.entries)
    return Balls(found.entries(), (rows, columns))


def _where(condition: Any, left: Any, right: Any) -> Balls:
    held, x, y = (part if type(part) is Balls else _taken(part) for part in (condition, left, right))
    shape = _broadcast(held.shape, x.shape, y.shape)
    chosen = zip(*(_stretched(part, shape) for part in (held, x, y)), strict=True)
    return Balls([one if said else other for said, one, other in chosen], shape)


def _filled(number: int) -> Callable[[Balls], Balls]:
    return lambda like: Balls([flint.arb(number)] * len(like.entries), like.shape)


def _broadcast_to(x: Balls, shape: Shape) -> Balls:
    return Balls(list(_stretched(x, shape)), shape)


MADE: dict[Any, Callable[..., Balls]] = {
    np.where: _where,
    np.ones_like: _filled(1),
    np.zeros_like: _filled(0),
    np.broadcast_to: _broadcast_to,
}
