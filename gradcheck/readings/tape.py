"""Reverse mode: a text that is read with `Variable`s leaves behind what its gradients are made of.

A variable wraps an array of any reading, and its gradients are arrays of that reading: values of NumPy, `Running` arrays with what
rounding may do to the backward program, or balls with the truth. For each operand of a primitive its entry in the table has a rule:
what flows back to it from g, what flows back to the result.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law import functions
from gradcheck.law.functions import Values
from gradcheck.readings import ball_rules
from gradcheck.readings.operators import Operators
from gradcheck.readings.primitives import table
from gradcheck.readings.primitives.arithmetic import MATMUL, product
from gradcheck.readings.primitives.choices import MAX
from gradcheck.readings.primitives.moving import PICK, RESHAPE, TRANSPOSE
from gradcheck.readings.primitives.normalised import LOG_SOFTMAX, LOG_SUM_EXP
from gradcheck.readings.primitives.sums import SUM, TOTAL
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running.arithmetic import count
from gradcheck.readings.running.conditions import Condition

NONE: dict[str, Any] = {}  # no options


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
        found: Values = self.function.derivatives[place](g, self.array, *arrays, **self.options)
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return len(self.array.shape)

    @property
    def size(self) -> int:
        return count(self.array.shape, None)

    @property
    def dtype(self) -> np.dtype:
        """Of its numbers; balls have that of float64."""
        return getattr(self.array, "dtype", np.dtype(np.float64))

    @property
    def T(self) -> "Variable":
        return _applied(TRANSPOSE, self, axes=tuple(range(self.ndim)[::-1]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> "Variable":
        return picked(self, index)

    def values(self) -> functions.Array:
        """Its numbers."""
        return functions.values(self.array)

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Variable":
        return _applied(SUM, self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Variable":
        return self.sum(axis, keepdims) / count(self.shape, axis)

    def max(self, axis: Any = None, keepdims: bool = False) -> "Variable":
        return _applied(MAX, self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> "Variable":
        return -(-self).max(axis, keepdims)

    def reshape(self, *shape: Any) -> "Variable":
        """Its entries in another shape, -1 for what is left."""
        to = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        return _applied(RESHAPE, self, shape=np.empty(self.shape, dtype=bool).reshape(to).shape)

    def ravel(self) -> "Variable":
        return self.reshape(-1)

    def filled(self, number: int) -> Values:
        """As many of one number, which it is not made of."""
        return self.array.filled(number) if hasattr(self.array, "filled") else np.full_like(self.array, number)

    def log_softmax(self) -> "Variable":
        return _applied(LOG_SOFTMAX, self)

    def log_sum_exp(self) -> "Variable":
        return _applied(LOG_SUM_EXP, self)

    @staticmethod
    def applied(function: Callable[..., Values], *operands: Any) -> Any:
        primitive = table.KNOWN.get(function)
        if primitive is MATMUL and any(operand.ndim < 2 for operand in operands):
            return product(*operands)
        if primitive is not None:
            return _read(primitive, operands, NONE)
        if function in ball_rules.COMPARISONS:
            found = function(*_arrays(operands))
            return found.moving() if isinstance(found, Condition) else found
        return table.call(function, operands, NONE)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return table.call(function, args, options)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise Unusable(
            "a loss makes a plain array of what it is differentiated by; write it with gradcheck.numpy alone"
        )

    def __float__(self) -> float:
        raise Unusable(
            "a loss makes a plain number of what it is differentiated by; write it with gradcheck.numpy alone"
        )


def _arrays(operands: tuple[Any, ...]) -> list[Any]:
    return [operand.array if type(operand) is Variable else operand for operand in operands]


def _applied(primitive: Primitive, *operands: Any, **options: Any) -> Variable:
    """A primitive of what the variables wrap."""
    return _read(primitive, operands, options)


def picked(variable: Variable, index: Any) -> Variable:
    """By an index of constants, or where a condition holds that is beyond doubt."""
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(np.asarray(part) if isinstance(part, Condition) else part for part in parts)
    if not all(part is None or part is Ellipsis or isinstance(part, CONSTANTS) for part in parts):
        raise Unusable(
            "a loss takes entries by an index that is computed; an index must be made of whole numbers that are given"
        )
    shape = variable.shape
    return _applied(PICK, variable, places=np.asarray(np.arange(count(shape, None)).reshape(shape)[parts]))


CONSTANTS = (int, slice, list, np.ndarray, np.integer)


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


Use = tuple[Variable, int]  # of a variable: by which other, and at which place there


def uses(of: Variable, held: Use | None = None) -> Iterator[Use]:
    """Each use of a variable that a number is made of, always in the same order; none by way of the use that is `held`."""
    seen, waiting = {id(of)}, [of]
    while waiting:
        user = waiting.pop()
        for place, operand in enumerate(user.operands):
            if type(operand) is Variable and not (held and user is held[0] and place == held[1]):
                yield user, place
                if id(operand) not in seen:
                    seen.add(id(operand))
                    waiting.append(operand)


class Gradients:
    """The gradients of one number with respect to what it was made of, each computed when it is first asked for.

    Nothing flows back through the use that is `held`, as if what is used there were a constant.
    """

    def __init__(self, of: Variable, held: Use | None = None) -> None:
        self.of = of  # kept, as what is known by its address must be
        self.uses: dict[int, list[Any]] = {id(of): []}  # variables that it was used by, each with its place there
        self.known: dict[int, Values] = {id(of): np.ones_like(of.array)}
        for user, place in uses(of, held):
            key = id(user.operands[place])
            if key in self.uses:
                self.uses[key] += user, place
            else:
                self.uses[key] = [user, place]

    def reaches(self, variable: Variable) -> bool:
        """Whether the number is made of it."""
        return id(variable) in self.uses

    def __getitem__(self, variable: Variable) -> Values:
        """Of its shape; `KeyError` where the number is not made of it. A chain may be longer than Python recurses."""
        waiting, known = [variable], self.known
        while waiting:
            one = waiting[-1]
            if id(one) not in known:
                lacking = [user for user in self.uses[id(one)][::2] if id(user) not in known]
                if lacking:
                    waiting += lacking
                    continue
                self._learn(one)
            waiting.pop()
        return known[id(variable)]

    def _learn(self, variable: Variable) -> None:
        """What flows back to it from what is known. Three or more flows are a sum of any order."""
        shape, used = variable.array.shape, self.uses[id(variable)]
        flows = [
            _fitted(user.flow(place, self.known[id(user)]), shape)
            for user, place in zip(used[::2], used[1::2], strict=True)
        ]
        known = flows[0] if len(flows) == 1 else flows[0] + flows[1] if len(flows) == 2 else TOTAL(*flows)
        self.known[id(variable)] = known


def gradients(function: Callable[..., Variable], *arrays: Values) -> tuple[Values, list[Values]]:
    """The value of a function of arrays of one reading, and its gradient with respect to each."""
    variables = [Variable(array) for array in arrays]
    found = function(*variables)
    known = Gradients(found)
    return found.array, [known[variable] for variable in variables]


def _read(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Variable:
    found = primitive(*_arrays(operands), **options)
    return Variable(found, primitive, tuple(map(table.as_it_is, operands)), options or NONE)


table.READERS[Variable] = 4, _read
