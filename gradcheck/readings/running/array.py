"""The array type: what NumPy's arrays can, done to values and errors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.problem import Array
from gradcheck.readings.places import Axis
from gradcheck.readings.primitives import table
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running import arithmetic, choices
from gradcheck.readings.running.base import Base
from gradcheck.readings.running.conditions import COMPARISONS, Condition, chosen, compared
from gradcheck.readings.running.moving import MOVING
from gradcheck.readings.running.operands import Operand, carrying, dtype_of, flat, given, part, parts_of, real, written
from gradcheck.readings.running.parts import FLOAT64, QUIET, Parts, truthful
from gradcheck.readings.running.parts import arithmetic as precision_of
from gradcheck.readings.running.plans import constant, made, moving, spoil


class Running(Base):
    """An array of `dtype` as it may be computed: float64 `value` +- `error` of the same shape."""

    __slots__ = ("dtype", "error", "told", "value")
    told: bool  # which is there where it is an input that was read

    def __init__(self, value: Reals, error: Reals, dtype: np.dtype = FLOAT64) -> None:
        self.value, self.error, self.dtype = value, error, dtype

    @classmethod
    def exact(cls, array: Array) -> "Running":
        """An input: no error yet. Keeps the memory order."""
        value = array.astype(np.float64, order="K", copy=True)
        return cls(value, np.zeros_like(value), array.dtype)

    @classmethod
    def given(cls, x: "Running") -> "Running":
        """An input that is read in the precision that is granted to its dtype."""
        p = precision_of(x.dtype)
        found = x if p.plain else cls(*given(x._parts, p), x.dtype)
        found.told = True
        return found

    def filled(self, number: int) -> "Running":
        """As many of one number."""
        return constant(Running(np.full(self.shape, float(number)), np.zeros(self.shape), self.dtype))

    def numbers(self, array: Reals) -> "Running":
        """Other numbers, of float64, as this precision has them."""
        dtype = real(self.dtype)
        return constant(Running(*written(array, precision_of(dtype)), dtype))

    # ---- what an array has ----

    def values(self) -> Reals:
        """Without the errors."""
        spoil()
        return self.value

    @property
    def T(self) -> "Running":
        return self._moved(lambda part: part.T, "T")

    def __getitem__(self, index: Any) -> "Running":
        index = index.value if isinstance(index, Condition) else index
        return self._moved(lambda part: part[index])

    def __setitem__(self, index: Any, given: Operand) -> None:
        spoil()
        index = index.value if isinstance(index, Condition) else index
        self.value[index], self.error[index] = _stored(given, self.dtype)

    def copy(self) -> "Running":
        """Memory of its own."""
        return Running(self.value.copy(), self.error.copy(), self.dtype)

    def reshape(self, *shape: Any) -> "Running":
        return self._moved(lambda part: part.reshape(*shape), "reshape")

    def astype(self, dtype: Any, copy: bool = True) -> "Running":
        """Rounded to another precision; towards zero where that is whole numbers."""
        new = np.dtype(dtype)
        if new.kind in "iu":
            return Running(*arithmetic.truncated(self._parts), new)
        if new == self.dtype:
            return self.copy() if copy else self
        with np.errstate(all="ignore"):
            return Running(*arithmetic.converted(self._parts, self.dtype, new), new)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Running":
        """Added up in any order."""
        return table.PRIMITIVES["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Running":
        return self.sum(axis, keepdims) / arithmetic.count(self.shape, axis)

    def max(self, axis: Axis = None, keepdims: bool = False) -> "Running":
        """The largest: off by no more than the worst of those that it is the largest of."""
        return self._made(lambda x, p: choices.largest(x, p, axis, keepdims))

    def min(self, axis: Axis = None, keepdims: bool = False) -> "Running":
        """The smallest, of which the same is true."""
        return -(-self).max(axis, keepdims)

    def argmax(self, axis: int | None = None) -> Any:
        spoil()
        return self.value.argmax(axis=axis)

    @property
    def _parts(self) -> Parts:
        return Parts(self.value, self.error)

    def _made(self, operation: Callable[..., Parts], *more: Any) -> "Running":
        p = precision_of(self.dtype)
        with np.errstate(all="ignore"):
            found = operation(self._parts, *more, p)
            found = truthful(found, (self._parts,)) if p.truthful else found
        result = Running(found.value, found.error, self.dtype)
        rounding = operation if not more else lambda x, p: operation(x, *more, p)
        return made(result, rounding, p, NONE, (self,), (self,), operation.__name__)

    def _moved(self, function: Callable[[Any], Any], name: str = "") -> "Running":
        """What is done to values and errors alike."""
        result = Running(np.asarray(function(self.value)), np.asarray(function(self.error)), self.dtype)
        return made(result, moving(function), None, NONE, (self,), (self,), name)

    def read(self, ufunc: np.ufunc, *others: Any) -> Any:
        """A ufunc of this array and of others that are known."""
        return read(table.KNOWN[ufunc], (self, *others), NONE)

    # ---- NumPy's protocols ----

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Operand, **options: Any) -> Any:
        out = options.pop("out", ())
        if options or not all(isinstance(x, KNOWN) for x in inputs):
            return NotImplemented
        with np.errstate(all="ignore"):
            found = _called(ufunc, method, inputs)
        if not out or found is NotImplemented:
            return found
        spoil()
        out[0].value[...], out[0].error[...] = _stored(found, out[0].dtype)
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if not all(issubclass(kind, KNOWN) for kind in types):
            return NotImplemented
        with np.errstate(all="ignore"):
            if function in FUNCTIONS:
                return FUNCTIONS[function](*args, **options)
            if function in MOVING and type(args[0]) is Running and not any(map(carrying, args[1:])):
                array, *rest = args
                return array._moved(lambda part: function(part, *rest, **options), function.__name__)
            if function in MOVING:
                value, error = (function(*part(args, name), **options) for name in ("value", "error"))
                return Running(np.asarray(value), np.asarray(error), dtype_of(*flat(args)))
        return table.call(function, args, options)


KNOWN = Running.KNOWN = (Running, Condition, np.ndarray, np.generic, int, float)  # whatever else there is takes over


def _stored(given: Operand, dtype: np.dtype) -> Parts:
    """Written into an array of this dtype."""
    if isinstance(given, Running):
        given = given.astype(dtype, copy=False)
    return parts_of(given, precision_of(dtype))


def _taken(operands: tuple[Operand, ...], *, real_valued: bool = False) -> tuple[Sequence[Any], np.dtype]:
    first = operands[0]
    if isinstance(first, Running) and all(type(x) is Running and x.dtype == first.dtype for x in operands):
        return operands, real(first.dtype) if real_valued else first.dtype  # which have value and error themselves
    dtype = dtype_of(*operands)
    dtype = real(dtype) if real_valued else dtype
    return [parts_of(operand, precision_of(dtype)) for operand in operands], dtype


def _called(ufunc: np.ufunc, method: str, inputs: tuple[Operand, ...]) -> Any:
    if method == "outer":
        return _outer(*inputs) if ufunc is np.multiply else NotImplemented
    if method != "__call__":
        return NotImplemented
    primitive = table.KNOWN.get(ufunc)
    if primitive is not None:
        return _read(primitive, inputs, NONE)
    return _comparison(ufunc)(*inputs) if ufunc in COMPARISONS else table.call(ufunc, inputs, NONE)


NONE: dict[str, Any] = {}


def _read(primitive: Primitive, operands: tuple[Operand, ...], options: dict[str, Any]) -> Running:
    """A primitive, by its rounding; what it moves is moved, values and errors alike."""
    parts, dtype = _taken(operands, real_valued=primitive.real)
    p = precision_of(dtype)
    if primitive.rounding is not None:
        found: Parts = primitive.rounding(*parts, p, **options)
        found = truthful(found, parts) if p.truthful else found
        how: tuple[Any, ...] = primitive.rounding, p, options
    else:
        how = moving(primitive.value, **options), None, options
        found = how[0](*parts)
    return made(Running(found.value, found.error, dtype), *how, operands, parts, primitive.name)


def read(primitive: Primitive, operands: tuple[Operand, ...], options: dict[str, Any]) -> Running:
    """As NumPy's protocols have it, for who calls a primitive itself."""
    if QUIET.get():
        return _read(primitive, operands, options)
    with np.errstate(all="ignore"):
        return _read(primitive, operands, options)


def _comparison(ufunc: np.ufunc) -> Callable[[Operand, Operand], Condition]:
    def comparison(left: Operand, right: Operand) -> Condition:
        spoil()
        return compared(ufunc, *_taken((left, right))[0])

    return comparison


def _outer(left: Operand, right: Operand) -> Running:
    (x, y), dtype = _taken((left, right))
    across = Parts(x.value[:, np.newaxis], x.error[:, np.newaxis]), Parts(y.value[np.newaxis], y.error[np.newaxis])
    return Running(*arithmetic.product(*across, precision_of(dtype)), dtype)


def _where(condition: Any, left: Operand, right: Operand) -> Running:
    parts, dtype = _taken((left, right))
    return Running(*chosen(condition, *parts), dtype)


def _clipped(x: Operand, low: float, high: float) -> Running:
    below = _where(_comparison(np.less)(x, low), low, x)
    return _where(_comparison(np.greater)(below, high), high, below)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clipped,
    np.sum: Running.sum,
    np.mean: Running.mean,
    np.argmax: Running.argmax,
    np.iscomplexobj: lambda x: False,
    np.ones_like: lambda x: constant(Running.exact(np.ones(x.shape, dtype=x.dtype))),
}
table.READERS[Running] = 1, read
