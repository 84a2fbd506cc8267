"""Referees: independent ways to enclose the truth, one a file. They do not read one another."""

import numpy as np

from gradcheck.enclosure import Enclosure, Reals
from gradcheck.problem import Problem
from gradcheck.referees import ball, float64
from gradcheck.referees.truth import Truth as Truth

# Balls cost about 3 microseconds an entry of Z, float64 about 0.3 milliseconds at once; both are rigorous, and in float64
# balls are up to twice as sharp. A choice of cost, on which no verdict depends.
BALL_ENTRIES = 512


def _balls(dtype: np.dtype, entries: int) -> bool:
    return dtype == np.float64 and entries <= BALL_ENTRIES


def oracle(problem: Problem) -> Truth:
    """The exact values of the problem: by balls where they are sharper and cheap, otherwise by float64 arithmetic."""
    if problem.law.own:
        from gradcheck.referees import own

        return own.truth(problem)
    entries = problem.L * (problem.n + problem.d)
    return ball.truth(problem) if _balls(problem.theta.dtype, entries) else float64.truth(problem)


def softmax(Z: Reals, dtype: np.dtype) -> Enclosure:
    """The softmax of exact logits (L, n) for code of that dtype; -inf gives exactly 0."""
    keep = ~np.isneginf(Z[:, 0])
    found = ball.softmax(Z[keep]) if _balls(dtype, Z.size) else float64.softmax(Z[keep])
    midpoint, radius = np.zeros_like(Z), np.zeros_like(Z)
    midpoint[keep], radius[keep] = found.midpoint, found.radius
    return Enclosure(midpoint, radius)


def softmax_jacobian(z: Reals, dtype: np.dtype) -> Enclosure:
    """The Jacobian (L, L) at one column (L,) of exact logits; rows and columns of classes at -inf are exactly 0."""
    kept = np.flatnonzero(~np.isneginf(z))
    found = ball.softmax_jacobian(z[kept]) if _balls(dtype, z.size**2) else float64.softmax_jacobian(z[kept])
    midpoint, radius = np.zeros((z.size, z.size)), np.zeros((z.size, z.size))
    midpoint[np.ix_(kept, kept)], radius[np.ix_(kept, kept)] = found.midpoint, found.radius
    return Enclosure(midpoint, radius)
