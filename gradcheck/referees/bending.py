"""How a loss with a scale, a cap, a z-loss or a penalty bends along a line, bounded in closed form from the data.

Sample i adds mass lse(w) - Y' . w + c lse(w)^2 of w = g(z). Along a change of z of range R and size m, with

    |g'| <= s,    |g''| <= K2 = 4/(3 sqrt 3) s s'/c,    |g'''| <= K3 = 2 s s'^2/c^2      s = the scale, s' what of it is in the tanh

its derivatives are those of a function of w (by cumulants) along g'v, g''v^2 and g'''v^3 (Faa di Bruno). A penalty is quadratic.
Derivation: docs/bounds.md, section 14.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck.enclosure import ETA64, U64, Reals, outward
from gradcheck.law import text
from gradcheck.problem import Problem
from gradcheck.referees import cumulants
from gradcheck.referees.cumulants import THIRD_MOMENT, Change, Move

SECOND, THIRD = 4 / (3 * np.sqrt(3)), 2.0  # the most that the second and third derivatives of tanh come to
MARGIN = 2.0**-40  # of float64 roundings of a few numbers of one sign


@dataclass(frozen=True, eq=False)
class Span:
    """Upper bounds of a change of the logits, for each sample (n,): its range over classes, and its size."""

    range: Reals
    size: Reals

    def plus(self, other: "Span") -> "Span":
        """Of the sum of both."""
        return Span(self.range + other.range, self.size + other.size)


@dataclass(frozen=True, eq=False)
class Bending:
    """What bounds the derivatives of each sample's loss, (n,), wherever no logit changes by more than 1, and `apart` before."""

    problem: Problem
    apart: float = 0.0

    def span(self, change: Change) -> Span:
        """Where there is a cap each logit is multiplied by its own slope, from 0 to s: 0 belongs to the range."""
        size = outward((abs(change.value) + change.error).max(axis=0))
        wide = np.maximum(change.value.max(axis=0), 0) - np.minimum(change.value.min(axis=0), 0)
        wide = outward(wide + 2 * change.error.max(axis=0))
        return Span(wide if self.problem.law.softcap else change.ranges, size)

    @cached_property
    def slopes(self) -> tuple[float, float, float]:
        """Bounds of g', g'' and g'''."""
        law = self.problem.law
        s, inside = law.scale, law.scale if law.scaled == "before" else 1.0
        c = law.softcap or np.inf
        return s, SECOND * s * (inside / c), THIRD * s * (inside / c) ** 2

    @cached_property
    def mass(self) -> Reals:
        """Of the labels as the loss has them."""
        return outward(self.problem.labels.sum(axis=0), self.problem.L + cumulants.ROUNDINGS)

    @cached_property
    def of_squares(self) -> tuple[Reals, Reals]:
        """c, and 2c times what |lse| is at most: the maximum, which is mapped as each logit is, and up to log L."""
        p, law = self.problem, self.problem.law
        theta, b, X, Y = p.reals
        c = outward(law.z_loss * text.squared(Y, law)[0], 2)
        Z, size = theta @ X + b, abs(theta) @ abs(X) + abs(b)
        off = 2 * (p.d + 4) * U64 * size.max(axis=0) + p.d * ETA64 + cumulants.REACH + self.apart
        low, high = (text.mapped(Z.max(axis=0) + end, law) for end in (-off, off))
        most = np.maximum(abs(low), abs(high + np.log(p.L))) + MARGIN * (abs(low) + abs(high) + np.log(p.L) + off)
        return c, outward(2 * c * most, 2)

    def second(self, one: Span, other: Span) -> Reals:
        """Of |f''[v, w]|."""
        (s, K2, _), (c, lse) = self.slopes, self.of_squares
        sizes = one.size * other.size
        bent = (self.mass + lse) * one.range * other.range / 4 + 2 * c * sizes
        return s**2 * bent + K2 * (2 * self.mass + lse) * sizes

    def third(self, of: Span) -> Reals:
        """Of |f'''[v, v, v]|."""
        (s, K2, K3), (c, lse) = self.slopes, self.of_squares
        wide, m, weight = of.range, of.size, self.mass + lse
        bent = s**3 * (weight * wide**3 / THIRD_MOMENT + 1.5 * c * m * wide**2)
        mixed = 3 * s * K2 * (weight * wide * m**2 / 2 + 2 * c * m**3)
        return bent + mixed + K3 * (2 * self.mass + lse) * m**3

    def mean(self, per_sample: Reals) -> Reals:
        """Their sum over N, (..., n) to (...); infinite where nothing is known."""
        found = outward(per_sample.sum(axis=-1) / self.problem.divisor, 2 * self.problem.n + self.problem.L + 64)
        return np.where(np.isnan(found), np.inf, found)

    def penalised(self, one: Move, other: Move) -> float:
        """Of the second derivative of the penalty."""
        law = self.problem.law
        found = (abs(one.theta) * abs(other.theta)).sum()
        found += (abs(one.b) * abs(other.b)).sum() if law.l2_bias else 0.0
        return float(outward(law.l2 * found, one.theta.size + one.b.size + 8)) if law.l2 else 0.0


def moments(problem: Problem, variable: str) -> Reals:
    """Of the second derivative along each coordinate of theta, b or X: (coordinates,)."""
    bending, law = Bending(problem), problem.law
    with np.errstate(all="ignore"):
        wide = cumulants.coordinate_ranges(problem, variable)
        own = law.l2 if variable == "theta" or (variable == "b" and law.l2_bias) else 0.0
        return outward(bending.mean(bending.second(Span(wide, wide), Span(wide, wide))) + own)
