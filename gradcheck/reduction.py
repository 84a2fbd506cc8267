"""Making a failing problem smaller by its own structure: samples, features and classes taken away, numbers made simple.

Greedy and deterministic; every step is kept only if the problem still fails in the same way. A sample in the middle of a batch, a
feature, a class or an entry can be taken away, whatever the draws were that it came from.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gradcheck import simpler
from gradcheck.errors import ProblemError
from gradcheck.problem import Array, Problem

Fails = Callable[[Problem], bool]
CALLS = 400  # how many smaller problems are tried at most: a limit of cost, in calls, so that it is the same everywhere
LARGE = 1024  # numbers of a problem that are tried at the price of one call
PLACES = 16  # at which parts of one length are taken out of a long side
_PLACE = {"theta": 0, "b": 1, "X": 2}


def reduce(problem: Problem, fails: Fails, calls: int = CALLS) -> Problem:
    """The smallest problem that is reached by taking parts away, one after the other, for as long as it fails."""
    return Reduction(problem, fails, calls).run()


class Reduction:
    """The smallest problem so far, and how many calls are left."""

    def __init__(self, problem: Problem, fails: Fails, calls: int) -> None:
        self.problem, self.fails, self.calls = problem, fails, calls
        self.tried = {problem.digest}

    def run(self) -> Problem:
        """Every kind of step, again and again, until none makes it smaller."""
        before = ""
        while before != self.problem.digest and self.calls > 0:
            before = self.problem.digest
            for step in (self._memory, self._sides, self._labels, self._values, self._entries):
                step()
        return self.problem

    def take(self, candidates: Iterable[Problem]) -> bool:
        """Whether one of them fails, too: then it is the problem from here on."""
        for candidate in candidates:
            if candidate.digest in self.tried:
                continue
            cost = 1 + candidate.entries // LARGE
            if cost > self.calls:
                return False
            self.tried.add(candidate.digest)
            self.calls -= cost
            if self.fails(candidate):
                self.problem = candidate
                return True
        return False

    def _memory(self) -> None:
        p = self.problem
        if p.memory != "C":
            self.take(_made(p, p.theta, p.b, p.X, p.Y, memory="C"))

    def _sides(self) -> None:
        for sides in (("n",), ("L",), ("d",), ("n", "d"), ("L", "n"), ("L", "d")):
            if len({getattr(self.problem, side) for side in sides}) == 1:  # what shows only in a square
                self._halved(sides)
                self._shortened(sides)

    def _halved(self, sides: tuple[str, ...]) -> None:
        """As much as can be taken from the beginning of a long side, then from its end: what begins at a size fails beyond it."""
        if getattr(self.problem, sides[0]) <= PLACES:
            return
        for beginning in (True, False):
            passes = 0  # the largest size that does not fail
            while (size := getattr(self.problem, sides[0])) - passes > 1:
                middle = (size + passes) // 2
                left = np.arange(size)[-middle:] if beginning else np.arange(middle)
                if not self.take(kept(self.problem, sides, left)):
                    passes = middle

    def _shortened(self, sides: tuple[str, ...]) -> None:
        """Parts taken out of these sides, of half their length and less, down to one."""
        size = getattr(self.problem, sides[0])
        part = max(size // 2, 1)
        while part:
            start = 0
            while start < (size := getattr(self.problem, sides[0])) and self.calls > 0:
                left = np.delete(np.arange(size), slice(start, start + part))
                if not (left.size and self.take(kept(self.problem, sides, left))):
                    start += max(part, size // PLACES)
            part //= 2

    def _labels(self) -> None:
        """All of class 0, of one class, then one sample after the other."""
        self.take(labelled for k in range(self.problem.L) for labelled in _of_class(self.problem, k))
        for i in range(min(self.problem.n, PLACES)):
            self.take(_of_class(self.problem, 0, [i]))

    def _values(self) -> None:
        """Each of theta, b and X as a whole."""
        for name in _PLACE:
            while self.take(_simpler(self.problem, name, ...)):
                pass

    def _entries(self) -> None:
        """Their numbers, one by one."""
        for name in _PLACE:
            shape = getattr(self.problem, name).shape
            if np.prod(shape) <= PLACES:
                for place in np.ndindex(shape):
                    while self.take(_simpler(self.problem, name, place)):
                        pass


def kept(p: Problem, sides: tuple[str, ...], left: Array) -> Iterator[Problem]:
    """The problem with these samples, features or classes alone. Labels of other classes go to the first that is left."""
    theta, b, X, Y, classes = p.theta, p.b, p.X, p.Y, None
    if "n" in sides:
        X, Y = X[:, left], Y[:, left]
    if "d" in sides:
        theta, X = theta[:, left], X[left]
    if "L" in sides:
        if left.size < 2:
            return
        theta, b, Y, classes = theta[left], b[left], Y[left].copy(), left
        lost = Y.sum(axis=0) != (p.Y[:, left] if "n" in sides else p.Y).sum(axis=0)
        Y[:, lost] = np.eye(left.size, 1, dtype=Y.dtype)
    yield from _made(p, theta, b, X, Y, classes=classes)


def _of_class(p: Problem, label: int, samples: list[int] | slice = slice(None)) -> Iterator[Problem]:
    """The problem with these samples in one class; a sample without a label keeps none."""
    Y = p.Y.copy()
    Y[:, samples] = np.where(np.arange(p.L)[:, np.newaxis] == label, (Y[:, samples] > 0).any(axis=0), 0)
    if label == 0 or (p.Y > 0).any(axis=1).sum() > 1:
        yield from _made(p, p.theta, p.b, p.X, Y)


def _simpler(p: Problem, name: str, place: Any) -> Iterator[Problem]:
    """The problem with one array, or one number of it, in the place of which stands something simpler."""
    array = getattr(p, name)
    for values in simpler.than(p.reals[_PLACE[name]][place]):
        new = p.precision.round(np.asarray(values))
        if simpler.cost(new) < simpler.cost(array[place]):
            changed = array.copy()
            changed[place] = new
            yield from _made(p, **{**{k: getattr(p, k) for k in ("theta", "b", "X", "Y")}, name: changed})


def _made(
    p: Problem, theta: Array, b: Array, X: Array, Y: Array, *, memory: str = "", classes: Array | None = None
) -> Iterator[Problem]:
    """The problem of these arrays, if it is one."""
    law = p.law if classes is None else p.law.without(np.isin(np.arange(p.L), classes).tolist())
    try:
        yield Problem(theta, b, X, Y, memory or p.memory, law)
    except ProblemError:
        return
