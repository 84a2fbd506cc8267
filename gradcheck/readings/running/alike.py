"""Whether a plan treats all classes, or all samples, alike: then what comes of them in another order is the same in that order.

Of each array of a plan it is known along which axis it is permuted where what is given is, and along which it is the same
throughout; a rule for each operation says that of its result, or it is not known. Sums are granted in any order, so that the
bounds of a permuted problem are the permuted bounds, and what is true of it follows from exact arithmetic. No number that is
given is looked at, so that it holds of every problem of these sides.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradcheck.readings.running.plans import Plan, Step

Shape = tuple[int, ...]
Axis = int | None


class Unknown(Exception):
    """No rule says what becomes of a permutation."""


class State(NamedTuple):
    """The axis along which an array is permuted, its shape, and that shape with 1 where it is the same all along an axis."""

    axis: Axis
    shape: Shape
    varies: Shape


Rule = Callable[..., tuple[Axis, Shape]]  # of a step and the states of its operands


def states(plan: Plan, given: Mapping[int, int]) -> dict[int, State]:
    """Of each place of a plan, as far as it is known, where those of what is `given` are permuted along these axes."""
    found = {place: State(given.get(place), shape, shape) for place, shape in enumerate(plan.shapes)}
    found |= {place: _constant(array) for place, array in plan.constants.items()}
    for step in plan.steps:
        try:
            known = [found[place] for place in step.operands]
            rule = RULES.get(step.name) or _fixed
            axis, varies = rule(step, *known)
            found[step.place] = State(axis, step.shape, varies)
        except (KeyError, Unknown):
            continue
    return found


def _constant(array: Any) -> State:
    parts = [np.asarray(part) for part in (array.value, array.error)]
    shape = parts[0].shape
    same = all(part.size and bool((part == part.flat[0]).all()) for part in parts)
    return State(None, shape, (1,) * len(shape) if same else shape)


def _fixed(step: Step, *known: State) -> tuple[Axis, Shape]:
    """Of what is not permuted, by whatever operation."""
    if any(one.axis is not None for one in known):
        raise Unknown
    return None, step.shape


def _each(step: Step, *known: State) -> tuple[Axis, Shape]:
    """Entry by entry: of several that are permuted, along one axis, and no other array may vary along that."""
    rank = len(step.shape)
    padded = [(1,) * (rank - len(one.varies)) + one.varies for one in known]
    varies = np.broadcast_shapes(*padded)
    found = {one.axis + rank - len(one.shape) for one in known if one.axis is not None}
    if len(found) > 1:
        raise Unknown
    axis = found.pop() if found else None
    if axis is not None and any(
        one.axis is None and shape[axis] != 1 for one, shape in zip(known, padded, strict=True)
    ):
        raise Unknown
    return axis, varies


PRODUCTS: dict[tuple[Axis, Axis], Axis] = {(None, None): None, (0, None): 0, (None, 1): 1, (1, 0): None}


def _product(step: Step, x: State, y: State) -> tuple[Axis, Shape]:
    """Of matrices: rows, columns, or what is summed over, which is permuted in both, or is the same throughout in the other."""
    if len(x.shape) != 2 or len(y.shape) != 2:
        raise Unknown
    varies = x.varies[0], y.varies[1]
    if (x.axis == 1 and y.axis is None and y.varies[0] == 1) or (y.axis == 0 and x.axis is None and x.varies[1] == 1):
        return None, varies
    if (x.axis, y.axis) not in PRODUCTS:
        raise Unknown
    return PRODUCTS[x.axis, y.axis], varies


def _sum(step: Step, x: State) -> tuple[Axis, Shape]:
    rank, over = len(x.shape), step.options.get("axis")
    chosen = range(rank) if over is None else over if isinstance(over, tuple) else (over,)
    gone, keeps = {k % rank for k in chosen}, step.options.get("keepdims")
    varies = tuple(1 if k in gone else size for k, size in enumerate(x.varies) if keeps or k not in gone)
    if x.axis is None or x.axis in gone:
        return None, varies
    return x.axis if keeps else x.axis - sum(k < x.axis for k in gone), varies


def _normalised(step: Step, x: State) -> tuple[Axis, Shape]:
    return x.axis, x.varies


def _log_sum_exp(step: Step, x: State) -> tuple[Axis, Shape]:
    """The axis is kept, and of size 1."""
    over = step.options.get("axis", 0) % len(x.shape)
    return (None if x.axis == over else x.axis), tuple(1 if k == over else size for k, size in enumerate(x.varies))


def _transposed(step: Step, x: State) -> tuple[Axis, Shape]:
    order = list(step.options.get("axes", range(len(x.shape))[::-1]))
    return (None if x.axis is None else order.index(x.axis)), tuple(x.varies[k] for k in order)


def _reshaped(step: Step, x: State) -> tuple[Axis, Shape]:
    """Where an axis of that size stands with as many entries before it."""
    same = (1,) * len(step.shape) if prod(x.varies) == 1 else step.shape
    if x.axis is None:
        return None, same
    for k, size in enumerate(step.shape):
        if size == x.shape[x.axis] and prod(step.shape[:k]) == prod(x.shape[: x.axis]):
            return k, step.shape
    raise Unknown


def _broadcast(step: Step, x: State) -> tuple[Axis, Shape]:
    more = len(step.shape) - len(x.shape)
    return (None if x.axis is None else x.axis + more), (1,) * more + x.varies


EACH = (
    *("add", "subtract", "multiply", "divide", "slope", "negative", "total", "power", "raise", "log", "exp", "log1p"),
    *("expm1", "tanh", "sqrt", "sin", "cos", "arccos", "sigmoid", "logaddexp", "portion", "absolute", "sides"),
    *("maximum", "minimum", "leads"),
)
RULES: dict[str, Rule] = {
    **dict.fromkeys(EACH, _each),
    "matmul": _product,
    "sum": _sum,
    **dict.fromkeys(("softmax", "log_softmax"), _normalised),
    **dict.fromkeys(("logsumexp", "log_sum_exp"), _log_sum_exp),
    **dict.fromkeys(("T", "transpose"), _transposed),
    "reshape": _reshaped,
    "broadcast_to": _broadcast,
}
CLASSES = {0: 0, 1: 0, 3: 0, 4: 0}  # of theta, b, Y and Z the rows
SAMPLES = {2: 1, 3: 1, 4: 1}  # of X, Y and Z the columns
DUE: dict[str, tuple[Mapping[int, int], Mapping[str, Axis]]] = {
    "class_permutation": (CLASSES, {"loss": None, "theta": 0, "b": 0, "D": 0, "X": None}),
    "sample_permutation": (SAMPLES, {"loss": None, "theta": None, "b": None, "D": 1, "X": 1}),
}


def follows(plan: Plan, law: str, quantity: str) -> bool:
    """Whether a quantity of a permuted problem is that of the problem, permuted: by what its plan does."""
    given, due = DUE[law]
    result = plan.results.get(quantity, ())
    if not result:
        return result is None  # the loss does not depend on it
    if len(plan.steps) != plan.alike.get(law, (0,))[0]:
        plan.alike[law] = len(plan.steps), states(plan, given)
    found = plan.alike[law][1].get(result[0])
    return found is not None and found.axis == due[quantity]
