"""How an implementation behaves as a program: shapes, dtypes, its inputs, its memory, NaN and infinity."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.checks import bars
from gradcheck.checks.reading import as_array, as_numbers, describe
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import ARGUMENTS, Trial
from gradcheck.checks.values import jacobian_truth
from gradcheck.enclosure import Reals
from gradcheck.implementations import returned
from gradcheck.implementations.record import PARAMETERS
from gradcheck.implementations.returned import KEYS
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]


def results(trial: Trial) -> Iterator[tuple[str, Any]]:
    """Each array that the implementation returned for the problem, with its name and shape due."""
    if trial.implementation.gradients is not None:
        yield from ((f"gradients[{key!r}]", trial.raw_gradients()[key]) for key in KEYS if key in trial.raw_gradients())
    for name in ("logits", "softmax", "softmax_jacobian"):
        if name in trial.implementation.offers:
            yield name, trial.first(name)


QUANTITIES = {
    "logits": "Z",
    "loss": "loss",
    "gradients['theta']": "theta",
    "gradients['b']": "b",
    "gradients['Z']": "D",
    "gradients['X']": "X",
}


def allowed(trial: Trial, name: str) -> Reals | None:
    """What rounding may do to a result of that name; infinite where the exact value is, or where anything may overflow."""
    if name == "softmax":
        return trial.A[1].A
    if name == "softmax_jacobian":
        return jacobian_truth(trial)[1]
    if name not in QUANTITIES:
        return None
    quantity = QUANTITIES[name]
    exact = trial.truth.enclosure(quantity).midpoint
    return np.where(np.isfinite(exact), trial.truth.allowed(quantity), np.inf)


def shapes(trial: Trial) -> dict[str, tuple[int, ...]]:
    """The shape that each result must have."""
    p = trial.problem
    gradients = {f"gradients[{key!r}]": shape for key, shape in returned.shapes(p).items()}
    return {**gradients, "logits": p.Y.shape, "softmax": p.Y.shape, "softmax_jacobian": (p.L, p.L)}


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


@check(needs=(), bars=(bars.in_copies,))
def inputs_unchanged(trial: Trial) -> Found:
    """No function writes into the arrays that it is given."""
    for name in trial.implementation.offers:
        trial.first(name)
        for parameter, before, after in zip(PARAMETERS[name], ARGUMENTS[name](trial), trial.given[name], strict=True):
            if before.tobytes() != after.tobytes():
                yield found(f"{name} changed its input {parameter}")
    yield AGREED


@check(needs=())
def finite(trial: Trial) -> Found:
    """No NaN and no infinity where the exact value is finite."""
    checked = list(results(trial))
    if trial.implementation.loss is not None:
        checked.append(("loss", trial.loss()))
    for name, raw in checked:
        value = as_numbers(name, raw)
        if np.isfinite(value).all():
            continue
        due = np.ones(value.shape, dtype=bool)
        bound = allowed(trial, name)
        if bound is not None and value.shape == bound.shape:
            due = np.isfinite(bound)
        wrong = ~np.isfinite(value) & due
        if wrong.any():
            place = [int(k) for k in np.argwhere(wrong)[0]]
            yield found(f"{name}{place or ''} is {value[wrong][0]}, but the exact value is finite")
    yield AGREED
