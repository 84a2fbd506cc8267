"""A problem as an implementation can be posed it: with the loss that it computes, and what its layout has no place for."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.errors import ProblemError, Unusable
from gradcheck.implementations.fitting import unfit
from gradcheck.implementations.layout import adapt
from gradcheck.implementations.record import Implementation, NotPosed, Placeless
from gradcheck.implementations.told import ADDRESSED, Bound, fields
from gradcheck.law import CrossEntropy, Loss
from gradcheck.law.options import NO_CLASS, RANGES
from gradcheck.precision import Precision
from gradcheck.problem import Problem


def posed(implementation: Implementation, problem: Problem) -> Problem:
    """The problem as this implementation is posed it: of its loss, the logit of a pinned class 0. `NotPosed` says why not.

    What it declares prevails. Where it declares nothing, and takes no options, the problem says which loss is meant.
    """
    if reason := unfit(implementation, problem):
        raise Placeless(reason)
    asked = not (implementation.law.plain and not implementation.takes.options)
    return _pinned(implementation, meant(implementation, problem) if asked else problem)


def drawn(implementation: Implementation, problem: Problem, options: CrossEntropy | None = None) -> Problem:
    """A problem that was drawn or read, as it is posed and kept: of the loss that this implementation computes, if it can be.

    `options` are those of arguments; by default, what the problem has.
    """
    try:
        return meant(implementation, problem, options)
    except NotPosed:  # each check says so
        return problem


def meant(implementation: Implementation, problem: Problem, options: CrossEntropy | None = None) -> Problem:
    """The problem of the loss that this implementation computes, whatever loss it was of before; `NotPosed` where there is none."""
    return of(_law(implementation, problem, options or problem.law), problem)


def same_loss(implementation: Implementation, problem: Problem, where: str) -> tuple[str, ...]:
    """What is to be told where a saved problem is of a loss of one's own; `Unusable` where that is not said again.

    What a file says of a loss is data: nothing in it runs.
    """
    mine, saved = implementation.law, problem.law
    if not isinstance(saved, Loss):
        return ()
    if not isinstance(mine, Loss):
        raise Unusable(f"{where} is of the loss {saved.name}; say where it is: --loss {saved.origin}")
    if mine.digest != saved.digest:
        return (f"the loss has changed since {where} was saved: {saved.origin} had another text then",)
    return () if mine.options == saved.options else (f"{where} is of the loss {saved}, and {mine} is judged",)


def of(law: CrossEntropy, problem: Problem) -> Problem:
    """The problem of another loss, whose samples of the class that does not count are columns of zeros; `NotPosed` says why not."""
    try:
        law = law.of_classes(problem.L)
    except ValueError as reason:
        raise Placeless(str(reason)) from None
    if law == problem.law and (law is problem.law or not law.own):
        return _counted(problem)
    k, Y = law.ignore, problem.reals[3]
    if k is not None and 0 <= k < problem.L and Y[k].any():
        labels = np.where(problem.Y[k] > 0, np.zeros_like(problem.Y), problem.Y)
        problem = problem.with_law(CrossEntropy()).with_arrays(problem.theta, problem.b, problem.X, labels)
    try:
        return _counted(problem.with_law(law))
    except ProblemError as reason:
        raise Placeless(str(reason)) from None


def _law(implementation: Implementation, problem: Problem, options: CrossEntropy) -> CrossEntropy:
    """What is declared, with the problem's own options where they are taken; a loss of one's own as it is."""
    if implementation.law.own:
        return implementation.law
    law = replace(implementation.law, **{name: getattr(options, name) for name in implementation.varied})
    taken = fields(implementation.takes.options)
    return _as_arguments(law, problem, taken) if taken else law


def _as_arguments(law: CrossEntropy, problem: Problem, taken: tuple[str, ...]) -> CrossEntropy:
    """With the options that are handed over as they are: there, and exact in the precision of the problem."""
    p = problem.precision
    found: dict[str, Any] = {name: _exact(getattr(law, name), p.huge / 32, p) for name in RANGES if name in taken}
    if "ignore" in taken and law.ignore is None:
        found["ignore"] = NO_CLASS
    if "class_weight" in taken:
        weights = law.class_weight[: problem.L] or (1.0,) * problem.L
        found["class_weight"] = tuple(_exact(weight, np.sqrt(p.huge), p) for weight in weights)
    return replace(law, **found)


def _exact(value: float, most: float, precision: Precision) -> float:
    return float(precision.round(np.asarray(min(value, most))))


def _counted(problem: Problem) -> Problem:
    """The same problem, where something counts: a mean of nothing is 0/0."""
    if not problem.divisor > 0:
        raise Placeless("no sample counts, and the mean of nothing is 0/0")
    return problem


def _pinned(implementation: Implementation, problem: Problem) -> Problem:
    k = implementation.declared.pinned
    if k is None or k >= problem.L:
        return problem
    theta, b = problem.theta.copy(), problem.b.copy()
    theta[k], b[k] = 0, 0
    return problem.with_arrays(theta, b, problem.X, problem.Y)


def addressed(implementation: Implementation, law: CrossEntropy) -> Implementation:
    """The implementation, its functions told of the law of a problem where they take it."""
    if law == implementation.law:
        return implementation
    if not implementation.told:  # the problem says which loss is meant
        return adapt(replace(implementation, law=law))
    bound: dict[str, Any] = {
        name: Bound(getattr(implementation, name), law) for name in ADDRESSED if name in implementation.offers
    }
    bound["uses"] = {use: Bound(function, law) for use, function in implementation.uses.items()}
    return replace(implementation, **bound, told=False, adapted=True)
