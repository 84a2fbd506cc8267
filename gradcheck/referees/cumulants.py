"""How a mean of log-sum-exps bends along a line, bounded in closed form from the data.

Along t -> (theta + t V, b + t v) the loss of sample i is mass_i log E exp(t S) + a linear term, where S takes the values of
column i of V X + v. Its derivatives are cumulants of a variable with range R_i, so that

    |loss''|  <= (1/n) sum mass_i R_i^2 / 4             (Popoviciu's inequality on variances)
    |loss'''| <= (1/n) sum mass_i R_i^3 / (6 sqrt 3)    (the largest third central moment, of a two-point law)
    |loss''[V, W]| <= (1/n) sum mass_i R_i(V) R_i(W) / 4   (Cauchy-Schwarz)
"""

from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.problem import Problem

THIRD_MOMENT = 6 * np.sqrt(3)


@dataclass(frozen=True, eq=False)
class Move:
    """A displacement of the parameters: `theta` (L, d) and `b` (L, 1). Each entry is known to a relative 2**-53."""

    theta: Reals
    b: Reals

    def reach(self, problem: Problem) -> Reals:
        """An upper bound of |change of Z|, (L, n)."""
        return outward(abs(self.theta) @ abs(problem.reals[2]) + abs(self.b), problem.d + 4)

    def ranges(self, problem: Problem) -> Reals:
        """R_i, an upper bound of the range over classes of the change of column i of Z: (n,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            change = self.theta @ problem.reals[2] + self.b
            wide = change.max(axis=0) - change.min(axis=0)
            slack = 2 * (problem.d + 4) * 2 * U64 * self.reach(problem).max(axis=0)
        return outward(np.nan_to_num(wide, nan=np.inf) + slack)

    def project(self, theta: Reals, b: Reals) -> Enclosure:
        """The inner product of a gradient with this displacement: a float64 sum with its own rounding error."""
        products = np.concatenate([(theta * self.theta).ravel(), (b * self.b).ravel()])
        slack = 2 * (products.size + 4) * U64 * abs(products).sum()
        return Enclosure(products.sum(), outward(slack, products.size))

    def spread(self, theta: Reals, b: Reals) -> Reals:
        """|theta| : |displacement|, summed: how a bound on each entry of a gradient bounds its projection."""
        used, used_b = self.theta != 0, self.b != 0
        total = (np.where(used, theta, 0) * abs(self.theta)).sum() + (np.where(used_b, b, 0) * abs(self.b)).sum()
        return outward(total, self.theta.size + self.b.size + 4)


def between(start: Problem, end: Problem) -> Move:
    """The displacement that was really made, after the parameters were rounded."""
    return Move(end.reals[0] - start.reals[0], end.reals[1] - start.reals[1])


def mean(problem: Problem, per_sample: Reals) -> Reals:
    """(1/n) sum mass_i x_i of non-negative x (n,)."""
    mass = problem.reals[3].sum(axis=0)
    return outward((mass * per_sample).sum() / problem.n, problem.n + problem.L + 4)


def moved(problem: Problem, direction: Move, step: float) -> Problem:
    """The problem at (theta + step V, b + step v), rounded to its precision."""
    theta, b, _, _ = problem.reals
    round_ = problem.precision.round
    return problem.with_arrays(
        round_(theta + step * direction.theta), round_(b + step * direction.b), problem.X, problem.Y
    )


def power_of_two(x: float) -> float:
    """The power of two at or below x; 1 where x is no positive finite number."""
    return float(2.0 ** (np.frexp(x)[1] - 1)) if 0 < x < np.inf else 1.0
