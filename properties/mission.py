"""Who is judged, and on what, in the properties that state the paper's equations.

    @closed_forms("theta")
    def test_the_gradient_of_the_weights(t): ...

is one test for `gradcheck.model` and for every built-in target that offers the quantity, in each of its precisions. Hypothesis
draws shapes and values in every smooth regime (`gradcheck.problems`), and `t` is this code on that problem: `t.gradient("theta")`
is what it returns, `t.truth.allowed("theta")` what rounding may do to that, and `t.truth64` the problem in float64, of which
difference quotients are taken.
"""

import os
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings

from gradcheck import Enclosure, Implementation, Problem, load, model, problems
from gradcheck.checks import Trial
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.implementations import BUILT_IN, adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.referees.scipy_check_grad import Posed
from gradcheck.regimes import REGIMES

# Everywhere but where a logit is -inf or data are whole numbers: there is nothing to take a difference quotient of.
SMOOTH = tuple(name for name in REGIMES if name not in ("masked-class", "integers"))
FEW = 256  # logits: larger problems are cut down to their first samples, so that every entry can be differenced
SLOWER = {"jax": 20, "optax": 20, "tinygrad": 20}  # compile for every shape: a fraction of the problems of the others
CHECKS = {"theta": "theta_gradient", "b": "bias_gradient", "Z": "logits_gradient", "jacobian": "jacobian_diagonal"}
PAPER = Implementation(
    "gradcheck.model", model.gradients, model.loss, model.logits, model.softmax, model.softmax_jacobian
)


@cache
def code(name: str) -> Implementation:
    return adapt(PAPER if name == PAPER.name else load(name))


def offering(quantity: str) -> list[object]:
    """Name and precision of all code that offers it, and is not known to get it wrong (its `expected_failures` say why)."""
    names = [PAPER.name, *(name for name, target in BUILT_IN.items() if target.installed or os.environ.get("CI"))]
    # of the paper's loss: others are posed with their options in test_implementations
    pairs = [(name, dtype) for name in names if not code(name).takes for dtype in code(name).dtypes]
    return [
        pytest.param(name, dtype, id=f"{name}-{dtype}")
        for name, dtype in pairs
        if not code(name).expected(CHECKS[quantity], dtype) and offers(code(name), quantity)
    ]


def offers(implementation: Implementation, quantity: str) -> bool:
    """Whether it returns that gradient, or has a Jacobian, on the smallest problem there is."""
    if quantity == "jacobian":
        return bool(implementation.softmax and implementation.softmax_jacobian)
    dtype = implementation.dtypes[0]
    p = Problem(*(a.astype(dtype) for a in (np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.eye(2)[:, :1])))
    try:
        return implementation.gradients is not None and quantity in Trial(implementation, p).raw_gradients()
    except Skip:
        return False


def small(p: Problem) -> Problem:
    n = min(p.n, max(1, FEW // p.L))
    return p.with_arrays(p.theta, p.b, p.X[:, :n], p.Y[:, :n])


def closed_forms(quantity: str) -> Callable[[Callable[[Trial], None]], Callable[..., None]]:
    """One test for each code that offers theta, b, Z or the softmax's jacobian, in each of its precisions."""

    def decorate(test: Callable[[Trial], None]) -> Callable[..., None]:
        def of(implementation: Implementation, dtype: str = "float64", share: int = 2) -> None:
            @settings(max_examples=max(settings().max_examples // share, 5))
            @given(problems(dtypes=(dtype,), regimes=SMOOTH))
            def on_one(problem: Problem) -> None:
                t = Trial(implementation, small(problem))
                with quiet(), np.errstate(all="ignore"):
                    try:
                        require_bounded(
                            np.asarray(t.truth.nearby_loss_error), *(t.truth.allowed(q) for q in ("theta", "b", "D"))
                        )
                        test(t)
                    except Skip:  # this code's layout cannot express the problem, or its numbers may overflow
                        assume(False)

            on_one()

        @pytest.mark.parametrize(("name", "dtype"), offering(quantity))
        def over_all_problems(name: str, dtype: str) -> None:
            of(code(name), dtype, SLOWER.get(name.partition("-")[0], 2))

        over_all_problems.of = of  # type: ignore[attr-defined]
        over_all_problems.__doc__ = test.__doc__
        over_all_problems.__name__ = test.__name__
        return over_all_problems

    return decorate


def scipy_finds_right(posed: Posed, function, gradient: np.ndarray, allowed: np.ndarray) -> bool:
    """Whether scipy.optimize.check_grad returns no more than its truncation and rounding, where its steps are within reach."""
    found, most = posed.answer(lambda x: float(function(x)), lambda _: gradient.ravel(), allowed.ravel())
    return not posed.reached or found <= most


def within(quotient: Enclosure, allowed: np.ndarray, computed: np.ndarray) -> bool:
    """|computed - quotient| ≤ the quotient's radius + what rounding may do to the code, at every entry."""
    return bool(quotient.inflate(allowed).test_ratio(computed).max() <= 1)
