"""Correct code that a bound or a referee once refused, and the case of the corpus on which it did.

Needs nothing but `Implementation`, so that it can be judged by the commit before a change, too:

    git worktree add old COMMIT^ && PYTHONPATH=old python properties/refused.py

says which cases disagree there: those that COMMIT mended, and those that were mended later.
"""

from pathlib import Path

import numpy as np

from gradcheck import Implementation, cases, judge
from gradcheck.checks import CHECKS
from gradcheck.problem import Array


def added_in_turn(theta: Array, b: Array, X: Array) -> Array:
    """Z, one feature after the other, each sum rounded."""
    return sum(theta[:, [j]] * X[[j]] for j in range(X.shape[0])) + b


def log_sum_exp(Z: Array) -> Array:
    """By column, shifted."""
    m = Z.max(axis=0)
    return m + np.log(np.exp(Z - m).sum(axis=0))


def residual(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """A mass - Y."""
    Z = added_in_turn(theta, b, X)
    return np.exp(Z - log_sum_exp(Z)) * Y.sum(axis=0) - Y


def mean(total: Array, Y: Array) -> Array:
    """Divided by n, as a number of the same precision."""
    return total / total.dtype.type(Y.shape[1])


def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """As the paper has them."""
    D = mean(residual(theta, b, X, Y), Y)
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}


def gradients_of_scaled_data(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
    """(A mass - Y)(X/n)ᵀ: X/n underflows, and meets the mass."""
    return {"theta": residual(theta, b, X, Y) @ mean(X, Y).T}


def loss_of_weights(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """Σ (Y/n)(lse - Z): Y/n underflows, and meets the distance."""
    Z = added_in_turn(theta, b, X)
    return (mean(Y, Y) * (log_sum_exp(Z) - Z)).sum()


def loss_of_products(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """(1/n) Σ (mass lse - Σ Y Z): either product may overflow where their difference does not."""
    Z = added_in_turn(theta, b, X)
    return mean((Y.sum(axis=0) * log_sum_exp(Z) - (Y * Z).sum(axis=0)).sum(), Y)


def loss_of_sums(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """(Σ lse - Σ Y Z)/n, with the rounding of both sums."""
    Z = theta @ X + b
    return mean(log_sum_exp(Z).sum() - (Y * Z).sum(), Y)


def loss_with_a_penalty_switched_off(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    """0 times the square of the weights is NaN where that overflows."""
    return loss_of_weights(theta, b, X, Y) + 0 * (theta**2).sum()


def code(**functions) -> Implementation:
    """In every precision that a case has."""
    return Implementation("correct", **functions, dtypes=("float64", "float32", "float16"))


CASES = Path(__file__).parent.parent / "gradcheck" / "corpus_cases"
# Case -> the commit that mended it, and code that was refused before. What each is stands in benchmarks/shipped.py.
REFUSED = {
    "logits_gradient-943efd15": ("9a996e1", code(gradients=gradients)),
    "logits_gradient-4d02eba4": ("9a996e1", code(gradients=gradients)),
    "loss-83b781c7": ("9a996e1", code(loss=loss_of_products)),
    "theta_gradient-911acf05": ("9a996e1", code(gradients=gradients_of_scaled_data)),
    "loss-4774c0c9": ("9a996e1", code(loss=loss_of_weights)),
    "scipy_check_grad_theta-1c0ad082": ("b483697", code(loss=loss_with_a_penalty_switched_off, gradients=gradients)),
    "loss-358a85d9": ("965c796", code(loss=loss_of_sums)),
}


def judged(name: str):
    """The verdict on the code of a case."""
    case = cases.load(CASES / f"{name}.json")
    with np.errstate(all="ignore"):
        return judge(REFUSED[name][1], case.problem, [CHECKS[case.check]])[case.check]


if __name__ == "__main__":
    for name, (commit, _) in REFUSED.items():
        verdict = judged(name)
        print(f"{name:<33}mended by {commit}   {verdict.outcome:<13}{verdict.ratio}")
