"""The peers on the same losses: which faults of a gradient they tell at their defaults, and which right gradients they refuse."""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.own_losses import by_torch
from benchmarks.own_losses.judged import drawn
from benchmarks.own_losses.specs import SPECS
from gradcheck.problem import Problem
from gradcheck.readings.program import plain
from gradcheck.verify import judge_gradient

FAULTS = tuple(10.0**-k for k in range(16))  # of the largest entry, relative
PEERS = {name: peers.PEERS[name] for name in ("torch gradcheck, slow", "jax check_grads", "autograd check_grads")}


def claim(problem: Problem, gradient: np.ndarray) -> peers.Claim:
    """The loss as a function of theta, and what is said to be its gradient."""
    law, rest = problem.law, {"b": problem.b, "X": problem.X, "Y": problem.Y}

    def value(theta: Any) -> Any:
        return np.asarray(plain(law, {"theta": np.asarray(theta), **rest})).astype(problem.theta.dtype)

    return peers.Claim("theta", (problem.theta,), value, lambda theta: (gradient,))


def ours(problem: Problem, gradient: np.ndarray) -> bool:
    """Whether it is not refuted."""
    return str(judge_gradient(problem, theta=gradient)["theta"].outcome) != "disagree"


def faulty(right: np.ndarray, fault: float) -> np.ndarray:
    """The largest entry off by that much."""
    found = right.copy()
    found.flat[abs(found).argmax()] *= 1 + fault
    return found


def least(accepts: Callable[[np.ndarray], bool], right: np.ndarray) -> float:
    """The least fault that is told, of a row of faults that are told; infinite where not even the gross ones are."""
    told = np.inf
    for fault in FAULTS:
        if accepts(faulty(right, fault)):
            break
        told = fault
    return told


def ask(what: tuple[str, str], *, count: int, seed: int) -> list[str]:
    """A line of each that is asked, on the same problems and the same gradients."""
    dtype, name = what
    problems: list[Problem] = []
    drawn(SPECS[name], dtype, 4 * count, seed, problems.append)
    told: dict[str, list[float]] = {}
    refused: dict[str, int] = {}
    for problem in [p for p in problems if p.theta.size <= 64][:count]:
        arrays = problem.theta, problem.b, problem.X, problem.Y
        right = by_torch.gradients(name, SPECS[name].takes.arrays, arrays)[1]["theta"].astype(problem.theta.dtype)
        if not np.isfinite(right).all() or not right.any():
            continue
        asked: dict[str, Callable[[np.ndarray], bool]] = {
            "gradcheck": lambda g, p=problem: ours(p, g),
            **{peer: lambda g, p=problem, by=by: by(claim(p, g)) for peer, by in PEERS.items()},
        }
        for who, accepts in asked.items():
            found = told.setdefault(who, [])
            if accepts(right):
                found.append(least(accepts, right))
            else:  # who refuses what is right has told nothing
                refused[who] = refused.get(who, 0) + 1
    return [
        f"{name:<13} {dtype:<8} {who:<22} {len(found) + refused.get(who, 0):>4} problems, "
        f"refuses {refused.get(who, 0)} right ones, tells {f'{statistics.median(found):.0e}' if found else 'nothing'}"
        for who, found in told.items()
    ]
