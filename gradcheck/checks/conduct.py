"""How an implementation behaves as a program: shapes, dtypes, its inputs, its memory, NaN and infinity."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import ARGUMENTS, Skip, Trial, as_array, as_numbers, describe, guarded
from gradcheck.implementations.layout import KEYS, named
from gradcheck.implementations.record import PARAMETERS
from gradcheck.problem import Array
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]


def results(trial: Trial) -> Iterator[tuple[str, Any]]:
    """Each array that the implementation returned for the problem, with its name and shape due."""
    if trial.implementation.gradients is not None:
        yield from ((f"gradients[{key!r}]", trial.raw_gradients()[key]) for key in KEYS if key in trial.raw_gradients())
    for name in ("logits", "softmax", "softmax_jacobian"):
        if name in trial.implementation.offers:
            yield name, trial.first(name)


def shapes(trial: Trial) -> dict[str, tuple[int, ...]]:
    """The shape that each result must have."""
    p = trial.problem
    gradients = {"gradients['theta']": p.theta.shape, "gradients['b']": p.b.shape, "gradients['Z']": p.Y.shape}
    return {**gradients, "logits": p.Y.shape, "softmax": p.Y.shape, "softmax_jacobian": (p.L, p.L)}


def elsewhere(trial: Trial) -> Trial:
    """Another problem of the same shape, with other values: theta and b negated, and every sample in the place of the next."""
    p = trial.problem
    b = np.where(p.masked[:, np.newaxis], p.b, -p.b).astype(p.b.dtype)
    other = p.with_arrays(-p.theta, b, np.roll(p.X, 1, axis=1), np.roll(p.Y, 1, axis=1))
    return Trial(trial.implementation, other)


def snapshot(result: Any) -> dict[str, Array]:
    """A copy of everything numerical in a result, by name."""
    found = guarded("a function", result, named)
    parts = guarded("a function", found, dict) if isinstance(found, Mapping) else {"": found}
    return {str(key): as_array(f"entry {str(key)!r}", value).copy() for key, value in parts.items()}


def identical(left: Array, right: Array) -> bool:
    """Of one shape, and bit for bit the same, NaN included."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()


def same(left: dict[str, Array], right: dict[str, Array]) -> bool:
    """The same for results with several parts."""
    return left.keys() == right.keys() and all(identical(left[key], right[key]) for key in left)


@check(needs=())
def shape_and_dtype(trial: Trial) -> Found:
    """Every result has exactly the shape of the mathematics and the dtype of its inputs."""
    due = shapes(trial)
    for name, raw in results(trial):
        value = as_array(name, raw)
        if value.shape != due[name]:
            yield found(f"{name} has shape {value.shape}; expected {due[name]}")
        elif value.dtype != trial.problem.theta.dtype:
            yield found(f"{name} has dtype {value.dtype}; expected {trial.problem.theta.dtype}, as its inputs")
    if trial.implementation.loss is not None and as_array("loss", trial.first("loss")).ndim != 0:
        yield found(f"loss returned {describe(trial.first('loss'))}; expected one number")
    yield AGREED


@check(needs=())
def inputs_unchanged(trial: Trial) -> Found:
    """No function writes into the arrays that it is given."""
    if trial.implementation.copies:
        raise Skip("it is another program, which is handed copies of the arrays")
    for name in trial.implementation.offers:
        trial.first(name)
        for parameter, before, after in zip(PARAMETERS[name], ARGUMENTS[name](trial), trial.given[name], strict=True):
            if before.tobytes() != after.tobytes():
                yield found(f"{name} changed its input {parameter}")
    yield AGREED


@check(needs=(), turns=(3,))
def repeatable(trial: Trial) -> Found:
    """A second call gives the same bits, and a call with other numbers in between leaves the first result alone."""
    other = elsewhere(trial)
    for name in trial.implementation.offers:
        first = trial.call(name, *ARGUMENTS[name](trial))
        raw = getattr(
            trial.function(name), "raw", first
        )  # as the code returned it, where a layout has converted it since
        kept, kept_raw = snapshot(first), snapshot(raw)
        trial.call(name, *ARGUMENTS[name](other))
        if not same(snapshot(first), kept) or not same(snapshot(raw), kept_raw):
            yield found(f"a later call of {name} changed the result of an earlier one: both live in one buffer")
            continue
        # after the other call, and at once: the second of these shows what alternates
        again = [snapshot(trial.call(name, *ARGUMENTS[name](trial))) for _ in range(2)]
        if not all(same(kept, result) for result in again):
            yield found(f"a second call of {name} with the same arguments gave another result")
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
        value = as_numbers(name, raw)
        if np.isfinite(value).all():
            continue
        quantity = bounded.get(name)
        due = np.ones(value.shape, dtype=bool)
        if quantity is not None and value.shape == trial.truth.enclosure(quantity).midpoint.shape:
            due = np.isfinite(trial.truth.enclosure(quantity).midpoint) & np.isfinite(trial.truth.allowed(quantity))
        wrong = ~np.isfinite(value) & due
        if wrong.any():
            place = [int(k) for k in np.argwhere(wrong)[0]]
            yield found(f"{name}{place or ''} is {value[wrong][0]}, but the exact value is finite")
    yield AGREED
