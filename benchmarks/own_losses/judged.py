"""Correct gradients judged by the specification of their loss: what is refused, what is judged, and how small a fault is told."""

import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.own_losses.specs import SPECS
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import CHECKS, Trial
from gradcheck.drawing import pose
from gradcheck.implementations import Implementation
from gradcheck.implementations.takes import Takes
from gradcheck.law import CrossEntropy, Loss
from gradcheck.problem import Problem
from gradcheck.verify import GRADIENTS

FRAMEWORKS = ("torch", "jax")
JUDGED = {**GRADIENTS, "loss": "loss"}
SMALL = 10  # a logit z is off by u|z| before anything is made of it, whatever the loss is: what is told follows from its size


@dataclass
class Row:
    """Of one loss, dtype and framework."""

    loss: str
    dtype: str
    framework: str
    problems: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    told: list[float] = field(default_factory=list)
    told_of_small: list[float] = field(default_factory=list)  # where logits are at most SMALL
    refused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        judged = self.outcomes["agree"] / max(1, sum(self.outcomes.values()))
        return (
            f"{self.loss:<13} {self.dtype:<8} {self.framework:<5} {self.problems:>6} problems, refused {len(self.refused)}, "
            f"judged {judged:6.1%}, worst {self.worst:.2f}, {self.tells()}"
        )

    def tells(self) -> str:
        told, small = (statistics.median(each) if each else np.nan for each in (self.told, self.told_of_small))
        return f"tells {told:.1e}, {small:.1e} where |Z| <= {SMALL}"


def drawn(law: Loss | CrossEntropy, dtype: str, count: int, seed: int, body: Callable[[Problem], None]) -> None:
    """Problems of a run, of few shapes as JAX compiles for each; every label is of one class."""
    it = Implementation("given", gradients=lambda *arrays: {}, law=law, takes=Takes(compiles=True))

    def posed(problem: Problem) -> None:
        L = problem.Y.shape[0]
        Y = np.eye(L)[:, np.asarray(problem.Y, dtype=np.float64).argmax(axis=0)].astype(problem.Y.dtype)
        body(Problem(problem.theta, problem.b, problem.X, Y, law=law))

    pose(posed, dtype=dtype, regimes=("*",), seed=seed, count=count, shrink=False, implementation=it)


def judge(row: Row, law: Loss, problem: Problem, found: tuple[float, dict[str, Any]]) -> None:
    """One problem's loss and gradients."""
    value, gradients = found
    flushed = Arithmetic(subnormals="flushed") if row.framework == "jax" else Arithmetic()
    it = Implementation("given", lambda *arrays: gradients, lambda *arrays: value, law=law, arithmetic=flushed)
    trial = Trial(it, problem)
    row.problems += 1
    for name in (*gradients, "loss"):
        if name not in ("loss", *law.takes.arrays) and not law.of_Z:
            continue  # the loss does not depend on it
        outcome = str(CHECKS[JUDGED[name]].judge(trial).outcome)
        row.outcomes[outcome] += 1
        if outcome not in ("agree", "inconclusive"):
            row.refused.append(f"{name} {outcome} of {problem!r}")
        quantity = "D" if name == "Z" else name
        truth, allowed = trial.truth.enclosure(quantity), trial.truth.allowed(quantity)
        limit = np.ravel(allowed + truth.radius)
        got = np.ravel(value if name == "loss" else gradients[name])
        known = np.isfinite(limit) & (limit > 0)
        with np.errstate(all="ignore"):
            off = abs(got - np.ravel(truth.midpoint))[known] / limit[known]
        row.worst = max(row.worst, float(np.nanmax(off, initial=0.0)))
    if "theta" in gradients:
        told(row, trial)


def told(row: Row, trial: Trial) -> None:
    """The least relative fault of the largest entry of the gradient of theta that disagrees, whatever rounding does to it."""
    truth = trial.truth.enclosure("theta")
    exact, limit = abs(np.ravel(truth.midpoint)), np.ravel(trial.truth.allowed("theta") + truth.radius)
    top = int(exact.argmax())
    if exact[top] > 0:
        least = float(limit[top] / exact[top])
        row.told.append(least)
        theta, b, X = trial.problem.reals[:3]
        if abs(theta @ X + b).max() <= SMALL:
            row.told_of_small.append(least)


def by_hand(dtype: str, count: int, seed: int) -> Row:
    """What is told of the plain cross-entropy by the bounds of docs/bounds.md: a text of a loss can hardly be sharper."""
    row, law = Row("cross-entropy", dtype, "hand"), CrossEntropy()

    def body(problem: Problem) -> None:
        row.problems += 1
        with np.errstate(all="ignore"):
            told(row, Trial(Implementation("given", lambda *arrays: {}, law=law), problem))

    drawn(law, dtype, count, seed, body)
    return row


def measure(what: tuple[str, str, str], *, traced: bool, count: int, seed: int) -> Row:
    """Of so many problems; `traced`: by the equations of the loss in JAX."""
    dtype, name, framework = what
    row, law = Row(name, dtype, framework), SPECS[name]
    if traced:
        law = Loss.traced(getattr(import_module("benchmarks.own_losses.by_jax"), name))
    by = import_module(f"benchmarks.own_losses.by_{framework}")

    def body(problem: Problem) -> None:
        with np.errstate(all="ignore"):
            arrays = problem.theta, problem.b, problem.X, problem.Y
            judge(row, law, problem, by.gradients(name, law.takes.arrays, arrays))

    drawn(law, dtype, count, seed, body)
    return row
