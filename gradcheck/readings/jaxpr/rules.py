"""The table: what each primitive of JAX is in ours. To add one is to add a line."""

import operator
from collections.abc import Callable
from math import log
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.readings import given
from gradcheck.readings.balls import Balls
from gradcheck.readings.jaxpr import choosing, cumulative, moves, ordering, scattering
from gradcheck.readings.jaxpr.kinds import converted, floating, known, under, whole
from gradcheck.readings.jaxpr.step import Step
from gradcheck.readings.primitives import elementary
from gradcheck.readings.primitives.arithmetic import DIVIDE, MULTIPLY, NEGATIVE, SUBTRACT
from gradcheck.readings.primitives.choices import ABSOLUTE, MAXIMUM, MINIMUM, SIGN
from gradcheck.readings.primitives.elementary import EXP, LOG, SQRT
from gradcheck.readings.primitives.factored import product
from gradcheck.readings.primitives.powers import POWER, RAISE
from gradcheck.readings.primitives.sums import SUM
from gradcheck.readings.primitives.whole import FLOOR, ROUND
from gradcheck.readings.running import Condition
from gradcheck.readings.tape import Variable

Rule = Callable[..., Any]


def each(primitive: Any) -> Rule:
    """Entry by entry."""
    return lambda step, *xs: primitive(*xs)


def raised(step: Step, x: Any, y: Any) -> Any:
    """A power of a number that the text has; of a whole one by products."""
    number = step.number(y)
    if number is not None and number == int(number):
        return POWER(x, exponent=number)
    return RAISE(x, y)


def doubled(step: Step, x: Any) -> Any:
    """2^x as JAX has it, e^(x log 2): in truth by the logarithm itself, otherwise by what the precision has of it."""
    reading = step.reading
    exact = reading.wide or reading.kind is Balls
    factor = LOG(reading.constant(2, step.dtype)) if exact else reading.constant(log(2), step.dtype)
    return EXP(MULTIPLY(x, factor))


def nearest(step: Step, x: Any) -> Any:
    """Of what is halfway the even one."""
    if int(step.params["rounding_method"]) != 1:
        raise Unusable("lax.round away from zero is not among what a traced loss may be made of; write jnp.round")
    return ROUND(x)


def summed(step: Step, x: Any) -> Any:
    axes = tuple(step.params["axes"])
    return SUM(x, axis=axes) if axes else x


def converting(step: Step, x: Any) -> Any:
    """Numbers of another kind: rounded, or as they are; truth values as 0 and 1."""
    dtype = np.dtype(step.params["new_dtype"])
    if floating(dtype):
        if isinstance(x, Condition) or (known(x) and x.dtype.kind == "b"):
            return step.reading.condition(x, dtype)
        return step.reading.numbers(x, dtype) if known(x) else converted(x, dtype, step.reading)
    if dtype.kind == "b":
        return x if isinstance(x, Condition) else operator.ne(under(x), 0)
    return np.trunc(whole(x, f"a conversion to {dtype.name}")).astype(dtype)


def rounded_to(step: Step, x: Any) -> Any:
    """As many digits as another precision has, kept in this one."""
    names = {(8, 23): "float32", (11, 52): "float64", (5, 10): "float16", (8, 7): "bfloat16"}
    name = names.get((step.params["exponent_bits"], step.params["mantissa_bits"]), "another precision")
    return converted(converted(x, name, step.reading), step.dtype, step.reading)


def counted(step: Step) -> Any:
    """0, 1, 2, ... along an axis."""
    shape, axis = step.params["shape"], step.params["dimension"]
    row = np.arange(shape[axis]).reshape([size if k == axis else 1 for k, size in enumerate(shape)])
    found = np.broadcast_to(row, shape)
    return step.reading.numbers(found, step.dtype) if floating(step.dtype) else found.astype(step.dtype)


def largest(step: Step, x: Any) -> Any:
    """Where the largest is, the first of equals: of what is given, or where rounding cannot change it; or the first that holds."""
    axis = step.params["axes"][0]
    if isinstance(x, Condition):
        return choosing.first(x, axis, step.dtype)
    return given.largest(x, axis).astype(step.dtype)


def least(step: Step, x: Any) -> Any:
    """Where the least is."""
    return largest(step, ~x if isinstance(x, Condition) else -x)


def constant(step: Step, x: Any) -> Any:
    """As if it were given."""
    return x.array if isinstance(x, Variable) else x


def empty(step: Step) -> Any:
    """Whatever stands there, nobody reads it."""
    zero = np.zeros(step.shape)
    return step.reading.numbers(zero, step.dtype) if floating(step.dtype) else zero.astype(step.dtype)


def default_platform(step: Step) -> Any:
    """The branch that is for whatever is not named."""
    return np.asarray([platform is None for platform in step.params["platforms"]].index(True))


def same(step: Step, x: Any) -> Any:
    return x


RULES: dict[str, Rule] = {
    # each entry
    "add": moves.added,
    "add_any": moves.added,
    "sub": each(SUBTRACT),
    "mul": each(MULTIPLY),
    "div": each(DIVIDE),
    "neg": each(NEGATIVE),
    "exp": each(EXP),
    "exp2": doubled,
    "log": each(LOG),
    "log1p": each(elementary.LOG1P),
    "expm1": each(elementary.EXPM1),
    "tanh": each(elementary.TANH),
    "logistic": each(elementary.SIGMOID),
    "sqrt": each(SQRT),
    "rsqrt": lambda step, x: DIVIDE(step.reading.constant(1, step.dtype), SQRT(x)),
    "sin": each(elementary.SIN),
    "cos": each(elementary.COS),
    "asin": each(elementary.ARCSIN),
    "acos": each(elementary.ARCCOS),
    "atan": each(elementary.ARCTAN),
    "sinh": each(elementary.SINH),
    "cosh": each(elementary.COSH),
    "floor": each(FLOOR),
    "ceil": lambda step, x: -FLOOR(-x),
    "round": nearest,
    "abs": each(ABSOLUTE),
    "sign": each(SIGN),
    "square": lambda step, x: POWER(x, exponent=2.0),
    "integer_pow": lambda step, x: POWER(x, exponent=float(step.params["y"])),
    "pow": raised,
    # along axes
    "reduce_sum": summed,
    "reduce_max": choosing.largest,
    "reduce_min": choosing.least,
    "reduce_prod": lambda step, x: product(x, tuple(step.params["axes"])),
    "reduce_or": choosing.some,
    "reduce_and": choosing.every,
    "cumsum": cumulative.summed,
    "cumprod": cumulative.multiplied,
    "cummax": cumulative.chosen(MAXIMUM),
    "cummin": cumulative.chosen(MINIMUM),
    "dot_general": moves.product,
    # choices
    "max": choosing.larger,
    "min": choosing.smaller,
    "clamp": choosing.clamped,
    "eq": choosing.compared(operator.eq),
    "ne": choosing.compared(operator.ne),
    "lt": choosing.compared(operator.lt),
    "le": choosing.compared(operator.le),
    "gt": choosing.compared(operator.gt),
    "ge": choosing.compared(operator.ge),
    "and": choosing.logical(operator.and_),
    "or": choosing.logical(operator.or_),
    "not": choosing.logical(operator.invert),
    "is_finite": choosing.finite,
    "select_n": choosing.selected,
    "argmax": largest,
    "argmin": least,
    # precisions
    "convert_element_type": converting,
    "reduce_precision": rounded_to,
    # moves
    "broadcast_in_dim": moves.broadcast,
    "reshape": moves.reshaped,
    "squeeze": moves.reshaped,
    "expand_dims": moves.reshaped,
    "transpose": moves.transposed,
    "slice": moves.sliced,
    "rev": moves.reversed_,
    "split": moves.split,
    "unstack": moves.apart,
    "stack": moves.joined,
    "concatenate": moves.concatenated,
    "pad": moves.padded,
    "gather": moves.gathered,
    "dynamic_slice": moves.dynamic,
    "dynamic_update_slice": moves.updated,
    "scatter": scattering.put,
    "scatter-add": scattering.summed,
    "scatter-mul": scattering.multiplied,
    # sorted
    "sort": ordering.sort,
    "top_k": ordering.top,
    # what is as it was
    "copy": same,
    "copy_p": same,
    "name": same,
    "optimization_barrier": lambda step, *xs: list(xs),
    "stop_gradient": constant,
    "iota": counted,
    "empty": empty,
    "empty2": empty,
    "platform_index": default_platform,
}
