"""The paper's misprinted equations, read literally: each is refuted by a smallest problem that Hypothesis finds.

Not mistakes of an implementation, but of the printed page; see docs/errata.md, which is generated from this table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck import referees
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.problem import Problem


@dataclass(frozen=True)
class Erratum:
    """One misprint: what is printed, what is meant, and the two as functions of a problem.

    `literal` gives what the printed equation says, `meant` encloses what is true, and `applies` says for which problems
    the printed equation can be read at all.
    """

    equation: int
    printed: str
    corrected: str
    applies: Callable[[Problem], bool]
    literal: Callable[[Problem], Reals]
    meant: Callable[[Problem], Enclosure]

    def refuted_by(self, problem: Problem) -> bool:
        """Whether the literal reading lies outside what is true of this problem, by more than float64 can explain."""
        if not self.applies(problem):
            return False
        literal, meant = self.literal(problem), self.meant(problem)
        own = 64 * (problem.L + problem.n) * 2.0**-53 * np.abs(literal)  # of these few lines of float64
        return bool((meant.inflate(own).test_ratio(literal) > 1).any())


def _D(problem: Problem) -> Reals:
    return referees.oracle(problem).enclosure("D").midpoint


def _share(problem: Problem) -> Reals:
    """-Y/(nA), entry by entry; 0 for a class without a label, whatever its A."""
    A, Y = referees.oracle(problem).enclosure("A").midpoint, problem.reals[3]
    return np.where(Y > 0, -Y / (problem.n * np.where(Y > 0, A, 1.0)), 0.0)


def _not_underflown(problem: Problem) -> bool:
    A, Y = referees.oracle(problem).enclosure("A").midpoint, problem.reals[3]
    return bool((A[Y > 0] > 2.0**-1000).all())


def _near(values: Reals) -> Enclosure:
    return Enclosure(values, 64 * 2.0**-53 * np.abs(values))


def _one_hot(problem: Problem) -> bool:
    return problem.label_index is not None


ERRATA = (
    Erratum(
        4,
        "∂ℒ/∂A_li = -(1/n) Σ_i Σ_l Y_li / A_li: the same double sum in every entry",
        "∂ℒ/∂A_li = -Y_li / (n A_li): the sums are gone once one entry is chosen",
        _not_underflown,
        lambda p: np.full(p.Y.shape, _share(p).sum()),
        lambda p: _near(_share(p)),
    ),
    Erratum(
        7,
        "column i of ∂ℒ/∂Z is (1/n)(e_label - A_i)",
        "(1/n)(A_i - e_label): raising the logit of the label lowers the loss",
        _one_hot,
        lambda p: -_D(p),
        lambda p: referees.oracle(p).enclosure("D"),
    ),
    Erratum(
        8,
        "∂ℒ/∂Z = (Y - A)/n",
        "(A - Y)/n, as (10) and (19) have it",
        lambda p: p.unit_mass,
        lambda p: -_D(p),
        lambda p: referees.oracle(p).enclosure("D"),
    ),
    Erratum(
        11,
        "∂ℒ/∂θ_lj = Σ_i ∂ℒ/∂Z_li · ∂Z_li/∂θ_li, so that feature i stands beside sample i",
        "Σ_i ∂ℒ/∂Z_li · ∂Z_li/∂θ_lj = Σ_i ∂ℒ/∂Z_li X_ji",
        lambda p: p.n <= p.d,
        lambda p: np.repeat(
            (_D(p) * np.diagonal(p.reals[2])[np.newaxis, : p.n]).sum(axis=1, keepdims=True), p.d, axis=1
        ),
        lambda p: referees.oracle(p).enclosure("theta"),
    ),
    Erratum(
        12,
        "∂ℒ/∂θ_lj = ∂ℒ/∂Z_l · X_j with X_j the j-th data point, as everywhere else on the page",
        "X_j is the j-th row of X: feature j of every sample",
        lambda p: p.n == p.d,
        lambda p: _D(p) @ p.reals[2],
        lambda p: referees.oracle(p).enclosure("theta"),
    ),
    Erratum(
        21,
        "for Z = θᵀX + b, too, ∂ℒ/∂θ = (A - Y)Xᵀ/n",
        "X(A - Y)ᵀ/n, the transpose: θ is (d, L) there",
        lambda p: p.d == p.L,
        lambda p: (_D(p) @ p.reals[2].T).T,
        lambda p: referees.oracle(p).enclosure("theta"),
    ),
)

# A slip of the name only: there is nothing to refute by numbers.
UNNUMBERED = ((14, "∂ℒ/∂h", "∂ℒ/∂b: no h occurs in the model"),)
