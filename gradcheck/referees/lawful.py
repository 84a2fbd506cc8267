"""Which laws hold for a loss of one's own: those that it declares, and those found to hold, with balls, on a few fixed problems.

A law that is found is no theorem about every problem; a check that poses it is judged by the truth of what it poses.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.errors import Unusable
from gradcheck.law.own import LAWS, Loss
from gradcheck.problem import Problem
from gradcheck.referees import own

Pair = tuple[Enclosure, Enclosure]  # which would be one truth
SHAPES = ((3, 2, 4), (4, 3, 5), (2, 2, 3))
GRID = 2.0**24
NEAR = 2.0**-30  # of the largest entry: two numbers that are so near by chance are one of a thousand million


def of(law: Loss) -> frozenset[str]:
    """The checks of these laws; `Unusable` where one is declared that does not hold."""
    return _of(law, law.holds)


@lru_cache(maxsize=64)
def _of(law: Loss, declared: tuple[str, ...]) -> frozenset[str]:
    problems = [problem.with_law(law) for problem in _problems()]
    found = set()
    for check in LAWS:
        agreed = [one for problem in problems for one in _agreed(check, problem)]
        if check in declared and False in agreed:
            raise Unusable(law.line(f"does not have the law {check}, which is declared to hold"))
        if check in declared or (agreed and all(agreed)):
            found.add(check)
    return frozenset(found)


def _agreed(check: str, problem: Problem) -> Iterator[bool | None]:
    """Of each pair; of a loss that takes another number of classes nothing is known."""
    try:
        yield from map(_one, HOLD[check](problem))
    except Unusable:
        yield None


def _one(pair: Pair) -> bool | None:
    """Whether two enclosures are of one truth; None where they are too wide to say so."""
    one, other = pair
    size = max(abs(one.midpoint).max(initial=0.0), abs(other.midpoint).max(initial=0.0))
    if not one.meets(other):
        return False
    wide = one.radius + other.radius
    return True if (wide <= NEAR * size).all() else None


def _problems() -> Iterator[Problem]:
    """Small ones: one with one-hot labels, others with labels of several classes. Parameters can be shifted exactly."""
    draw = np.random.default_rng(20)
    for k, (L, d, n) in enumerate(SHAPES):
        Y = np.eye(L)[:, draw.integers(0, L, n)]
        if k == 1:
            Y = (draw.integers(1, 5, (L, n)) / 4).round(2)
            Y = np.exp2(np.floor(np.log2(Y / Y.sum(axis=0))))
            Y[0] += 1 - Y.sum(axis=0)
        theta, b = (np.round(draw.standard_normal(shape) * GRID) / GRID for shape in ((L, d), (L, 1)))
        yield Problem(theta, b, draw.standard_normal((d, n)), Y)


def _truth(problem: Problem, quantity: str) -> Enclosure:
    return own.truth(problem).enclosure(quantity)


def of_Z(problem: Problem) -> bool:
    """Whether the loss is one of Z = theta X + b."""
    return isinstance(problem.law, Loss) and problem.law.of_Z


def _gradients(problem: Problem) -> tuple[str, ...]:
    return ("theta", "b", "X", *(("D",) if of_Z(problem) else ()))


def classes(problem: Problem) -> Problem:
    """With every class in the place of the next."""
    theta, b, Y = (np.roll(array, 1, axis=0) for array in (problem.theta, problem.b, problem.Y))
    return problem.with_arrays(theta, b, problem.X, Y)


def samples(problem: Problem) -> Problem:
    """With every sample in the place of the next."""
    X, Y = (np.roll(array, 1, axis=1) for array in (problem.X, problem.Y))
    return problem.with_arrays(problem.theta, problem.b, X, Y)


def twice(problem: Problem) -> Problem:
    """With every sample twice."""
    X, Y = (np.concatenate([array, array], axis=1) for array in (problem.X, problem.Y))
    return problem.with_arrays(problem.theta, problem.b, X, Y)


def shifted(problem: Problem) -> Problem:
    """With a constant added to the logits of each sample: to all rows of theta one row, of a loss of Z, and to b a number."""
    theta, b = problem.reals[:2]
    if of_Z(problem):
        theta = theta + _size(theta) * (-1.0) ** np.arange(problem.d)
    theta, b = (problem.precision.round(array) for array in (theta, b + 2 * _size(b)))
    return problem.with_arrays(theta, b, problem.X, problem.Y)


def _size(array: Reals) -> float:
    """A power of two about as large as the largest entry, 1 where all are 0."""
    return float(2.0 ** (np.frexp(abs(array).max(initial=0.0))[1] - 1)) if array.any() else 1.0


def _shift(problem: Problem) -> Iterator[Pair]:
    """Gradients and loss; of a loss without b, and of no logits, nothing is claimed."""
    law = problem.law
    if of_Z(problem) or (isinstance(law, Loss) and law.takes is not None and "b" in law.takes.arrays):
        for name in ("loss", *_gradients(problem)):
            yield _truth(problem, name), _truth(shifted(problem), name)


def _permuted(
    turn: Callable[[Problem], Problem], axis: int, fixed: tuple[str, ...]
) -> Callable[[Problem], Iterator[Pair]]:
    def pairs(problem: Problem) -> Iterator[Pair]:
        for name in _gradients(problem):
            one, other = _truth(problem, name), _truth(turn(problem), name)
            if name not in fixed:
                one = Enclosure(np.roll(one.midpoint, 1, axis), np.roll(one.radius, 1, axis))
            yield one, other

    return pairs


def _same_twice(*names: str) -> Callable[[Problem], Iterator[Pair]]:
    return lambda problem: ((_truth(problem, name), _truth(twice(problem), name)) for name in names)


def _sums(name: str) -> Callable[[Problem], Iterator[Pair]]:
    """The sums over the classes, in sizes of what is added up and moved by 1, and 1."""

    def pairs(problem: Problem) -> Iterator[Pair]:
        if name not in _gradients(problem):
            return
        value = _truth(problem, name)
        total, size = value.midpoint.sum(axis=0), abs(value.midpoint).sum(axis=0)
        off = value.radius.sum(axis=0) + 2 * problem.L * U64 * size
        scale = np.where(size > 0, size, 1.0)
        yield Enclosure(1 + total / scale, outward(off / scale + 4 * U64)), Enclosure(np.ones_like(total), 0 * total)

    return pairs


def _as_weight(problem: Problem) -> Iterator[Pair]:
    """b as the weights of a feature that is always 1: of a loss of Z and Y it is one, by the chain rule."""
    yield Enclosure(np.ones(1), np.zeros(1)), Enclosure(np.ones(1), np.zeros(1))


HOLD: dict[str, Callable[[Problem], Iterator[Pair]]] = {
    "bias_gradient_sums_to_zero": _sums("b"),
    "bias_is_a_weight": _as_weight,
    "class_permutation": _permuted(classes, 0, ("X",)),
    "duplicated_batch": _same_twice("theta", "b"),
    "logits_gradient_sums_to_zero": _sums("D"),
    "loss_of_a_duplicated_batch": _same_twice("loss"),
    "sample_permutation": _permuted(samples, 1, ("theta", "b")),
    "shift_invariance": _shift,
    "theta_gradient_sums_to_zero": _sums("theta"),
}
