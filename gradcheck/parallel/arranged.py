"""Problems as ranks may meet them: what makes one rank unlike the others. Made of a drawn problem, and the same for the same."""

from collections.abc import Callable

import numpy as np

from gradcheck.problem import Array, Problem
from gradcheck.shares import Shares

Made = Callable[[Problem, Shares, int], Problem]


def as_drawn(problem: Problem, shares: Shares, r: int) -> Problem:
    """Nothing is changed."""
    return problem


def labels_of_one(problem: Problem, shares: Shares, r: int) -> Problem:
    """Every label is a class of one rank."""
    classes = _part(problem.L, shares.ranks, r)
    free = classes[~problem.masked[classes] & (classes != problem.law.ignore)]  # whose number no sample that counts has
    index = problem.Y.argmax(axis=0)
    if not (shares.by_classes and len(free)):
        return problem
    return problem.with_arrays(problem.theta, problem.b, problem.X, _one_hot(problem.Y, free[index % len(free)]))


def largest_of_one(problem: Problem, shares: Shares, r: int) -> Problem:
    """The largest logit of each sample is of one rank, by a bias."""
    rows = _part(problem.L, shares.ranks, r)
    more = np.zeros((problem.L, 1))
    more[rows] = 64.0
    return problem.with_arrays(problem.theta, problem.precision.round(problem.reals[1] + more), problem.X, problem.Y)


def ignored_on_one(problem: Problem, shares: Shares, r: int) -> Problem:
    """No sample of one rank counts; all of the others do, so that ranks count differently."""
    return _ignored(problem, _part(problem.n, shares.ranks, r))


def some_ignored_on_one(problem: Problem, shares: Shares, r: int) -> Problem:
    """Of one rank, the first half does not count."""
    rows = _part(problem.n, shares.ranks, r)
    return _ignored(problem, rows[: (len(rows) + 1) // 2])


def _ignored(problem: Problem, at: Array) -> Problem:
    if problem.law.ignore is None or len(at) == problem.n:
        return problem
    Y = _one_hot(problem.Y, problem.Y.argmax(axis=0))
    Y[:, at] = 0
    ignore = problem.law.ignore
    if 0 <= ignore < problem.L and Y[ignore].any():
        return problem
    return problem.with_arrays(problem.theta, problem.b, problem.X, Y)


def _part(count: int, ranks: int, r: int) -> Array:
    return np.array_split(np.arange(count), ranks)[r % ranks]


def _one_hot(Y: Array, index: Array) -> Array:
    """Of these classes, where a sample counts."""
    found = np.zeros_like(Y)
    found[index, np.arange(Y.shape[1])] = 1
    return np.where(Y.astype(float).sum(axis=0) > 0, found, np.zeros_like(found))


KINDS: tuple[Made, ...] = (
    as_drawn, labels_of_one, largest_of_one, ignored_on_one, as_drawn, some_ignored_on_one,
)  # fmt: skip


def arranged(problem: Problem, shares: Shares, number: int) -> Problem:
    """The problem of that number in a run: the kinds take turns, and in each the ranks."""
    turn, kind = divmod(number, len(KINDS))
    return KINDS[kind](problem, shares, turn % shares.ranks)
