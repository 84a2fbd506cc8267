"""Problems of the shape of another one, in small whole numbers, so that a change of any argument shows in every result."""

from collections.abc import Callable

import numpy as np

from gradcheck.checks.reading import Skip
from gradcheck.checks.trial import Trial
from gradcheck.problem import Array, Problem

NUMBERS = np.array([1, -1, 2, -2, 0])
SEEN = 2  # features that are not 0: logits stay small, whatever d is


def numbers(like: Array, turn: int) -> Array:
    """An array of this shape and dtype; another turn, other numbers in every place."""
    more, turn = divmod(turn, len(NUMBERS))
    return (NUMBERS[(3 * np.arange(like.size) + turn) % len(NUMBERS)] + more).reshape(like.shape).astype(like.dtype)


def _theta(p: Problem, turn: int) -> Array:
    return numbers(p.theta, turn)


def _b(p: Problem, turn: int) -> Array:
    return np.where(p.masked[:, np.newaxis], p.b, numbers(p.b, turn + 1)).astype(p.b.dtype)


def _X(p: Problem, turn: int) -> Array:
    """1 and -1 in turns, and in the first features alone."""
    signs = NUMBERS[(np.add.outer(np.arange(p.d), np.arange(p.n)) + turn) % 2]
    return np.where(np.arange(p.d)[:, np.newaxis] < SEEN, signs, 0).astype(p.X.dtype)


def _Y(p: Problem, turn: int) -> Array:
    """The labels of the problem itself, each moved on to the next class that may have one."""
    may = np.flatnonzero(~p.masked & (np.arange(p.L) != (-1 if p.law.ignore is None else p.law.ignore)))
    Y = p.Y.copy()
    Y[may] = np.roll(Y[may], turn, axis=0)
    return Y


MADE: dict[str, Callable[[Problem, int], Array]] = {"theta": _theta, "b": _b, "X": _X, "Y": _Y}


def posed(trial: Trial, **turns: int) -> Trial:
    """The trial of a plain problem of the shape of this one; each argument at its turn, 0 where none is said."""
    found: Trial = trial.remember(("plain", *sorted(turns.items())), lambda: _posed(trial, turns))
    return found


def unseen(trial: Trial, turn: int) -> Trial:
    """With every argument at this turn."""
    return posed(trial, **dict.fromkeys(MADE, turn))


def like(trial: Trial) -> tuple[Trial, Trial]:
    """Two problems that differ from a plain one as little as may be, and in all its numbers: doubled, so that signs and ties stay;
    and larger by a unit in the last place. Wherever numbers alone make code wrong, these do."""
    return _times(trial, 2.0), _times(trial, 1 + 2 * trial.problem.precision.u)


def _times(trial: Trial, factor: float) -> Trial:
    p = trial.problem
    whole = factor == 2.0 or p.memory != "integers"
    theta, b, X = (p.precision.round(factor * array) for array in p.reals[:3])
    return Trial(trial.implementation, p.with_arrays(theta, b, X if whole else p.X, p.Y))


def _posed(trial: Trial, turns: dict[str, int]) -> Trial:
    own = trial.problem
    arrays = [make(own, turns.get(name, 0)) for name, make in MADE.items()]
    found = Trial(trial.implementation, own.with_arrays(*arrays))
    if found.refused:
        raise Skip(found.refused)
    return found
