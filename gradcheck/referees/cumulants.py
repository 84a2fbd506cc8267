"""How a mean of log-sum-exps, and a softmax, bend along a line, bounded in closed form from the data.

Along t -> (theta + t V, b + t v) the loss of sample i is mass_i log E exp(t S) + a linear term, where S takes the values of
column i of V X + v. Its derivatives are cumulants of a variable with range R_i, so that

    |loss''|  <= (1/n) sum mass_i R_i^2 / 4             (Popoviciu's inequality on variances)
    |loss'''| <= (1/n) sum mass_i R_i^3 / (6 sqrt 3)    (the largest third central moment, of a two-point law)
    |loss''[V, W]| <= (1/n) sum mass_i R_i(V) R_i(W) / 4   (Cauchy-Schwarz)

A probability A_l bends no more than

    |A_l''|, |A_l'''| <= A_l A_k (k != l), A_k (1 - A_k) (k = l); at most 1/8     along one logit z_k, where A_l is monotone
    |A_l''[V, W]| <= A_l R(V) R(W) 5/4,  |A_l'''| <= A_l R^3 (1 + 1/(6 sqrt 3))  along any line

Derivations: docs/bounds.md, section 8.
"""

from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import ETA64, U64, Enclosure, Reals, outward
from gradcheck.problem import Problem

VARIABLES = ("theta", "b", "X")  # in the order in which a problem has them
THIRD_MOMENT = 6 * np.sqrt(3)
ROUNDINGS = 16  # float64 roundings of a label that is smoothed and weighed, and of what is divided by


@dataclass(frozen=True, eq=False)
class Move:
    """A displacement of the parameters: `theta` (L, d) and `b` (L, 1), or of `X` (d, n), known to a relative 2**-53."""

    theta: Reals
    b: Reals
    X: Reals | None = None

    def change(self, problem: Problem) -> "Change":
        """What it does to the logits."""
        theta, _, X, _ = problem.reals
        if self.X is not None:
            reach = outward(abs(theta) @ abs(self.X), problem.d + 4)
            return Change(theta @ self.X, 2 * (problem.d + 4) * U64 * reach + problem.d * ETA64, reach)
        reach = outward(abs(self.theta) @ abs(X) + abs(self.b), problem.d + 4)
        return Change(self.theta @ X + self.b, 2 * (problem.d + 4) * U64 * reach + problem.d * ETA64, reach)

    def project(self, theta: Reals, b: Reals) -> Enclosure:
        """The inner product of a gradient with this displacement: a float64 sum with its own rounding error."""
        total = np.vdot(theta, self.theta) + np.vdot(b, self.b)
        size = np.vdot(abs(theta), abs(self.theta)) + np.vdot(abs(b), abs(self.b))
        count = self.theta.size + self.b.size
        return Enclosure(np.asarray(total), outward(2 * (count + 4) * U64 * size, count + 4))

    def spread(self, theta: Reals, b: Reals) -> Reals:
        """sum |theta_i| |displacement_i|: how a bound on each entry of a gradient bounds its projection."""
        with np.errstate(invalid="ignore"):
            total = np.vdot(theta, abs(self.theta)) + np.vdot(b, abs(self.b))
        return outward(np.nan_to_num(total, nan=np.inf), self.theta.size + self.b.size + 4)


@dataclass(frozen=True, eq=False)
class Change:
    """A change of the logits (L, n), the error it is known to, and an upper bound of its size, all absolute."""

    value: Reals
    error: Reals
    reach: Reals

    def minus(self, other: "Change") -> "Change":
        """The difference of two changes: small where they nearly cancel."""
        error = self.error + other.error + 2 * U64 * (self.reach + other.reach)
        return Change(self.value - other.value, outward(error), outward(self.reach + other.reach))

    @property
    def ranges(self) -> Reals:
        """R_i, an upper bound of the range over classes of column i: (n,). Infinite where nothing is known."""
        with np.errstate(invalid="ignore", over="ignore"):
            wide = self.value.max(axis=0) - self.value.min(axis=0) + 2 * self.error.max(axis=0)
        return outward(np.where(np.isnan(wide), np.inf, wide))


@dataclass(frozen=True, eq=False)
class Directional:
    """`enclosure` contains <gradient, move>, for the gradient at the problem that is moved, by a step along a direction."""

    move: Move
    enclosure: Enclosure
    step: float


def between(start: Problem, end: Problem) -> Move:
    """The displacement that was really made, after the parameters, or the data, were rounded."""
    theta, b, X = (there - here for there, here in zip(end.reals[:3], start.reals[:3], strict=True))
    return Move(theta, b, X if X.any() else None)


# Steps are chosen so that no logit changes by more than this: there, one bound holds for the rounding error of every loss.
REACH = 1.0


def cut(step: Reals, size: Reals) -> Reals:
    """The step, or the largest power of two (with a margin for rounding) with which nothing of that size moves by more."""
    with np.errstate(divide="ignore", over="ignore"):
        least = np.minimum(step, powers_of_two(REACH / size) / 2)
    return np.where((size > 0) & (size < np.inf), least, step)


def within_reach(problem: Problem, direction: Move, step: float) -> float:
    """The same for a direction: no logit changes by more."""
    return float(cut(np.asarray(step), direction.change(problem).reach.max(initial=0.0)))


def mean(problem: Problem, per_sample: Reals) -> Reals:
    """(1/N) sum mass_i x_i of non-negative x (..., n), of the labels and the divisor that the loss has."""
    mass = problem.labels.sum(axis=0)
    return outward((mass * per_sample).sum(axis=-1) / problem.divisor, 2 * problem.n + problem.L + ROUNDINGS)


def bend(gap: Reals, high: Reals, low: Reals) -> Reals:
    """What a central difference is off by for a sample of mass 1, from the ranges of D+ - D-, of D+ and of D-."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = gap * (high + low) / 8 + (high**3 + low**3) / (6 * THIRD_MOMENT)
    return np.where(np.isnan(found), np.inf, found)


def coordinate_ranges(problem: Problem, variable: str) -> Reals:
    """The range of each sample's logits, and their reach, along each coordinate of theta, b or X: (coordinates, n)."""
    theta, _, X, _ = problem.reals
    if variable == "X":  # one sample moves, by as much as the weights of that feature
        return (2 * abs(theta).max(axis=0)[:, np.newaxis, np.newaxis] * np.eye(problem.n)).reshape(-1, problem.n)
    return np.tile(abs(X), (problem.L, 1)) if variable == "theta" else np.ones((problem.L, problem.n))


def softmax_curvature(A: Reals) -> Reals:
    """Of each A_l along each z_k (L, L), a bound of the second and the third derivative; `A[l, k]` bounds A_l on the way."""
    on = np.eye(len(A), dtype=bool)
    rest = np.where(on, 0, A).sum(axis=0)  # bounds 1 - A_k
    return outward(np.minimum(A * np.where(on, np.minimum(rest, 1), np.diag(A)), 1 / 8), len(A) + 4)


def moved(problem: Problem, direction: Move, step: float) -> Problem:
    """The problem at (theta + step V, b + step v), rounded to its precision."""
    theta, b, X, _ = problem.reals
    round_ = problem.precision.round
    if direction.X is not None:
        return problem.with_arrays(problem.theta, problem.b, round_(X + step * direction.X), problem.Y)
    return problem.with_arrays(
        round_(theta + step * direction.theta), round_(b + step * direction.b), problem.X, problem.Y
    )


def powers_of_two(x: Reals) -> Reals:
    """The power of two at or below each entry; 1 where that is no positive finite number."""
    return np.where((x > 0) & (x < np.inf), np.ldexp(1.0, np.frexp(x)[1] - 1), 1.0)


def power_of_two(x: float) -> float:
    """The same of one number."""
    return float(powers_of_two(np.asarray(x)))
