"""How an implementation behaves as a program: shapes, dtypes, its inputs, its memory, NaN and infinity."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import KEYS, Trial, describe
from gradcheck.problem import Array
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]
Call = tuple[str, Callable[[Trial], tuple[Array, ...]]]

# How each function is called with the arrays of the problem: name -> its arguments, fresh on each call.
ARGUMENTS: dict[str, Callable[[Trial], tuple[Array, ...]]] = {
    "gradients": lambda trial: trial.problem.arrays(),
    "loss": lambda trial: trial.problem.arrays(),
    "logits": lambda trial: trial.problem.arrays()[:3],
    "softmax": lambda trial: (trial.posed(trial.Z),),
    "softmax_jacobian": lambda trial: (trial.problem.precision.round(trial.Z[:, trial.column]),),
}
PARAMETERS = {
    "gradients": ("theta", "b", "X", "Y"),
    "loss": ("theta", "b", "X", "Y"),
    "logits": ("theta", "b", "X"),
    "softmax": ("Z",),
    "softmax_jacobian": ("z",),
}


def results(trial: Trial) -> Iterator[tuple[str, Any]]:
    """Each array that the implementation returned for the problem, with its name and shape due."""
    raw = {"logits": trial.raw_logits, "softmax": trial.raw_softmax, "softmax_jacobian": trial.raw_jacobian}
    if trial.implementation.gradients is not None:
        yield from ((f"gradients[{key!r}]", trial.raw_gradients()[key]) for key in KEYS if key in trial.raw_gradients())
    for name, get in raw.items():
        if getattr(trial.implementation, name) is not None:
            yield name, get()


def shapes(trial: Trial) -> dict[str, tuple[int, ...]]:
    """The shape that each result must have."""
    p = trial.problem
    gradients = {"gradients['theta']": p.theta.shape, "gradients['b']": p.b.shape, "gradients['Z']": p.Y.shape}
    return {**gradients, "logits": p.Y.shape, "softmax": p.Y.shape, "softmax_jacobian": (p.L, p.L)}


def called_twice(trial: Trial, name: str) -> tuple[Any, Any, Any]:
    """The first result, a copy of it taken before the second call, and the second result."""
    first = trial.call(name, *ARGUMENTS[name](trial))
    kept = snapshot(first)
    return first, kept, trial.call(name, *ARGUMENTS[name](trial))


def snapshot(result: Any) -> dict[str, Array]:
    """A copy of everything numerical in a result, by name."""
    if isinstance(result, dict):
        return {str(key): np.array(value) for key, value in result.items()}
    return {"": np.array(result)}


def same(left: dict[str, Array], right: dict[str, Array]) -> bool:
    """Bit for bit, NaN included."""
    return left.keys() == right.keys() and all(
        left[key].shape == right[key].shape and left[key].tobytes() == right[key].tobytes() for key in left
    )


@check(needs=())
def shape_and_dtype(trial: Trial) -> Found:
    """Every result has exactly the shape of the mathematics and the dtype of its inputs."""
    due = shapes(trial)
    for name, raw in results(trial):
        value = raw if isinstance(raw, np.ndarray) else np.asarray(raw)
        if value.shape != due[name]:
            yield found(f"{name} has shape {value.shape}; expected {due[name]}")
        elif value.dtype != trial.problem.theta.dtype:
            yield found(f"{name} has dtype {value.dtype}; expected {trial.problem.theta.dtype}, as its inputs")
    if trial.implementation.loss is not None and np.ndim(trial.raw_loss()) != 0:
        yield found(f"loss returned {describe(trial.raw_loss())}; expected one number")
    yield AGREED


@check(needs=())
def inputs_unchanged(trial: Trial) -> Found:
    """No function writes into the arrays that it is given."""
    for name in trial.implementation.offers:
        given = ARGUMENTS[name](trial)
        kept = [array.copy() for array in given]
        trial.call(name, *given)
        for parameter, before, after in zip(PARAMETERS[name], kept, given, strict=True):
            if before.tobytes() != after.tobytes():
                yield found(f"{name} changed its input {parameter}")
    yield AGREED


@check(needs=(), turn=3)
def repeatable(trial: Trial) -> Found:
    """A second call gives the same bits, and leaves the first result alone."""
    for name in trial.implementation.offers:
        first, kept, second = called_twice(trial, name)
        if not same(snapshot(first), kept):
            yield found(f"a second call of {name} changed the result of the first: both live in one buffer")
        elif not same(kept, snapshot(second)):
            yield found(f"a second call of {name} with the same arrays gave another result")
    yield AGREED


@check(needs=())
def finite(trial: Trial) -> Found:
    """No NaN and no infinity where the exact value is finite."""
    bounded = {"logits": "Z", "gradients['theta']": "theta", "gradients['b']": "b", "gradients['Z']": "D"}
    checked = list(results(trial))
    if trial.implementation.loss is not None:
        checked.append(("loss", trial.loss()))
        bounded["loss"] = "loss"
    for name, raw in checked:
        value = np.asarray(raw).astype(float)
        quantity = bounded.get(name)
        due = np.ones(value.shape, dtype=bool)
        if quantity is not None and value.shape == trial.truth.enclosure(quantity).midpoint.shape:
            due = np.isfinite(trial.truth.enclosure(quantity).midpoint) & np.isfinite(trial.truth.allowed(quantity))
        wrong = ~np.isfinite(value) & due
        if wrong.any():
            place = [int(k) for k in np.argwhere(wrong)[0]]
            yield found(f"{name}{place or ''} is {value[wrong][0]}, but the exact value is finite")
    yield AGREED
