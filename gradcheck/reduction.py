"""Making a failing problem smaller by its own structure, after Hypothesis has shrunk the choices it was drawn from.

A sample in the middle of a batch, a feature, a class or an entry can be taken away here, whatever the draws were. Greedy and
deterministic; every step is kept only if the problem still fails in the same way.
"""

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.errors import ProblemError
from gradcheck.problem import Array, Problem

Fails = Callable[[Problem], bool]
CALLS = 400  # how many smaller problems are tried at most: a limit of cost, in calls, so that it is the same everywhere


def reduce(problem: Problem, fails: Fails) -> Problem:
    """The smallest problem that is reached by taking parts away, one after the other, for as long as it fails."""
    calls = CALLS
    found = True
    while found:
        found = False
        for candidate in _smaller(problem):
            if calls == 0:
                return problem
            calls -= 1
            if fails(candidate):
                problem, found = candidate, True
                break
    return problem


def _smaller(p: Problem) -> Iterator[Problem]:
    """Simpler problems, the boldest first."""
    for keep in _fewer(p.n):
        yield from _made(p, p.theta, p.b, p.X[:, keep], p.Y[:, keep])
    for keep in _fewer(p.d):
        yield from _made(p, p.theta[:, keep], p.b, p.X[keep], p.Y)
    if p.n == p.d:  # what shows only where X is square
        for keep in _fewer(p.n):
            yield from _made(p, p.theta[:, keep], p.b, p.X[keep][:, keep], p.Y[:, keep])
    if p.L > 2:
        for keep in _fewer(p.L):
            if p.Y[keep].shape[0] >= 2 and not np.delete(p.reals[3], keep, axis=0).any():
                yield from _made(p, p.theta[keep], p.b[keep], p.X, p.Y[keep], classes=keep)
    if p.memory != "C":
        yield from _made(p, p.theta, p.b, p.X, p.Y, memory="C")
    yield from _zeroed(p)


def _fewer(size: int) -> Iterator[Array]:
    """Indices to keep: one half, the other half, then all but one."""
    everything = np.arange(size)
    if size >= 4:
        yield everything[: size // 2]
        yield everything[size // 2 :]
    if 1 < size <= 64:
        for left_out in range(size):
            yield np.delete(everything, left_out)


def _zeroed(p: Problem) -> Iterator[Problem]:
    """Each of theta, b and X: all zero, rounded to a whole number or to eighths, then single entries zero."""
    for name in ("theta", "b", "X"):
        array = getattr(p, name)
        for simpler in (np.zeros_like(array), np.round(p.reals[_PLACE[name]]), np.round(p.reals[_PLACE[name]] * 8) / 8):
            yield from _replaced(p, name, simpler)
        if array.size <= 16:
            for place in np.ndindex(array.shape):
                changed = array.copy()
                changed[place] = 0
                yield from _replaced(p, name, changed)


_PLACE = {"theta": 0, "b": 1, "X": 2}


def _replaced(p: Problem, name: str, values: Array) -> Iterator[Problem]:
    """The problem with one array replaced, if that changes it."""
    new = p.precision.round(values)
    if new.tobytes() != getattr(p, name).tobytes():
        yield from _made(p, **{**{k: getattr(p, k) for k in ("theta", "b", "X", "Y")}, name: new})


def _made(
    p: Problem, theta: Array, b: Array, X: Array, Y: Array, *, memory: str = "", classes: Array | None = None
) -> Iterator[Problem]:
    """The problem of these arrays, if it is one."""
    law = p.law if classes is None else p.law.without(np.isin(np.arange(p.L), classes).tolist())
    try:
        yield Problem(theta, b, X, Y, memory or p.memory, law)
    except ProblemError:
        return
