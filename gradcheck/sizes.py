"""From which size it fails: the smallest problem with a few classes, features or samples more, and with fewer.

What is said was judged, on these problems. Where larger ones pass (a fault of multiples of 16, say), nothing is said.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.checks import Check, Trial
from gradcheck.errors import ProblemError
from gradcheck.implementations import Implementation
from gradcheck.law import CrossEntropy
from gradcheck.problem import Problem
from gradcheck.reduction import kept
from gradcheck.verdict import FAILURES, Outcome

LEAST = 5  # a smaller side is no matter of sizes
MOST = 2**16  # numbers of a problem that is tried
# The arrays that a side belongs to, and the axis.
SIDES = {"L": {"theta": 0, "b": 0, "Y": 0}, "d": {"theta": 1, "X": 0}, "n": {"X": 1, "Y": 1}}

Outcomes = Callable[[int], list[Outcome]]


def since(implementation: Implementation, check: Check, problem: Problem) -> str:
    """`from L = 17; 16 passes`: of each side of which that holds on all sizes that are tried; empty where there is none."""

    def of(side: str) -> Outcomes:
        return lambda size: [
            check.judge(Trial(implementation, resized)).outcome for resized in _resized(problem, side, size)
        ]

    long = {side: size for side in SIDES if (size := getattr(problem, side)) >= LEAST}
    return ", and ".join(
        f"from {side} = {size}; {size - 1} passes" for side, size in long.items() if _begins(size, of(side))
    )


def shortened(problem: Problem) -> Iterator[Problem]:
    """A long side without its first, and without its last: where these pass, they tell what begins at a size from the rest."""
    for side in SIDES:
        if (size := getattr(problem, side)) >= LEAST:
            yield from _resized(problem, side, size - 1)


def _begins(size: int, outcomes: Outcomes) -> bool:
    """Whether smaller sizes agree, whichever end is shortened, and larger ones fail, whichever end grows."""
    for other in (size - 1, size - 2, size // 2):
        if set(outcomes(other)) != {Outcome.AGREE}:
            return False
    # twice as many, and the sizes beside it: multiples of something would pass or fail alone
    return all(
        any(found in FAILURES for found in outcomes(other))
        for other in (size + 1, size + 2, 2 * size - 2, 2 * size - 1, 2 * size, 2 * size + 1)
    )


def _resized(problem: Problem, side: str, size: int) -> Iterator[Problem]:
    """Without the first and without the last of this side, as many as are too many; or with as many copies of them as lack."""
    now = getattr(problem, side)
    places = np.arange(now)
    if size < now:
        for left in (places[now - size :], places[:size]):
            yield from kept(problem, (side,), left)
        return
    for lacking in ((size - now, 0), (0, size - now)):
        yield from _grown(problem, side, np.pad(places, lacking, mode="edge"), lacking[0])


def _named(law: CrossEntropy, copied: np.ndarray, before: int) -> dict[str, Any]:
    """What an option says of classes, of which some are copies."""
    weights = tuple(law.class_weight[k] for k in copied) if law.class_weight else ()
    return {
        "class_weight": weights,
        "ignore": law.ignore if law.ignore is None or law.ignore < 0 else law.ignore + before,
    }


def _grown(problem: Problem, side: str, copied: np.ndarray, before: int) -> Iterator[Problem]:
    """With copies, `before` of them in front; of copied classes only the one that was there is a label."""
    arrays = {name: getattr(problem, name) for name in ("theta", "b", "X", "Y")}
    law = problem.law
    for name, axis in SIDES[side].items():
        arrays[name] = np.take(arrays[name], copied, axis=axis)
    if side == "L" and not law.own:
        law = replace(law, **_named(law, copied, before))
    if side == "L":
        arrays["Y"] = np.zeros_like(arrays["Y"])
        arrays["Y"][before : before + problem.L] = problem.Y
    try:
        found = Problem(**arrays, memory=problem.memory, law=law)
    except ProblemError:
        return
    if found.entries <= MOST:
        yield found
