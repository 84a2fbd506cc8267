"""The shapes that a target is posed which compiles for each: what checks make of a problem is of one of them, or is not posed."""

from typing import Any

from gradcheck.checks.reading import Skip
from gradcheck.implementations.told import ADDRESSED
from gradcheck.problem import Problem

Sides = tuple[int, ...]
Few = frozenset[Sides]
COMPILED = "it compiles for each shape, and is not posed another one for this"


def sides(problem: Problem) -> Sides:
    """L, d and n."""
    return problem.L, problem.d, problem.n


def require(few: Few, own: Problem, asked: Sides) -> None:
    """`Skip` where a problem made of `own` is of another shape that is none of the few; where there are none, any may be posed."""
    if few and asked != sides(own) and asked not in few:
        raise Skip(COMPILED)


def require_call(few: Few, own: Problem, name: str, arguments: tuple[Any, ...]) -> None:
    """The same of the arguments of a call, in the paper's layout. What takes logits alone is compiled in no time."""
    if few and name in ADDRESSED:
        theta, _, X, _ = arguments
        require(few, own, (*theta.shape, X.shape[1]))
