"""Whether what is asked of a target is what it takes: a problem, and every call that a check makes.

Shapes are of the arrays that a target is handed: without the row of a pinned class, and with the feature that a bias is the weight
of.
"""

from typing import Any

import numpy as np

from gradcheck.implementations.record import Implementation, Layout, Placeless
from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES


def handed(layout: Layout, **sizes: int) -> dict[str, int]:
    """The sides of what is handed over of arrays of these."""
    more = {"L": -(layout.pinned is not None), "d": layout.bias == "absent"}
    return {side: size + more.get(side, 0) for side, size in sizes.items()}


def unfit(implementation: Implementation, problem: Problem) -> str:
    """Why this problem is not one that it takes; empty where it is."""
    takes, layout = implementation.takes, laid(implementation)
    sizes = {"L": problem.L, "d": problem.d, "n": problem.n}
    if not takes.fits(**handed(layout, **sizes)):
        return f"the target takes {takes.words}, and this is {_sizes(handed(layout, **sizes))}"
    inside = next((name for name in takes.refused if REGIMES[name].holds(problem)), "")
    return f"the target does not take the regime {inside}" if inside else ""


def require_fit(implementation: Implementation, function: str, arguments: tuple[Any, ...]) -> None:
    """Raise `Placeless` where this call, whose arrays are as in the paper, is not one that it takes.

    Checks call with parts of a problem, and with more than it.
    """
    takes = implementation.takes
    if takes.any_shape:
        return
    first = np.shape(arguments[0])
    if function in ("softmax", "softmax_jacobian"):
        sizes = dict(zip(("L", "n"), first, strict=False))
    else:
        sizes = handed(laid(implementation), L=first[0], d=first[1], n=np.shape(arguments[2])[1])
    if not takes.fits(**sizes):
        raise Placeless(f"the target takes {takes.words}, and this check asks for other shapes, too")


def laid(implementation: Implementation) -> Layout:
    """The layout of what it is handed, whether it is presented in the paper's or not."""
    return implementation.declared if implementation.adapted else implementation.layout


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{side}={size}" for side, size in sizes.items())
