"""What stands in the equations of a jaxpr: arrays of one reading, conditions, and whole numbers and truth values of NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.errors import Unusable
from gradcheck.law.functions import Array, Values
from gradcheck.readings import ball_rules
from gradcheck.readings.balls import Balls
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.given import numbers
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.running import Condition, Running
from gradcheck.readings.running.operands import written
from gradcheck.readings.tape import Variable


def under(x: Any) -> Any:
    """What a variable wraps."""
    return x.array if isinstance(x, Variable) else x


def known(x: Any) -> bool:
    """Whether it is of NumPy's whole numbers or truth values, of which there is no doubt."""
    return isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "iub"


def _numbers(dtype: Any) -> np.dtype:
    try:
        return np.dtype(dtype)
    except TypeError:  # as that of a key, which random numbers are drawn by
        raise _unknown(dtype) from None


def _unknown(dtype: Any) -> Unusable:
    return Unusable(f"dtype {dtype} of a traced loss is not known; expected any of {', '.join(precision.NAMES)}")


def floating(dtype: Any) -> bool:
    """Real numbers, also of the types that NumPy does not have. `Unusable` of what is none."""
    return _numbers(dtype).kind not in "iub"


def known_dtype(dtype: Any) -> np.dtype:
    """`Unusable` of numbers that no precision is of, as of 8 bits."""
    found = _numbers(dtype)
    if floating(found) and found.name not in precision.NAMES:
        raise _unknown(found.name)
    return found


class Reading:
    """Of which kind the arrays are that a loss is read with; `wide` where numbers are as they are meant, whatever their dtype."""

    def __init__(self, like: Any, *, wide: bool) -> None:
        self.kind, self.wide = type(under(like)), wide
        self.constants: dict[Any, Values] = {}

    def constant(self, value: Any, dtype: Any) -> Values:
        """A number, always the same array for the same number."""
        key = (float(value), np.dtype(dtype))
        if key not in self.constants or np.isnan(key[0]):
            self.constants[key] = self.numbers(np.asarray(value), dtype)
        return self.constants[key]

    def numbers(self, value: Array, dtype: Any) -> Values:
        """Numbers that a loss has in its text. Whether they were rounded then is known of those that are short alone."""
        dtype = known_dtype(dtype)
        exact = np.asarray(value, dtype=np.float64)
        if self.kind is Balls:
            return Balls.exact(exact)
        if self.kind is not Running:
            return np.asarray(value).astype(dtype)
        if self.wide:
            return Running.exact(exact)
        p = precision.of(dtype)
        found, error = written(exact, p)
        error = np.where(_short(exact, p), error, np.maximum(error, p.u * abs(exact) + p.eta))
        return Running.given(Running(found, error, dtype))

    def condition(self, x: Any, dtype: Any) -> Values:
        """Truth values as numbers."""
        if not isinstance(x, Condition):
            return self.numbers(np.asarray(x, dtype=np.float64), dtype)
        if self.kind is Balls:
            return Balls(ball_rules.of_condition(x), x.shape)
        parts = x.parts
        error = np.broadcast_to(parts.error, x.shape).copy()
        return Running(np.asarray(parts.value), error, np.dtype(np.float64) if self.wide else known_dtype(dtype))


def _short(value: Array, p: precision.Precision) -> Array:
    """Whole numbers, and those of at most half the digits: nobody would have rounded them from others."""
    with np.errstate(all="ignore"):
        digits = np.ldexp(np.frexp(value)[0], int(p.bits) // 2)
        return (
            ~np.isfinite(value) | (digits == np.trunc(digits)) | ((value == np.trunc(value)) & (abs(value) * p.u < 1))
        )


class Convert(Primitive):
    """Numbers of another dtype: the only primitive whose result is not of the dtype of its operand."""

    def __call__(self, *operands: Any, **options: Any) -> Values:
        (x,) = operands
        if isinstance(x, Running):
            return x.astype(options["dtype"], copy=False)
        return x if isinstance(x, Balls) else super().__call__(x, **options)


CONVERT: Primitive = Convert(
    "convert",
    lambda a, dtype: a.astype(dtype),
    (lambda g, y, a, dtype: CONVERT(g, dtype=getattr(a, "dtype", dtype)),),
)


def converted(x: Values, dtype: Any, reading: Reading) -> Values:
    """In that precision, unless numbers are to be as they are meant."""
    dtype = known_dtype(dtype)
    if reading.wide or reading.kind is Balls or under(x).dtype == dtype:
        return x
    return CONVERT(x, dtype=dtype)


def whole(x: Any, what: str) -> Array:
    """Numbers that are known beyond doubt, of what is given."""
    if isinstance(x, Condition):
        if not np.all(x.sure):
            raise Doubt(f"{what} takes what rounding may turn; write it with jnp.where(condition, this, that)")
        return np.asarray(x.value)
    return np.asarray(numbers(x, what))


def each_part(x: Any, function: Callable[[Array], Array]) -> Any:
    """What moves entries, done to NumPy's arrays and to conditions."""
    if isinstance(x, Condition):
        return Condition(*(function(np.broadcast_to(part, x.shape)) for part in (x.value, x.sure, x.tied)))
    return function(np.asarray(x))
