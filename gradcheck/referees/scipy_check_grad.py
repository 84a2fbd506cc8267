"""`scipy.optimize.check_grad`, called as a user would call it, with the step and the bound that it leaves to its user.

It returns the 2-norm of (gradient - forward difference), coordinate by coordinate; that must be at most the 2-norm of
what each coordinate may be off by: truncation h M2 / 2, rounding 2 e / h, and the gradient's own rounding error. Along a
single weight theta_lj the range of sample i is |X_ji|, along a bias it is 1. Knows loss and gradient only as functions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import U64, Reals, outward
from gradcheck.problem import Problem
from gradcheck.referees import bending, cumulants

Function = Callable[[Reals], float]
Gradient = Callable[[Reals], Reals]


@dataclass(frozen=True, eq=False)
class Posed:
    """What check_grad is asked: where it starts and the steps it takes (c,), and what explains what it returns.

    `moments` (c,) bound the second derivative along each coordinate, `noise` the rounding error (absolute) of one value of the
    function within those steps. Where `reached` is false a step goes further than `noise` is known for.
    """

    start: Reals
    h: Reals
    moments: Reals
    noise: float
    reached: bool = True

    @property
    def visited(self) -> Reals:
        """Where the function is evaluated: the start, and a step along each coordinate, (c + 1, c)."""
        return self.start + np.vstack([0 * self.h, np.diag(self.h)])

    def answer(self, function: Function, gradient: Gradient, allowed: Reals) -> tuple[float, float]:
        """What SciPy returns for a function and what is said to be its gradient, and the most that it may return.

        `allowed` (c,) bounds the error (absolute) of that gradient.
        """
        size = 0.0

        def seen(x: Reals) -> float:
            nonlocal size
            value = function(x)
            size = max(size, abs(value))
            return value

        value = norm(seen, gradient, self.start, self.h)
        return value, limit(self.moments, self.h, self.noise, size, allowed)


def pose(problem: Problem, variable: str, noise: float) -> Posed:
    """The loss as a function of theta or b; `noise` holds wherever no logit changes by more than 1."""
    start = problem.reals[cumulants.VARIABLES.index(variable)].ravel()
    moments = second_moments(problem, variable)
    h = steps(moments, noise, start)
    reached = (h[:, np.newaxis] * cumulants.coordinate_ranges(problem, variable) <= cumulants.REACH).all()
    return Posed(start, h, moments, noise, bool(reached))


def pose_softmax(z: Reals, relative: float, bounds: Callable[[Reals], tuple[Reals, Reals]]) -> list[Posed]:
    """Each A_l as a function of z (L,), with the same steps for all l: h = 2 e^(1/2) for an A of relative error e.

    `bounds(Z)` gives, for columns of exact logits, upper bounds of A and of the rounding error (absolute) of one evaluation.
    """
    h = steps(np.ones_like(z), relative, z)
    A, error = bounds(z[:, np.newaxis] + np.hstack([np.zeros((z.size, 1)), np.diag(h)]))
    most = np.minimum(np.maximum(A[:, :1], A[:, 1:]), 1.0)  # along one logit A_l is monotone
    return [Posed(z, h, *row) for row in zip(cumulants.softmax_curvature(most), error.max(axis=1), strict=True)]


def second_moments(problem: Problem, variable: str) -> Reals:
    """M2 of each coordinate."""
    if not problem.law.folds:
        return bending.moments(problem, variable)
    with np.errstate(over="ignore"):
        return outward(cumulants.mean(problem, cumulants.coordinate_ranges(problem, variable) ** 2) / 4)


def steps(moments: Reals, noise: float, start: Reals) -> Reals:
    """h = 2 (e / M2)^(1/2) for each coordinate, as it is after rounding start + h; 1 where the loss is (nearly) linear.

    No more than 1: tiny data would ask for steps of any size, and code that adds 0 times the square of its weights, a penalty
    that is switched off, overflows there.

    Where start + h rounds to start, SciPy would silently take a step of its own: the least one that counts is taken.
    """
    with np.errstate(divide="ignore", over="ignore"):
        h = np.where(moments > 0, 2 * np.sqrt(noise / moments), 1.0)
    h = np.where((h > 0) & (h < 1), h, 1.0)
    return (start + np.maximum(h, 2 * np.spacing(abs(start)))) - start


def norm(function: Function, gradient: Gradient, start: Reals, h: Reals) -> float:
    """What SciPy's function returns for these steps."""
    from scipy.optimize import check_grad  # here, because it takes a fifth of a second to import

    return float(check_grad(function, gradient, start, epsilon=h))


def limit(moments: Reals, h: Reals, noise: float, size: float, allowed: Reals) -> float:
    """The 2-norm of what each coordinate may be off by.

    `noise` bounds the error (absolute) of one loss, `size` the loss itself, `allowed` the gradient's own error.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        per_coordinate = h * moments / 2 + (2 * noise + 4 * U64 * size) / h
        quotient = 4 * U64 * size / h  # the subtraction and the division of the two losses
        total = per_coordinate + quotient + allowed
        return float(outward(np.sqrt((total**2).sum()), h.size + 16))
