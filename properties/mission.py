"""Who is judged, and on what, in the properties that state the paper's equations.

    @closed_forms("theta")
    def test_the_gradient_of_the_weights(t): ...

is one test for `gradcheck.model` and for every built-in target that offers the quantity, in each of its precisions. Hypothesis
draws shapes and values in every smooth regime (`gradcheck.problems`), and `t` is this code on that problem: `t.gradient("theta")`
is what it returns, `t.truth.allowed("theta")` what rounding may do to that, and `t.truth64` the problem in float64, of which
difference quotients are taken.

All code of one precision is judged on the same problems: these are drawn once, and so are their truths and the quotients of the
mathematical function. Where one fails, Hypothesis draws anew, and shows the smallest.
"""

import os
from collections.abc import Callable, Hashable, Iterator
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis.errors import UnsatisfiedAssumption
from quick import quickly

from gradcheck import Enclosure, Implementation, Problem, load, model, precision, problems, referees
from gradcheck.checks import Trial
from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.drawing import pose
from gradcheck.implementations import BUILT_IN, adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.referees import Truth
from gradcheck.referees import mathematical as referee
from gradcheck.referees.scipy_check_grad import Posed
from gradcheck.regimes import REGIMES

# Everywhere but where a logit is -inf or data are whole numbers: there is nothing to take a difference quotient of.
SMOOTH = tuple(name for name in REGIMES if name not in ("masked-class", "integers"))
ELSEWHERE = ("kernels", "megatron", "tensorflow", "mlx", "paddle")  # extras of a gigabyte, which CI does not install
FEW = 256  # logits: larger problems are cut down to their first samples, so that every entry can be differenced
SLOWER = {"jax": 20, "optax": 20, "tinygrad": 20}  # compile for every shape: a fraction of the problems of the others
CHECKS = {"theta": "theta_gradient", "b": "bias_gradient", "Z": "logits_gradient", "jacobian": "jacobian_diagonal"}
PAPER = Implementation(
    "gradcheck.model", model.gradients, model.loss, model.logits, model.softmax, model.softmax_jacobian
)
# Who is judged, and in which precisions: all that offer it and are not known to get it wrong, as test_targets has it.
TWO = precision.NAMES[:2]
JUDGED = {PAPER.name: precision.NAMES, "reference": precision.NAMES[:1], "numpy": precision.NAMES, "scipy": TWO}
JUDGED |= {"torch": precision.NAMES, "jax": TWO, "optax": TWO, "optax-safe": TWO, "autograd": TWO, "sklearn": TWO}
JUDGED |= {"sklearn-mlp": TWO, "tinygrad": TWO, "keras": TWO, "casadi": TWO[:1], "mlxtend": TWO, "thinc": TWO[1:]}
WITHOUT = {  # what some of them do not offer
    "Z": ("mlxtend",),
    "jacobian": tuple(
        name for name in JUDGED if name not in (PAPER.name, "reference", "numpy", "scipy", "torch", "jax")
    ),
}


@cache
def code(name: str) -> Implementation:
    return adapt(PAPER if name == PAPER.name else load(name))


def offering(quantity: str) -> list[object]:
    """Name and precision of all code that is judged on it. Nothing is imported for that: every worker collects every test."""
    return [
        pytest.param(name, dtype, id=f"{name}-{dtype}")
        for name, dtypes in JUDGED.items()
        if name not in WITHOUT.get(quantity, ()) and wanted(name)
        for dtype in dtypes
    ]


def wanted(name: str) -> bool:
    """No framework is imported for the quick selection; all of them but those of `ELSEWHERE` are there in CI."""
    if name == PAPER.name or not BUILT_IN[name].extra:
        return True
    everywhere = bool(os.environ.get("CI")) and BUILT_IN[name].extra not in ELSEWHERE
    return not quickly() and (BUILT_IN[name].installed or everywhere)


def offered(name: str, quantity: str) -> tuple[str, ...]:
    """In which precisions it offers that, of the paper's loss, and is not known to get it wrong (see its `expected_failures`)."""
    found = code(name)
    if found.takes.options or not offers(
        found, quantity
    ):  # others are posed with their options in test_implementations
        return ()
    return tuple(dtype for dtype in found.dtypes if not found.expected(CHECKS[quantity], dtype))


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


# ---- what all code shares ----

AT_ONCE = 50  # problems that are drawn together
MOST = 10  # one in so many at least must be one that the code can be judged on, as Hypothesis asks
_known: dict[Hashable, Any] = {}


def once(key: Hashable, make: Callable[[], Any]) -> Any:
    """What has been made under that key."""
    if key not in _known:
        _known[key] = make()
    return _known[key]


def shared(dtype: str, most: int) -> Iterator[Problem]:
    """The problems that all code of that precision is judged on."""
    for number in range(most):
        yield drawn(dtype, number // AT_ONCE)[number % AT_ONCE]


@cache
def drawn(dtype: str, seed: int) -> tuple[Problem, ...]:
    found: list[Problem] = []
    pose(found.append, dtype=dtype, regimes=SMOOTH, seed=seed, count=AT_ONCE, shrink=False)
    return tuple(small(problem) for problem in found)


def oracle(problem: Problem) -> Truth:
    """The exact values of the problem."""
    return once(("truth", problem.digest), lambda: referees.oracle(problem))


class Shared(Trial):
    """A trial whose truths are those of every other trial of that problem."""

    def truth_of(self, problem: Problem) -> Truth:
        return once(("truth", problem.digest, self.granted), lambda: super(Shared, self).truth_of(problem))

    @cached_property
    def truth64(self) -> Truth:
        return once(("truth64", self.problem.digest), lambda: super(Shared, self).truth64)


class mathematical:
    """Central differences of the mathematical function, as `gradcheck.referees.mathematical` takes them."""

    @staticmethod
    def gradient(truth: Truth, variable: str) -> Enclosure:
        return once((truth.problem.digest, variable), lambda: referee.gradient(truth, variable))

    @staticmethod
    def jacobian(z: np.ndarray) -> Any:
        return once(("jacobian", z.tobytes()), lambda: referee.jacobian(z))


# ---- one test for each code ----


def closed_forms(quantity: str) -> Callable[[Callable[[Trial], None]], Callable[..., None]]:
    """One test for each code that offers theta, b, Z or the softmax's jacobian, in each of its precisions."""

    def decorate(test: Callable[[Trial], None]) -> Callable[..., None]:
        def judged(implementation: Implementation, problem: Problem) -> bool:
            """Whether it can be judged on it: its layout can express the problem, and its numbers cannot overflow."""
            try:
                t = Shared(implementation, small(problem))
                needed = (t.truth.allowed(q) for q in ("theta", "b", "D"))
                require_bounded(np.asarray(t.truth.nearby_loss_error), *needed)
                test(t)
            except (Skip, UnsatisfiedAssumption):
                return False
            return True

        def of(implementation: Implementation, dtype: str = "float64", share: int = 2) -> None:
            @settings(max_examples=examples(share))
            @given(problems(dtypes=(dtype,), regimes=SMOOTH))
            def on_one(problem: Problem) -> None:
                with quiet(), np.errstate(all="ignore"):
                    assume(judged(implementation, problem))

            on_one()

        @pytest.mark.parametrize(("name", "dtype"), offering(quantity))
        def over_all_problems(name: str, dtype: str) -> None:
            share = SLOWER.get(name.partition("-")[0], 2)
            due = examples(share)
            try:
                with quiet(), np.errstate(all="ignore"):
                    for problem in shared(dtype, MOST * due):
                        due -= judged(code(name), problem)
                        if not due:
                            break
            except AssertionError:
                of(code(name), dtype, share)
                raise
            assert not due, "too few problems that it can be judged on"

        over_all_problems.of = of  # type: ignore[attr-defined]
        over_all_problems.__doc__ = test.__doc__
        over_all_problems.__name__ = test.__name__
        return over_all_problems

    return decorate


def examples(share: int) -> int:
    return max(settings().max_examples // share, 5)


def scipy_finds_right(posed: Posed, function, gradient: np.ndarray, allowed: np.ndarray) -> bool:
    """Whether scipy.optimize.check_grad returns no more than its truncation and rounding, where its steps are within reach."""
    found, most = posed.answer(lambda x: float(function(x)), lambda _: gradient.ravel(), allowed.ravel())
    return not posed.reached or found <= most


def within(quotient: Enclosure, allowed: np.ndarray, computed: np.ndarray) -> bool:
    """|computed - quotient| ≤ the quotient's radius + what rounding may do to the code, at every entry."""
    return bool(quotient.inflate(allowed).test_ratio(computed).max() <= 1)
