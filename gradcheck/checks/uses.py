"""How gradients are used in training, each use as `gradcheck.implementations.uses` has it.

Each is asked only where the gradient itself is right: what is wrong with it is said by the checks of values.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradcheck import precision
from gradcheck.checks.bars import another, another_offered, answers, counts_samples, one_number
from gradcheck.checks.reading import Skip, as_array
from gradcheck.checks.relations import SYMBOLS
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import Trial
from gradcheck.checks.upstream import factors, of_samples, scaled, strided
from gradcheck.checks.used import Found, exact, gradients, held, pair, require_right, without
from gradcheck.problem import Problem
from gradcheck.verdict import Comparison

ONE = np.ones(1)
UPSTREAM = "its gradient is wrong with an upstream one, which upstream_gradient says"


@check(3, needs=("gradients",), turns=(5,), bars=(answers("upstream"),))
def upstream_gradient(trial: Trial) -> Found:
    """c ∂ℒ is the gradient of cℒ, for a power of two and for another number c."""
    require_right(trial)
    yield from _upstream(trial)


def _upstream(trial: Trial) -> list[Comparison]:
    """What it is by a power of two, and by another number; asked once."""
    found: list[Comparison] = trial.remember("scaled", lambda: list(_scaled(trial)))
    return found


def _scaled(trial: Trial) -> Iterator[Comparison]:
    for c in factors(trial):
        raw = trial.call("upstream", *trial.problem.arrays(), c.reshape(()))
        yield from held(trial, "upstream", f"of {float(c[0]):.6g} ℒ", raw, scaled(trial, c))


@check(3, needs=("gradients",), turns=(5,), bars=(answers("upstream"), one_number))
def upstream_gradients_of_samples(trial: Trial) -> Found:
    """Each sample's upstream gradient counts for it alone: unequal, negative, zero, with any stride."""
    require_right(trial)
    c, one = of_samples(trial), factors(trial)[1]
    for stride, values in ((1, c), (2, c), (1, 0 * c), (0, np.full_like(c, one[0]))):
        raw = trial.call("upstream", *trial.problem.arrays(), strided(values, stride))
        yield from held(trial, "upstream", f"of Σ cᵢ ℓᵢ, stride {stride}", raw, scaled(trial, values))


@check(3, needs=("gradients",), turns=(5,), bars=(answers("again"),))
def backward_twice(trial: Trial) -> Found:
    """A second backward of one forward pass gives the same again, or is refused."""
    require_right(trial)
    c = factors(trial)[1]
    first, second = pair("again", trial.call("again", *trial.problem.arrays(), c.reshape(())), 2)
    truths = scaled(trial, c)
    if any(item.verdict().failed for item in held(trial, "again", "", first, truths)):
        raise Skip(UPSTREAM)
    if isinstance(second, str):  # in whatever words it was refused
        yield AGREED
        return
    for key in (key for key in SYMBOLS if key in gradients("again", first) and key not in gradients("again", second)):
        yield found(f"a second backward gave no {SYMBOLS[key]}")
    yield from held(trial, "again", f"of {float(c[0]):.6g} ℒ, backward twice", second, truths)


@check(3, needs=("gradients",), turns=(5,), bars=(answers("pieces"),))
def batch_in_pieces(trial: Trial) -> Found:
    """Two halves of a batch, each weighed by its share of N, add up to the gradient of the whole."""
    require_right(trial)
    if "upstream" in trial.implementation.uses and any(item.verdict().failed for item in _upstream(trial)):
        raise Skip(UPSTREAM)
    p = trial.problem
    if p.n < 2:
        raise Skip("one sample has no halves")
    halves = [
        p.with_arrays(p.theta, p.b, p.X[:, part], p.Y[:, part]) for part in (np.s_[: p.n // 2], np.s_[p.n // 2 :])
    ]
    if not all(half.divisor > 0 for half in halves) or p.law.l2:
        raise Skip("posed where samples count in both halves, and there is no penalty")
    c = [p.precision.round(np.asarray(half.divisor / p.divisor)) for half in halves]
    (theta, b, X, Y), (_, _, X2, Y2) = (half.arrays() for half in halves)
    raw = trial.call("pieces", theta, b, X, Y, c[0], X2, Y2, c[1])
    yield from held(
        trial, "pieces", "of two halves", raw, without(scaled(trial, ONE, operations=2, pieces=2), "Z", "X")
    )


@check(3, needs=("gradients",), turns=(9,), bars=(answers("functional"),))
def functional_gradient(trial: Trial) -> Found:
    """A function that makes the gradient of the loss gives what backward gives."""
    require_right(trial)
    yield from held(
        trial, "functional", "by a function", trial.call("functional", *trial.problem.arrays()), exact(trial)
    )


@check(3, needs=("gradients",), turns=(9,), bars=(answers("mapped"), counts_samples))
def mapped_over_samples(trial: Trial) -> Found:
    """Samples that are mapped one by one have the gradients whose sum is that of the summed loss."""
    require_right(trial)
    raw = trial.call("mapped", *trial.problem.arrays(), (1, 1))
    summed = trial.problem.with_law(replace(trial.law, reduction="sum"))
    yield from held(trial, "mapped", "mapped over samples", raw, without(exact(trial, summed), "Z"))


@check(3, needs=("gradients",), turns=(5,), bars=(answers("again"), another_offered))
def another_precision(trial: Trial) -> Found:
    """The same code in its other precision has the right gradients, too, and after that its own again."""
    require_right(trial)
    other = Trial(
        trial.implementation, _retyped(trial.problem, another(trial.implementation, trial.problem.precision.name))
    )
    name = other.problem.precision.name
    if other.refused:
        raise Skip(other.refused)
    raw = other.raw_gradients()
    for key in (key for key in SYMBOLS if key in raw):
        dtype = as_array(f"gradients[{key!r}]", raw[key]).dtype
        if dtype != other.problem.precision.dtype:
            yield found(f"gradients[{key!r}] has dtype {dtype} in {name}")
    yield from held(other, "gradients", f"in {name}", raw, exact(other))
    yield from held(trial, "gradients", f"after {name}", trial.raw_gradients(trial.problem), exact(trial))


def _retyped(problem: Problem, dtype: str) -> Problem:
    """The same problem in another precision, rounded to it."""
    round_ = precision.named(dtype).round
    arrays = [round_(array) for array in problem.reals]
    lost = any((np.isfinite(one) != np.isfinite(two)).any() for one, two in zip(arrays, problem.reals, strict=True))
    if lost or not (problem.law.counts_only or problem.law.own):
        raise Skip(f"posed where numbers stay finite in {dtype}, of a loss without options that are numbers")
    return problem.with_arrays(*arrays)
