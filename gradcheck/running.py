"""Running error analysis: a NumPy array that carries a bound on what rounding may have done to it.

Code written for arrays, run on a `Running`, gives what *any* code that computes the same formula in the same precision may
return: `value` +- `error` (absolute). Each operation adds its own rounding to what it inherits (Wilkinson's running error
analysis; Higham 2002, section 3.3), by the error model of `bounds`: u per operation, `ELEMENTARY_ULPS` for exp and log, sums in
any order. The float64 rounding of `value` itself is counted, too. An infinite error says that nothing is known.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Union

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gradcheck import bounds, precision
from gradcheck.enclosure import ETA64, U64, Enclosure, Reals, outward
from gradcheck.precision import Precision
from gradcheck.problem import Array

FLOAT64 = np.dtype(np.float64)
Operand = Union["Running", "Condition", Array, float, int]

# Whole numbers are added and multiplied without rounding.
_WHOLE = Precision("int64", np.dtype(np.int64), 0.0, 0.0, 0.0, np.inf)


@cache
def arithmetic(dtype: np.dtype) -> Precision:
    """The precision in which NumPy computes with arrays of this dtype."""
    return precision.of(dtype) if dtype.name in precision.NAMES else _WHOLE


class Condition:
    """What a comparison says, entry by entry, and where the errors leave no doubt about it."""

    def __init__(self, value: Array, sure: Array) -> None:
        self.value, self.sure = value, sure

    def __invert__(self) -> "Condition":
        return Condition(~self.value, self.sure)

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(self.value & other.value, self.sure & other.sure)

    def sum(self) -> int:
        """In how many entries it holds; doubts are not heard."""
        return int(self.value.sum())


class Running(NDArrayOperatorsMixin):
    """An array of `dtype` as it may be computed: float64 `value` +- `error` of the same shape."""

    __slots__ = ("dtype", "error", "value")

    def __init__(self, value: Reals, error: Reals, dtype: np.dtype = FLOAT64) -> None:
        self.value, self.error, self.dtype = value, error, dtype

    @classmethod
    def exact(cls, array: Array) -> "Running":
        """An input: no error yet. Keeps the memory order."""
        value = array.astype(np.float64, order="K", copy=True)
        return cls(value, np.zeros_like(value), array.dtype)

    # ---- what an array has ----

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def flags(self) -> Any:
        """Whether it may be written to, above all."""
        return self.value.flags

    @property
    def T(self) -> "Running":
        return Running(self.value.T, self.error.T, self.dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> "Running":
        index = index.value if isinstance(index, Condition) else index
        return Running(np.asarray(self.value[index]), np.asarray(self.error[index]), self.dtype)

    def __setitem__(self, index: Any, given: Operand) -> None:
        index = index.value if isinstance(index, Condition) else index
        self.value[index], self.error[index] = _stored(given, self.dtype)

    def copy(self) -> "Running":
        """Memory of its own."""
        return Running(self.value.copy(), self.error.copy(), self.dtype)

    def reshape(self, *shape: Any) -> "Running":
        return Running(self.value.reshape(*shape), self.error.reshape(*shape), self.dtype)

    def astype(self, dtype: Any, copy: bool = True) -> "Running":
        """Rounded to another precision; towards zero where that is whole numbers."""
        new = np.dtype(dtype)
        if new.kind in "iu":
            return _truncated(self, new)
        if new == self.dtype:
            return self.copy() if copy else self
        coarser = arithmetic(new).u > arithmetic(self.dtype).u
        if not coarser:
            return Running(self.value, self.error, new)
        if new.kind == "f" and not self.error.any():  # one rounding, of what is known exactly
            with np.errstate(over="ignore", invalid="ignore"):
                return Running(self.value.astype(new).astype(np.float64), self.error.copy(), new)
        return _rounded(self.value, self.error, new, certain=np.isfinite(self.error) & ~np.isfinite(self.value))

    # ---- reductions ----

    def sum(self, axis: int | None = None, keepdims: bool = False) -> "Running":
        """Added up in any order."""
        count = self.size if axis is None else self.shape[axis]
        spread = bounds.spread(max(count - 1, 0), arithmetic(self.dtype).u + U64)
        with np.errstate(all="ignore"):
            value = self.value.sum(axis=axis, keepdims=keepdims)
            size = (abs(self.value) + self.error).sum(axis=axis, keepdims=keepdims)
            error = self.error.sum(axis=axis, keepdims=keepdims) + spread * size
        known = np.isfinite(self.error).all(axis=axis, keepdims=keepdims)
        return _settled(np.asarray(value), np.asarray(error), known, self.dtype)

    def mean(self, axis: int | None = None, keepdims: bool = False) -> "Running":
        return self.sum(axis, keepdims) / (self.size if axis is None else self.shape[axis])

    def max(self, axis: int | None = None, keepdims: bool = False) -> "Running":
        """The largest: off by no more than the worst of those that it is the largest of."""
        return self._extreme(np.max, axis, keepdims)

    def min(self, axis: int | None = None, keepdims: bool = False) -> "Running":
        return self._extreme(np.min, axis, keepdims)

    def _extreme(self, which: Callable[..., Any], axis: int | None, keepdims: bool) -> "Running":
        value = which(self.value, axis=axis, keepdims=keepdims)
        error = self.error.max(axis=axis, keepdims=keepdims)
        return Running(np.asarray(value), np.asarray(error), self.dtype)

    def argmax(self, axis: int | None = None) -> Any:
        return self.value.argmax(axis=axis)

    # ---- the softmax as the bounds know it, whichever of the usual formulas it is computed by ----

    def softmax(self) -> "Running":
        """Column by column, shifted by the maximum."""
        value, allowed = self._softmax()
        with np.errstate(all="ignore"):
            below = self.value - self.value.max(axis=0, keepdims=True) + 2 * self.error.max(axis=0, keepdims=True)
            gone = _vanishes(below, arithmetic(self.dtype))
        found = _floored(Running(np.where(gone, 0.0, value), allowed.A, self.dtype))
        return Running(found.value, np.where(gone, 0.0, found.error), self.dtype)

    def log_softmax(self) -> "Running":
        """Its logarithm, never by the logarithm of what underflows."""
        Z = self.value
        with np.errstate(all="ignore"):
            shifted = Z - Z.max(axis=0, keepdims=True)
            value = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
        return _floored(Running(value, self._softmax()[1].log_A, self.dtype))

    def _softmax(self) -> tuple[Reals, bounds.SoftmaxError]:
        """The float64 value, and the bounds of the target's rounding and of our own together."""
        Z, nothing = self.value, np.zeros_like(self.value)
        with np.errstate(all="ignore"):
            powers = np.exp(Z - Z.max(axis=0, keepdims=True))
            A = powers / powers.sum(axis=0, keepdims=True)
            upper = np.minimum(outward(A, 8 * len(Z)) + 4 * len(Z) * U64, 1.0)
            theirs = bounds.softmax_error(Enclosure(Z, nothing), self.error, upper, arithmetic(self.dtype))
            own = bounds.softmax_error(Enclosure(Z, nothing), nothing, upper, precision.of(FLOAT64), ours=True)
        both = (a + b for a, b in zip(vars(theirs).values(), vars(own).values(), strict=True))
        return A, bounds.SoftmaxError(*both)

    # ---- NumPy's protocols ----

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Operand, **options: Any) -> Any:
        operation = OUTER.get(ufunc) if method == "outer" else UFUNCS.get(ufunc) if method == "__call__" else None
        out = options.pop("out", ())
        if operation is None or options:
            return NotImplemented
        with np.errstate(all="ignore"):
            found = operation(*inputs)
        if not out:
            return found
        out[0].value[...], out[0].error[...] = _stored(found, out[0].dtype)
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        with np.errstate(all="ignore"):
            if function in FUNCTIONS:
                return FUNCTIONS[function](*args, **options)
            if function in MOVING:
                value, error = (function(*_parts(args, part), **options) for part in ("value", "error"))
                return Running(np.asarray(value), np.asarray(error), _dtype(*_flat(args)))
        return NotImplemented


def _parts(argument: Any, part: str) -> Any:
    """The same arguments with one of the two arrays in the place of each `Running`; what is no `Running` has no error."""
    if isinstance(argument, Running):
        return getattr(argument, part)
    if isinstance(argument, np.ndarray) and part == "error" and argument.dtype.kind == "f":
        return np.zeros_like(argument)
    if isinstance(argument, tuple | list):
        return type(argument)(_parts(item, part) for item in argument)
    return argument


def _flat(arguments: Any) -> list[Any]:
    return [part for item in arguments for part in (_flat(item) if isinstance(item, tuple | list) else [item])]


def _dtype(*operands: Any) -> np.dtype:
    """The dtype of a result: Python's numbers take that of the arrays."""
    found = [item.dtype for item in operands if isinstance(item, Running | np.ndarray)]
    return np.result_type(*found) if found else FLOAT64


def _pair(operand: Operand) -> tuple[Any, Any]:
    """Value and error; numbers and arrays that are given have none."""
    if isinstance(operand, Running):
        return operand.value, operand.error
    if isinstance(operand, Condition):
        return operand.value.astype(float), np.where(operand.sure, 0.0, 1.0)
    value = np.asarray(operand, dtype=np.float64)
    return value, np.zeros_like(value)


def _stored(given: Operand, dtype: np.dtype) -> tuple[Reals, Reals]:
    """Written into an array of this dtype."""
    if isinstance(given, Running):
        given = given.astype(dtype, copy=False)
    return _pair(given)


def _truncated(x: Running, dtype: np.dtype) -> Running:
    """Whole numbers; where the errors leave two of them open, either."""
    with np.errstate(all="ignore"):
        value = np.trunc(x.value)
        sure = (np.trunc(x.value - x.error) == value) & (np.trunc(x.value + x.error) == value)
    return Running(value, np.where(sure, 0.0, outward(x.error + 1)), dtype)


def _floored(x: Running) -> Running:
    """Where nothing is known the error is infinite, never NaN."""
    return Running(x.value, np.where(np.isnan(x.error), np.inf, x.error), x.dtype)


def _settled(value: Reals, error: Reals, known: Any, dtype: np.dtype) -> Running:
    """A result of inputs with finite errors where `known`: infinities and NaN made of such inputs are certain.

    Where a finite result may overflow in this precision nothing is known; where it must, it is infinite.
    """
    huge = arithmetic(dtype).huge
    with np.errstate(all="ignore"):
        over = abs(value) - error > huge * (1 + 4 * U64)
        doubtful = ~over & (abs(value) + error > huge)
        overflown = np.where(over & np.isfinite(value), np.sign(value) * np.inf, value)
        certain = known & (over | ~np.isfinite(value))
        kept = np.where(certain, 0.0, np.where(doubtful | ~known | np.isnan(error), np.inf, _grown(error)))
    return Running(overflown, kept, dtype)


def _grown(error: Reals) -> Reals:
    """Safe against the rounding of its own evaluation; what has no error keeps none."""
    return np.where(error == 0, 0.0, outward(error, 16))


def _rounded(value: Reals, error: Reals, dtype: np.dtype, *, certain: Any = False) -> Running:
    """After one more rounding to nearest; `certain` marks infinities and NaN of which there is no doubt."""
    p = arithmetic(dtype)
    with np.errstate(all="ignore"):
        grown = error + (p.u + U64) * (abs(value) + error) + p.eta + ETA64
    found = _settled(np.asarray(value), np.asarray(grown), np.isfinite(error) | certain, dtype)
    found.error[np.broadcast_to(np.asarray(certain), found.error.shape)] = 0.0
    return found


def _exactly(x: Any, y: Any) -> Any:
    """Where both inputs are infinite or NaN beyond doubt, or of known error: a result that is not finite is certain."""
    return (~np.isfinite(x[0]) | ~np.isfinite(y[0])) & np.isfinite(x[1]) & np.isfinite(y[1])


def _summed(sign: float) -> Callable[[Operand, Operand], Running]:
    def operation(left: Operand, right: Operand) -> Running:
        x, y = _pair(left), _pair(right)
        value = x[0] + sign * y[0]
        return _rounded(value, x[1] + y[1], _dtype(left, right), certain=_exactly(x, y) & ~np.isfinite(value))

    return operation


def _product(left: Operand, right: Operand) -> Running:
    x, y = _pair(left), _pair(right)
    value = x[0] * y[0]
    error = abs(x[0]) * y[1] + abs(y[0]) * x[1] + x[1] * y[1]
    exact = (x[1] == 0) & (y[1] == 0) & ((abs(x[0]) == 1) | (abs(y[0]) == 1) | (value == 0))  # nothing to round
    found = _rounded(value, error, _dtype(left, right), certain=_exactly(x, y) & ~np.isfinite(value))
    found.error[np.broadcast_to(exact & np.isfinite(value), found.error.shape)] = 0.0
    return found


def _quotient(left: Operand, right: Operand) -> Running:
    x, y = _pair(left), _pair(right)
    dtype = _dtype(left, right)
    dtype = dtype if dtype.name in precision.NAMES else FLOAT64
    value = x[0] / y[0]
    apart = abs(y[0]) - y[1]  # how far from 0 the divisor stays
    error = np.where(apart > 0, (x[1] + abs(value) * y[1]) / apart, np.inf)
    certain = ~np.isfinite(value) & (_exactly(x, y) | ((y[0] == 0) & (y[1] == 0) & (x[1] < abs(x[0]))))
    certain |= (x[0] == 0) & (y[0] == 0) & (x[1] == 0) & (y[1] == 0)  # 0/0
    return _rounded(value, error, dtype, certain=certain)


def _matrix_product(left: Operand, right: Operand) -> Running:
    x, y = _pair(left), _pair(right)
    dtype = _dtype(left, right)
    p, k = arithmetic(dtype), x[0].shape[-1]
    value, size = x[0] @ y[0], (abs(x[0]) + x[1]) @ (abs(y[0]) + y[1])
    error = abs(x[0]) @ y[1] + x[1] @ abs(y[0]) + x[1] @ y[1] + bounds.spread(k, p.u + U64) * size + k * (p.eta + ETA64)
    known = np.isfinite(x[1]).all() and np.isfinite(y[1]).all()
    return _settled(value, error, known, dtype)


def _vanishes(most: Reals, p: Precision) -> Array:
    """Where exp of an exponent of at most this must underflow to 0, beyond doubt."""
    return most < np.log(p.eta) - 4


def _exponential(operand: Operand) -> Running:
    """Correct within `ELEMENTARY_ULPS`; 0 where it must underflow and infinite where it must overflow, beyond doubt."""
    x, dtype = _pair(operand), _dtype(operand)
    p = arithmetic(dtype)
    f = bounds.elementary(p) + bounds.elementary(precision.of(FLOAT64))
    value = np.exp(x[0])
    grown = value * np.expm1(np.minimum(x[1], 700.0))
    error = grown + f * (value + grown) + bounds.ELEMENTARY_ULPS[p.name] * (p.eta + ETA64)
    top = np.log(p.huge)
    over, under = x[0] - x[1] > top + 1e-3 * abs(top), _vanishes(x[0] + x[1], p)
    doubtful = ~over & (x[0] + x[1] > top - 1e-3 * abs(top))
    value = np.where(over, np.inf, np.where(under, 0.0, value))
    error = np.where(over | under, 0.0, np.where(doubtful | ~np.isfinite(x[1]), np.inf, error))
    error = np.where(np.isnan(x[0]) & np.isfinite(x[1]), 0.0, np.where(np.isnan(error), np.inf, _grown(error)))
    return Running(value, error, dtype)


def _logarithm(operand: Operand) -> Running:
    x, dtype = _pair(operand), _dtype(operand)
    f = bounds.elementary(arithmetic(dtype)) + bounds.elementary(precision.of(FLOAT64))
    value = np.log(x[0])
    least = x[0] - x[1]
    error = np.where(least > 0, x[1] / least, np.inf)
    error = error + f * (abs(value) + error)
    certain = (x[1] == 0) & ~np.isfinite(value)  # log 0, log of a negative number, of NaN
    return Running(value, np.where(certain, 0.0, np.where(np.isnan(error), np.inf, outward(error, 8))), dtype)


def _same_size(function: Callable[[Any], Any]) -> Callable[[Operand], Running]:
    """An operation without rounding."""
    return lambda x: Running(function(_pair(x)[0]), _pair(x)[1].copy(), _dtype(x))


def _nearer(function: Callable[[Any, Any], Any]) -> Callable[[Operand, Operand], Running]:
    """Maximum and minimum of two, chosen without rounding: off by no more than the worse of them."""

    def operation(left: Operand, right: Operand) -> Running:
        x, y = _pair(left), _pair(right)
        return Running(function(x[0], y[0]), np.maximum(x[1], y[1]), _dtype(left, right))

    return operation


def _compared(function: Callable[[Any, Any], Any]) -> Callable[[Operand, Operand], Condition]:
    def operation(left: Operand, right: Operand) -> Condition:
        x, y = _pair(left), _pair(right)
        within = x[1] + y[1]
        return Condition(np.asarray(function(x[0], y[0])), np.asarray((abs(x[0] - y[0]) > within) | (within == 0)))

    return operation


def _outer(left: Operand, right: Operand) -> Running:
    x, y = (Running(*_pair(operand), _dtype(left, right)) for operand in (left, right))
    return _product(x[:, np.newaxis], y[np.newaxis, :])


def _where(condition: Any, left: Operand, right: Operand) -> Running:
    """Where the condition is in doubt it may be either, so that the error reaches from one to the other."""
    held = condition if isinstance(condition, Condition) else Condition(np.asarray(condition), np.asarray(True))
    x, y = _pair(left), _pair(right)
    value = np.where(held.value, x[0], y[0])
    sure = np.where(held.value, x[1], y[1])
    apart = np.where(x[0] == y[0], 0.0, abs(x[0] - y[0])) + x[1] + y[1]
    return _floored(Running(value, np.where(held.sure, sure, outward(apart)), _dtype(left, right)))


def _clipped(x: Operand, low: float, high: float) -> Running:
    below = _where(_compared(np.less)(x, low), low, x)
    return _where(_compared(np.greater)(below, high), high, below)


UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _summed(1.0),
    np.subtract: _summed(-1.0),
    np.multiply: _product,
    np.true_divide: _quotient,
    np.matmul: _matrix_product,
    np.exp: _exponential,
    np.log: _logarithm,
    np.negative: _same_size(np.negative),
    np.absolute: _same_size(np.absolute),
    np.maximum: _nearer(np.maximum),
    np.minimum: _nearer(np.minimum),
    **{ufunc: _compared(ufunc) for ufunc in (np.less, np.less_equal, np.greater, np.greater_equal, np.equal)},
}
OUTER: dict[np.ufunc, Callable[..., Any]] = {np.multiply: _outer}
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clipped,
    np.sum: Running.sum,
    np.mean: Running.mean,
    np.argmax: Running.argmax,
    np.iscomplexobj: lambda x: False,
}
# What moves entries and rounds nothing: done to values and errors alike. zeros_like of both is a 0 without an error.
MOVING = {
    np.roll,
    np.concatenate,
    np.stack,
    np.flip,
    np.repeat,
    np.tile,
    np.diag,
    np.diagonal,
    np.ravel,
    np.reshape,
    np.transpose,
    np.broadcast_to,
    np.zeros_like,
    np.take_along_axis,
    np.delete,
    np.resize,
}
