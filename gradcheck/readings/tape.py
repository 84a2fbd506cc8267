"""Reverse mode: a text that is read with `Variable`s leaves behind what its gradients are made of.

A variable wraps an array of any reading, and its gradients are arrays of that reading: values of NumPy, `Running` arrays with what
rounding may do to the backward program, or balls with the truth. A primitive is one entry of `DERIVATIVES`: for each operand, what
flows back to it from g, what flows back to the result. To add one: its line there, and its operation in each reading.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.law import functions
from gradcheck.law.functions import Values
from gradcheck.readings.operators import Operators


def _sum(a: Values, axis: int | None = None, keepdims: bool = False) -> Values:
    return a.sum(axis=axis, keepdims=keepdims)


def _spread(g: Values, found: Values, a: Values, axis: int | None = None, keepdims: bool = False) -> Values:
    """With the axes that a sum has taken out put back."""
    if keepdims or axis is None:
        return g if keepdims else g.reshape((1,) * a.ndim)
    return g.reshape(tuple(1 if k == axis % a.ndim else size for k, size in enumerate(a.shape)))


Rule = Callable[..., Values]
NONE: dict[str, Any] = {}  # no options

# Of each operand: what flows back to it, of g, the result, and the operands. Broadcasting is undone elsewhere.
DERIVATIVES: dict[Any, tuple[Rule, ...]] = {
    operator.add: (lambda g, y, a, b: g, lambda g, y, a, b: g),
    operator.sub: (lambda g, y, a, b: g, lambda g, y, a, b: -g),
    operator.mul: (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    operator.truediv: (lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y) / b),
    operator.neg: (lambda g, y, a: -g,),
    operator.matmul: (lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g),
    np.exp: (lambda g, y, a: g * y,),
    np.log: (lambda g, y, a: g / a,),
    np.tanh: (lambda g, y, a: g * (1 - y * y),),
    np.where: (
        lambda g, y, c, a, b: np.zeros_like(g),
        lambda g, y, c, a, b: np.where(c, g, np.zeros_like(g)),
        lambda g, y, c, a, b: np.where(c, np.zeros_like(g), g),
    ),
    _sum: (_spread,),
    functions.log_softmax: (lambda g, y, a: g - functions.softmax(a) * g.sum(axis=0, keepdims=True),),
    functions.log_sum_exp: (lambda g, y, a: g * functions.softmax(a),),
}


class Variable(Operators):
    """An array, and the primitive that has made it, with its operands and options: few objects, as there are many variables."""

    __slots__ = ("array", "function", "operands", "options")

    def __init__(
        self, array: Values, function: Any = None, operands: tuple[Any, ...] = (), options: dict[str, Any] = NONE
    ) -> None:
        self.array, self.function, self.operands, self.options = array, function, operands, options

    def flow(self, place: int, g: Values) -> Values:
        """What flows back to the operand at that place, of g, what flows back to this."""
        arrays = [operand.array if type(operand) is Variable else operand for operand in self.operands]
        found: Values = DERIVATIVES[self.function][place](g, self.array, *arrays, **self.options)
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return len(self.array.shape)

    def values(self) -> functions.Array:
        """Its numbers."""
        return functions.values(self.array)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> "Variable":
        return _applied(_sum, self, axis=axis, keepdims=keepdims)

    def log_softmax(self) -> "Variable":
        return _applied(functions.log_softmax, self)

    def log_sum_exp(self) -> "Variable":
        return _applied(functions.log_sum_exp, self)

    @staticmethod
    def applied(function: Callable[..., Values], *operands: Any) -> Any:
        return _applied(function, *operands) if function in DERIVATIVES else NotImplemented

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return _applied(function, *args, **options) if function in DERIVATIVES else NotImplemented


def _applied(function: Callable[..., Values], *operands: Any, **options: Any) -> Variable:
    """A primitive of what the variables wrap."""
    arrays = [operand.array if type(operand) is Variable else operand for operand in operands]
    return Variable(function(*arrays, **options), function, operands, options or NONE)


def _fitted(g: Values, shape: tuple[int, ...]) -> Values:
    """Of the shape of what it flows to: summed where that was broadcast, and broadcast where that was summed."""
    if g.shape == shape:
        return g
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and g.ndim and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g if g.shape == shape else np.broadcast_to(g, shape)


class Gradients:
    """The gradients of one number with respect to what it was made of, each computed when it is first asked for."""

    def __init__(self, of: Variable) -> None:
        self.of = of  # kept, as what is known by its address must be
        self.uses: dict[int, list[Any]] = {id(of): []}  # variables that it was used by, each with its place there
        self.known: dict[int, Values] = {id(of): np.ones_like(of.array)}
        waiting = [of]
        while waiting:
            user = waiting.pop()
            for place, operand in enumerate(user.operands):
                if type(operand) is Variable:
                    found = self.uses.get(id(operand))
                    if found is None:
                        found = self.uses[id(operand)] = []
                        waiting.append(operand)
                    found += user, place

    def reaches(self, variable: Variable) -> bool:
        """Whether the number is made of it."""
        return id(variable) in self.uses

    def __getitem__(self, variable: Variable) -> Values:
        """Of its shape; `KeyError` where the number is not made of it."""
        known = self.known.get(id(variable))
        if known is None:
            shape = variable.array.shape
            uses = self.uses[id(variable)]
            for user, place in zip(uses[::2], uses[1::2], strict=True):
                flow = _fitted(user.flow(place, self[user]), shape)
                known = flow if known is None else known + flow
            self.known[id(variable)] = known
        return known


def gradients(function: Callable[..., Variable], *arrays: Values) -> tuple[Values, list[Values]]:
    """The value of a function of arrays of one reading, and its gradient with respect to each."""
    variables = [Variable(array) for array in arrays]
    found = function(*variables)
    known = Gradients(found)
    return found.array, [known[variable] for variable in variables]
